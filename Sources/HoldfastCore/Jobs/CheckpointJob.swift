package import HoldfastWire

/// The changed rows at a position, copied, to be written in one synced transaction, each table in the order of its keys.
package struct CheckpointJob: Sendable {
    /// Of the checkpoint: one more than the last one's.
    let number: UInt64
    package let through: Position
    let time: UInt64
    let age: UInt32
    let trimmedThrough: Position
    /// Positions that the journal doesn't have any more.
    let releasedDone: ContiguousArray<Position>
    let names: FrozenNames
    let holds: Holds.Rows
    let ages: JournalAges.Rows
    let audits: Audits.Rows
    let ledger: Ledger.Rows
    let inboxes: InboxTotals
    /// Set when all are copied.
    var users = UserImages()

    /// Writes the checkpoint. A crash at any step leaves the store as it was.
    package func run(on storage: any Storage) throws(StorageError) -> CheckpointResult {
        try storage.checkpoint { (store) throws(StorageError) in
            var applied = Position.zero
            _ = try store.get(.meta, Array(StoreMeta.appliedThrough.rawValue.utf8).span) { bytes in
                var reader = ByteReader(bytes)
                applied = Position(rawValue: reader.integer() ?? 0)
            }
            precondition(applied <= through, "a checkpoint never goes back")
            var kept = KeptCounts()
            try users.inboxes.write(.inbox, to: store, &kept)
            try users.rows.write(.users, to: store)
            try kept.write(to: store, applied: applied)
            try names.write(to: store)
            try holds.write(to: store)
            try ages.write(to: store)
            try audits.write(to: store)
            try ledger.write(to: store)
            for position in releasedDone { try store.delete(.released, StoreKey.inline(position.rawValue).span) }
            try writeMeta(to: store)
        }
        return CheckpointResult(number: number, through: through, nextUser: names.nextUser)
    }

    private func writeMeta(to store: any StoreTransaction) throws(StorageError) {
        let rows: [(StoreMeta, UInt64)] = [
            (.appliedThrough, through.rawValue), (.checkpoints, number), (.nextUser, names.nextUser),
            (.nextConversation, names.nextConversation), (.time, time),
            (.age, UInt64(age)), (.trimmedThrough, trimmedThrough.rawValue), (.ledgerCount, UInt64(ledger.count)),
        ]
        for (row, value) in rows + inboxes.rows { try store.put(.meta, Array(row.rawValue.utf8).span, StoreKey.inline(value).span) }
    }
}

/// The store has everything up to `through`.
package struct CheckpointResult: Sendable {
    var number: UInt64
    package var through: Position
    /// And all users below this number.
    var nextUser: UInt64
}

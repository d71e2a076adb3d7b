import HoldfastWire

/// What mends a data directory, as found by one look through it, and what is lost by it.
package struct RepairPlan: Sendable {
    private struct RowKey: Hashable, Sendable {
        var table: StoreTable
        var key: [UInt8]
    }

    /// Rows by table and key; nil: deleted.
    private var rows: [RowKey: [UInt8]?] = [:]
    /// Users' rows that are made anew.
    var images: [UInt64: UserImage] = [:]
    /// Inboxes that are made anew.
    var inboxes: [UInt64: ContiguousArray<TimelineEntry>] = [:]
    /// Names that are found again, or stand in.
    var names: [UInt64: [UInt8]] = [:]
    var meta: [StoreMeta: UInt64] = [:]
    /// Records that say that something was here, and for whom if a replay has to tell them.
    var tombstones: [Position: [UInt64]] = [:]
    var deletions: [Position] = []
    /// How many messages are missing of each user, at unknown places.
    var notices: [UInt64: Int] = [:]
    var nextPosition = Position.zero
    package internal(set) var losses: [Loss] = []

    /// So many notices for one inbox at most.
    private static let noticesMax = 1000

    init() {}

    mutating func put(_ table: StoreTable, _ key: [UInt8], _ value: [UInt8]) { rows[RowKey(table: table, key: key)] = .some(value) }

    mutating func delete(_ table: StoreTable, _ key: [UInt8]) { rows[RowKey(table: table, key: key)] = .some(nil) }

    /// Deletes a row; false when another finding has put a better one in its place.
    mutating func deleteUnlessPut(_ table: StoreTable, _ key: [UInt8]) -> Bool {
        guard rows[RowKey(table: table, key: key)] == nil else { return false }
        delete(table, key)
        return true
    }

    /// Looks through the directory.
    /// - Parameter nameSuffix: hard to guess; part of the names that stand in for lost ones.
    package static func make(
        for storage: any Storage, unreadable: UnreadableParts, nameSuffix: String, progress: Verification.Progress = { _, _ in }
    ) throws(StorageError) -> (plan: RepairPlan, findings: [Finding]) {
        var result: (RepairPlan, [Finding]) = (RepairPlan(), [])
        try storage.read { (snapshot) throws(StorageError) in
            var examination = try Examination(snapshot, unreadable: unreadable, nameSuffix: nameSuffix)
            try examination.run(progress)
            result = (examination.plan, examination.findings)
        }
        return result
    }

    /// Mends the copy, replays what is behind the checkpoint, so that a start has nothing to replay, and begins a new era.
    package func apply(to storage: any RepairableStorage, now: CoreTime) throws(StorageError) {
        try storage.checkpoint { (store) throws(StorageError) in
            try writeInboxes(to: store)
            try writeRows(to: store)
        }
        try forgetReleased(storage)
        try writeRecords(to: storage)
        try Self.replay(storage, now: now)
        try storage.raiseEra()
    }

    private func writeInboxes(to store: any StoreTransaction) throws(StorageError) {
        for (user, entries) in inboxes.sorted(by: { $0.key < $1.key }) {
            try store.deleteEntries(of: .inbox(user), through: Position(rawValue: .max)) { _ in }
            for entry in entries { try store.append(entry, to: .inbox(user)) }
        }
    }

    private func writeRows(to store: any StoreTransaction) throws(StorageError) {
        for (number, image) in images.sorted(by: { $0.key < $1.key }) {
            var bytes: [UInt8] = []
            image.encode(into: &bytes)
            try store.put(.users, StoreKey.number(number).span, bytes.span)
        }
        let ordered = rows.sorted { a, b in
            a.key.table == b.key.table ? a.key.key.lexicographicallyPrecedes(b.key.key) : a.key.table.rawValue < b.key.table.rawValue
        }
        for (row, value) in ordered {
            if let value { try store.put(row.table, row.key.span, value.span) } else { try store.delete(row.table, row.key.span) }
        }
        for row in StoreMeta.allCases {
            try store.put(.meta, Array(row.rawValue.utf8).span, StoreKey.number(meta[row] ?? 0).span)
        }
    }

    /// The journal is looked through from its beginning again, which finds what was released.
    private func forgetReleased(_ storage: any RepairableStorage) throws(StorageError) {
        var keys: [[UInt8]] = []
        try storage.read { (snapshot) throws(StorageError) in
            try snapshot.rows(.released) { (key, _) throws(StorageError) in keys.append(key) }
        }
        try storage.checkpoint { (store) throws(StorageError) in
            for key in keys { try store.delete(.released, key.span) }
        }
    }

    private func writeRecords(to storage: any RepairableStorage) throws(StorageError) {
        var records: [(Position, [UInt8])] = []
        for (position, users) in tombstones.sorted(by: { $0.key < $1.key }) { records.append((position, Self.lost(users))) }
        var next = max(storage.nextPosition, nextPosition)
        for round in 0..<min(notices.values.max() ?? 0, Self.noticesMax) {
            records.append((next, Self.lost(notices.filter { $0.value > round }.keys.sorted())))
            next = Position(rawValue: next.rawValue + 1)
        }
        try storage.rewrite(records, deleting: deletions.sorted(), nextPosition: next)
    }

    private static func lost(_ users: [UInt64]) -> [UInt8] {
        var bytes: [UInt8] = []
        Record.lost(users).encode(into: &bytes)
        return bytes
    }

    /// A start that goes well, up to its first checkpoint.
    private static func replay(_ storage: any RepairableStorage, now: CoreTime) throws(StorageError) {
        var core = try Core.recover(storage: storage, configuration: CoreConfiguration(), loops: 1, now: now)
        let last = core.lastPosition
        core.requestCheckpoint()
        while !core.isCheckpointed {
            if let job = core.takeCheckpoint() { core.checkpointWritten(try job.run(on: storage)) }
            // Not a tick: a hold that gave way, or a session that was seen, would be a record, for which the checkpoint would wait forever.
            core.advanceCheckpoint()
            precondition(core.lastPosition == last, "a repair appends nothing")
        }
    }
}

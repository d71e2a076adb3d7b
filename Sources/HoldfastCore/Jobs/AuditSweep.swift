import HoldfastWire

/// Looks for rows of the audit log that are too old, from the oldest on.
package struct AuditSweep: Sendable {
    let after: Position
    /// By the age clock, in seconds: a row of this age or below is too old.
    let upToAge: UInt32
    let rowsMax: Int

    package func run(on storage: any Storage) throws(StorageError) -> AuditSweepResult {
        var result = AuditSweepResult()
        try storage.read { (snapshot) throws(StorageError) in
            try snapshot.scan(.audit, from: StoreKey.number(after.rawValue + 1).span) { key, value in
                // One that is damaged has no age, and stays for `verify`.
                guard let entry = AuditEntry(key, value) else { return true }
                guard entry.record.age <= upToAge else { return false }
                result.positions.append(entry.position)
                result.isDone = result.positions.count < rowsMax
                return result.isDone
            }
        }
        assert(result.positions.count <= rowsMax, "a sweep goes in slices")
        return result
    }
}

package struct AuditSweepResult: Sendable {
    /// Rising.
    var positions = ContiguousArray<Position>()
    /// Nothing is left that is too old.
    var isDone = true
}

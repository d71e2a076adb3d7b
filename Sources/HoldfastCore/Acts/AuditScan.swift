import HoldfastWire

/// The search for a page of the audit log.
struct AuditScan: Sendable {
    let after: Position
    let limit: Int
    /// The first ones of those that the store lacks, one more than the page has.
    let recent: [AuditEntry]

    /// - Parameter position: nothing later is told: a view may be of after the question.
    func page(from snapshot: any StorageSnapshot, through position: Position) throws(StorageError) -> AuditPage {
        let end = recent.first.map { Position(rawValue: $0.position.rawValue - 1) } ?? position
        var entries: [AuditEntry] = []
        // The last position of all has no next one.
        if after < end {
            try snapshot.scan(.audit, from: StoreKey.number(after.rawValue + 1).span) { key, value in
                // One that is damaged is left out: `verify` tells of it.
                guard let entry = AuditEntry(key, value) else { return true }
                guard entry.position <= end else { return false }
                entries.append(entry)
                return entries.count <= limit
            }
        }
        entries.append(contentsOf: recent)
        return AuditPage(entries: Array(entries.prefix(limit)), hasMore: entries.count > limit)
    }
}

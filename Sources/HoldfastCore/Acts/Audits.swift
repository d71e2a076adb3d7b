import HoldfastWire

/// The audit log: a part of the core that owns the rows which the store doesn't have yet, and knows which of the store's are too old.
struct Audits {
    /// Rows since the last checkpoint that was written, in their order.
    private(set) var recent = ContiguousArray<AuditEntry>()
    /// So many of them are in the checkpoint that runs.
    private var frozenCount = 0
    /// Rows of the store that the next checkpoint deletes.
    private var expired = ContiguousArray<Position>()
    /// Rows that are synced, for the file that log collectors read.
    var notices: [AuditEntry] = []
    /// The last act: what is derived from acts leaves when it is synced.
    private(set) var lastPosition = Position.zero

    // MARK: The sweep

    /// Rows up to here have been looked at since the start.
    private var sweptThrough = Position.zero
    private var isSweeping = false
    /// When rows are looked at next, by the monotonic clock.
    private var nextSweep: UInt64 = 0

    struct Rows: Sendable {
        fileprivate(set) var put = ContiguousArray<AuditEntry>()
        fileprivate(set) var deleted = ContiguousArray<Position>()
    }

    mutating func append(_ record: AuditRecord, at position: Position) {
        assert(position > lastPosition, "acts have an order")
        lastPosition = position
        recent.append(AuditEntry(position: position, record: record))
    }

    /// The rows after a position that the store may lack.
    func recent(after position: Position, limit: Int) -> [AuditEntry] {
        Array(recent[(recent.firstIndex { $0.position > position } ?? recent.endIndex)...].prefix(limit))
    }

    /// What a reader is to look for; nil: nothing is due.
    /// - Parameter age: rows of this age and below are too old.
    mutating func takeSweep(upToAge age: UInt32, rowsMax: Int, now: UInt64) -> AuditSweep? {
        guard !isSweeping, now >= nextSweep else { return nil }
        isSweeping = true
        return AuditSweep(after: sweptThrough, upToAge: age, rowsMax: rowsMax)
    }

    /// - Parameter next: when to look again, if nothing is left now.
    mutating func swept(_ result: AuditSweepResult, now: UInt64, next: UInt64) {
        precondition(isSweeping, "a sweep is asked for once")
        isSweeping = false
        nextSweep = result.isDone ? next : now
        if let last = result.positions.last { sweptThrough = last }
        expired.append(contentsOf: result.positions)
    }

    /// What was replayed may not have reached the file before the crash.
    mutating func noteReplayed() { notices = Array(recent) }

    // MARK: Rows

    /// Rows that the next checkpoint puts or deletes.
    var changedCount: Int { recent.count - frozenCount + expired.count }

    /// What has changed since the last time, for a checkpoint.
    mutating func freeze() -> Rows {
        defer { (frozenCount, expired) = (recent.count, []) }
        return Rows(put: recent, deleted: expired)
    }

    /// The store has what was frozen.
    mutating func frozenWritten() {
        recent.removeFirst(frozenCount)
        frozenCount = 0
    }

    /// What must hold and doesn't; nil: all does.
    func violation(after written: Position) -> String? {
        if frozenCount > recent.count { return "more rows of the audit log are frozen than there are" }
        if zip(recent, recent.dropFirst()).contains(where: { $0.position >= $1.position }) { return "the audit log has no order" }
        return recent.first.map { $0.position <= written } ?? false ? "a row of the audit log is in RAM that the store has" : nil
    }
}

extension Audits.Rows {
    func write(to store: any StoreTransaction) throws(StorageError) {
        for entry in put {
            var value: [UInt8] = []
            Record.audit(entry.record).encode(into: &value)
            try store.put(.audit, StoreKey.inline(entry.position.rawValue).span, value.span)
        }
        for position in deleted { try store.delete(.audit, StoreKey.inline(position.rawValue).span) }
    }
}

extension AuditEntry {
    /// A row of the store; nil when it is damaged.
    init?(_ key: Span<UInt8>, _ value: Span<UInt8>) {
        var reader = ByteReader(key)
        guard key.count == 8, let position = reader.integer(UInt64.self), case .audit(let record)? = Record.decode(value) else {
            return nil
        }
        self.init(position: Position(rawValue: position), record: record)
    }
}

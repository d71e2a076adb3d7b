import HoldfastWire

/// The keys of accounts' requests, and what became of each: a part of the core that owns the rows since the last checkpoint, and counts all that
/// there are. Rows that are in the store only are read for each request: most keys are new, and are in no cache that could help.
struct Ledger {
    /// Rows since the last checkpoint began; nil: the row is swept, and the next checkpoint deletes it.
    private var recent: [RequestKey: LedgerRow?] = [:]
    /// The same of the checkpoint that runs.
    private var frozen: [RequestKey: LedgerRow?] = [:]
    /// Rows that the store has once all of `frozen` is written, and those of `recent`.
    private(set) var count = 0
    /// How many of `recent` are swept.
    private(set) var sweptCount = 0
    /// Keys that are kept; the room of those that are swept is free with the next checkpoint.
    var keptCount: Int { count - sweptCount }
    /// Rows are searched for old ones from here on.
    var sweep = LedgerSweep()

    /// What is known of a key without the store.
    enum Answer: Equatable {
        case row(LedgerRow)
        /// It was swept, and the next checkpoint deletes the row.
        case swept
        /// The checkpoint that runs deletes the row: whether the store has it depends on whether that is ever written.
        case beingDeleted
        case unknown
    }

    func find(_ key: RequestKey) -> Answer {
        if let known = recent[key] { return known.map(Answer.row) ?? .swept }
        if let known = frozen[key] { return known.map(Answer.row) ?? .beingDeleted }
        return .unknown
    }

    /// A record has the key.
    /// - Parameter isNew: there was no row of it.
    mutating func insert(_ key: RequestKey, _ row: LedgerRow, isNew: Bool) {
        if case .some(.none) = recent.updateValue(row, forKey: key) { sweptCount -= 1 }
        if isNew { count += 1 }
        assert(sweptCount >= 0, "what is swept is counted once")
    }

    /// The store's rows of these keys have outlived their promise.
    mutating func swept(_ keys: ContiguousArray<RequestKey>) {
        // A request that has come since has a promise of its own.
        for key in keys where find(key) == .unknown {
            recent[key] = .some(nil)
            sweptCount += 1
        }
    }

    // MARK: Checkpoints

    struct Rows: Sendable {
        /// nil: the row is deleted.
        var rows: [RequestKey: LedgerRow?] = [:]
        var count = 0
    }

    var changedCount: Int { recent.count }

    mutating func freeze() -> Rows {
        assert(frozen.isEmpty, "one checkpoint at a time")
        count -= sweptCount
        precondition(count >= 0, "a row is swept once")
        sweptCount = 0
        swap(&recent, &frozen)
        // Nothing is copied: what is frozen doesn't change.
        return Rows(rows: frozen, count: count)
    }

    mutating func frozenWritten() { frozen = [:] }

    mutating func load(_ snapshot: any StorageSnapshot) throws(StorageError) {
        count = Int(clamping: try StoreMeta.read(.ledgerCount, from: snapshot) ?? 0)
    }

    /// What must hold and doesn't; nil: all does.
    func violation(below next: Position) -> String? {
        if recent.count(where: { $0.value == nil }) != sweptCount { return "swept keys of the ledger are not counted" }
        if count < recent.count { return "the ledger counts \(count) keys and has \(recent.count) new ones" }
        for (key, row) in recent { if let row, row.position >= next { return "key \(key) has a position that isn't in the journal" } }
        return nil
    }
}

extension Ledger.Rows {
    func write(to store: any StoreTransaction) throws(StorageError) {
        var value: [UInt8] = []
        for (key, row) in rows.sorted(by: { $0.key < $1.key }) {
            guard let row else {
                try store.delete(.ledger, key.encoded.span)
                continue
            }
            value.removeAll(keepingCapacity: true)
            row.encode(into: &value)
            try store.put(.ledger, key.encoded.span, value.span)
        }
    }
}

/// Where the search for keys that have outlived their promise stands.
struct LedgerSweep {
    /// nil: no search is under way.
    var after: RequestKey?
    var isLooking = false
    /// When to begin the next one, by the monotonic clock.
    var nextLook: UInt64 = 0
}

import HoldfastWire

// Keys of accounts' requests: until when a new one is kept, what a repeat is answered, and how old ones go.
extension Core {
    /// What the ledger says of a request.
    struct RequestPlace {
        /// What became of the request before; nil: it is new.
        var row: LedgerRow?
        var place: RequestNote.Place
    }

    /// What became of the key's request; nil: the store has to be asked.
    func findRequest(_ key: RequestKey, _ found: FoundRows) -> RequestPlace? {
        switch ledger.find(key) {
        case .row(let row): return RequestPlace(row: row.until > clock.age ? row : nil, place: .replaces)
        case .swept: return RequestPlace(row: nil, place: .replaces)
        case .beingDeleted: return RequestPlace(row: nil, place: .newIfDeleted)
        case .unknown:
            // What RAM had may be in the store since: only an answer of the last checkpoint counts.
            guard let answer = found.requests[key], answer.checkpoint == checkpoint.written else { return nil }
            guard let row = answer.row else { return RequestPlace(row: nil, place: .new) }
            return RequestPlace(row: row.until > clock.age ? row : nil, place: .replaces)
        }
    }

    /// Until when the key of a request that is stored now is kept, by the age clock: a promise, which is never shortened.
    func keepKeyUntil() -> UInt32 {
        let max = configuration.idempotencyKeysMax
        let half = max / 2
        let (longest, shortest) = (configuration.keySeconds, configuration.keySecondsMin)
        assert(shortest <= longest, "a full ledger keeps keys no longer than an empty one")
        guard ledger.keptCount > half, max > half else { return clock.age &+ longest }
        let excess = UInt64(min(ledger.keptCount, max) - half)
        return clock.age &+ longest - UInt32(UInt64(longest - shortest) * excess / UInt64(max - half))
    }

    var isLedgerFull: Bool { ledger.keptCount >= configuration.idempotencyKeysMax }

    /// What a caller is told of a time of the age clock, in milliseconds since 1970.
    func wallTime(ofAge age: UInt32) -> UInt64 {
        let (now, then) = (UInt64(clock.age), UInt64(age))
        let difference = max(now, then) - min(now, then)
        return then >= now ? clock.time + difference * 1_000 : clock.time - min(clock.time, difference * 1_000)
    }

    // MARK: The sweep

    /// The next slice of the search for keys that have outlived their promise: `run` it on a reader thread, then call `ledgerPlanned`.
    mutating func takeLedgerJob() -> LedgerJob? {
        guard !ledger.sweep.isLooking, ledger.count > 0, monotonic >= ledger.sweep.nextLook, checkpoint.writtenThrough > .zero,
            changedEntries < configuration.checkpointEntries
        else { return nil }
        ledger.sweep.isLooking = true
        #if PLANTED_BUGS
            let age = PlantedBug.keyTrimmedEarly.isActive ? clock.age &+ configuration.keySeconds : clock.age
        #else
            let age = clock.age
        #endif
        return LedgerJob(after: ledger.sweep.after, age: age, rowsMax: configuration.keySweepSliceRows)
    }

    mutating func ledgerPlanned(_ plan: LedgerPlan) {
        precondition(ledger.sweep.isLooking, "a plan is asked for once")
        ledger.sweep.isLooking = false
        // A view from before the last checkpoint may have rows that were replaced or swept since: it is looked at again.
        guard plan.checkpoint >= checkpoint.written else { return }
        ledger.swept(plan.keys)
        ledger.sweep.after = plan.isDone ? nil : plan.last
        ledger.sweep.nextLook = monotonic + (plan.isDone ? configuration.keySweepMilliseconds : Self.sweepSliceMilliseconds)
    }

    /// Between two slices, so that a search through millions of rows takes little of the disk's time.
    private static let sweepSliceMilliseconds: UInt64 = 100
}

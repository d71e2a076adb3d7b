import HoldfastWire

// Trimming: deleting from the journal what is below the checkpoint, below every hold and in no timeline.

/// Where trimming stands.
struct TrimState {
    /// Everything up to here has been looked at once.
    var trimmedThrough = Position.zero
    /// The table of released positions has been read up to here since the last checkpoint.
    var releasedThrough = Position.zero
    var isReleasedDone = true
    var isPlanning = false
    /// No record above this was ever deleted.
    var reach = Position.zero
    /// The last record that isn't a change of a hold. A hold that has nothing else to hold doesn't give way, or its own record would be the next
    /// that it has to give way for.
    var lastHeld = Position.zero
    /// To go with the next batch, and with one that isn't synced yet: one at a time.
    var planned: TrimPlan?
    var inFlight: TrimPlan?
    /// Deleted from the journal: the next checkpoint forgets them.
    var releasedDone = ContiguousArray<Position>()
    /// When the limits of the holds are looked at next, by the monotonic clock.
    var nextLook: UInt64 = 0
    /// For the log and for those who have them.
    var notices: [HoldNotice] = []
}

extension Core {
    /// What to look for in the journal next: `run` it on a reader thread, then call `trimPlanned`.
    mutating func takeTrim() -> TrimJob? {
        let through = min(checkpoint.writtenThrough, holds.floor)
        guard !trim.isPlanning, trim.planned == nil, trim.inFlight == nil, trim.trimmedThrough < through || !trim.isReleasedDone else {
            return nil
        }
        trim.isPlanning = true
        trim.reach = max(trim.reach, through)
        return TrimJob(
            after: trim.trimmedThrough, through: through, releasedAfter: trim.releasedThrough,
            // Each deletion may copy a page, and all have to fit in a batch.
            recordsMax: min(
                configuration.trimSliceRecords, isSpaceLow ? configuration.trimSliceLowRecords : .max,
                max(1, configuration.batchBytesMax / JournalBatch.deletionBytes)),
            checkpoint: checkpoint.written)
    }

    mutating func trimPlanned(_ plan: TrimPlan) {
        precondition(trim.isPlanning && trim.planned == nil, "a plan is asked for once")
        trim.isPlanning = false
        // A plan from before the last checkpoint may take released positions that were forgotten since: it is made again.
        guard plan.checkpoint == checkpoint.written else { return }
        trim.planned = plan
    }

    /// Deletions for the next commit.
    mutating func takeDeletions() -> ContiguousArray<Position> {
        guard let plan = trim.planned else { return [] }
        trim.planned = nil
        trim.inFlight = plan
        #if !PLANTED_BUGS
            precondition(plan.deletions.last.map { $0 <= trim.reach } ?? true, "nothing is deleted that a hold may keep")
        #endif
        if plan.deletions.isEmpty { deletionsCommitted() }
        return plan.deletions
    }

    /// The journal has deleted what was planned.
    mutating func deletionsCommitted() {
        guard let plan = trim.inFlight else { preconditionFailure("what is deleted was planned") }
        totals.trimmedRecords &+= UInt64(plan.deletions.count)
        trim.inFlight = nil
        assert(plan.scannedThrough <= trim.reach, "trimming doesn't look past the lowest hold")
        trim.trimmedThrough = max(trim.trimmedThrough, plan.scannedThrough)
        trim.releasedDone.append(contentsOf: plan.released)
        guard plan.checkpoint == checkpoint.written else { return }
        if let last = plan.released.last { trim.releasedThrough = last }
        trim.isReleasedDone = plan.isReleasedDone
    }

    /// Positions may have been released, by a checkpoint or by a hold, since they were looked at.
    mutating func lookAtReleasedAgain() {
        trim.releasedThrough = .zero
        trim.isReleasedDone = false
    }

    // MARK: Holds

    /// Sets a hold, moves its floor up, or lets go of it.
    mutating func hold(_ id: ReplyID, _ request: HoldRequest) {
        let name = request.name
        let known = holds[name]
        var record = HoldRecord(name: name, hold: known ?? Hold(floor: .zero, ageMax: 0, bytesMax: 0), cause: .set)
        switch request {
        case .set(_, let hold): record.hold = hold
        case .register(_, let registration):
            guard let consumer = consumer(registration, known) else { return reply(id, .placeAhead(newest: .end(of: lastPosition))) }
            record.hold = Hold(
                floor: consumer.place.wholeThrough, ageMax: registration.ageMax, bytesMax: registration.bytesMax, consumer: consumer)
        case .acknowledge(_, let place):
            guard let known, var consumer = known.consumer else { return reply(id, .noConsumer) }
            guard place.position <= lastPosition else { return reply(id, .placeAhead(newest: .end(of: lastPosition))) }
            // What is said again, or comes late, changes nothing.
            guard place > consumer.place else { return answer(id, .held(floor: known.floor, at: lastPosition), until: lastPosition) }
            consumer.acknowledge(place)
            record.hold.floor = max(known.floor, place.wholeThrough)
            record.hold.consumer = consumer
        case .release:
            // One that isn't there is let go of already.
            guard known != nil else { return reply(id, .held(floor: trim.reach, at: settledThrough)) }
            record.cause = .released
        }
        if record.cause == .set {
            guard known != nil || holds.names.count < Holds.countMax else { return reply(id, .tooManyHolds) }
            record.hold.floor = min(max(record.hold.floor, wholeAfter), lastPosition)
        }
        assert(record.hold.floor < nextPosition, "a floor is in the journal")
        let position = append(.hold(record))
        answer(id, .held(floor: record.hold.floor, at: position), until: position)
    }

    /// Of the records up to here some may be gone; all above it are there.
    var wholeAfter: Position { min(holds.floor, trim.reach) }

    /// What a consumer begins with; nil: with a place that is still to come.
    private func consumer(_ registration: HoldRequest.Registration, _ known: Hold?) -> FeedConsumer? {
        var consumer = FeedConsumer(filter: registration.filter, place: .end(of: lastPosition), users: registration.users)
        switch registration.start {
        case .kept: if let known = known?.consumer { (consumer.place, consumer.missed) = (known.place, known.missed) }
        case .newest: break
        case .oldest: consumer.place = .end(of: wholeAfter)
        case .after(let place):
            guard place.position <= lastPosition else { return nil }
            consumer.place = place
        }
        return consumer
    }

    /// A record was made, or is replayed: what limits of holds go by.
    mutating func countRecord(_ record: Record, _ bytes: Int, at position: Position) {
        if case .hold = record { ages.count(bytes) } else { countRecord(bytes, at: position) }
    }

    /// The same of one that isn't a hold's.
    mutating func countRecord(_ bytes: Int, at position: Position) {
        ages.count(bytes)
        trim.lastHeld = position
    }

    mutating func applyHold(_ record: HoldRecord) {
        holds.apply(record)
        lookAtReleasedAgain()
    }

    /// Holds give way to their limits, and one after the other to a disk that is nearly full.
    mutating func enforceHolds() {
        guard !holds.names.isEmpty, monotonic >= trim.nextLook else { return }
        trim.nextLook = monotonic + Self.holdLookMilliseconds
        for name in holds.names {
            guard let hold = holds[name] else { continue }
            if hold.ageMax > 0, clock.age > hold.ageMax {
                giveUp(name, through: ages.position(upToAge: clock.age - hold.ageMax), .ageLimit)
            }
            if hold.bytesMax > 0 { giveUp(name, through: ages.position(leaving: hold.bytesMax), .bytesLimit) }
        }
        // Another one only when what the last one held is gone and wasn't enough.
        guard roomBytes < configuration.holdRoomBytes, isTrimmed, let name = holds.names.first(where: { isHolding($0) }) else { return }
        giveUp(name, through: checkpoint.writtenThrough, .noRoom)
    }

    private static let holdLookMilliseconds: UInt64 = 1_000

    /// Nothing is left to be trimmed as long as the holds are what they are.
    private var isTrimmed: Bool {
        !trim.isPlanning && trim.planned == nil && trim.inFlight == nil && trim.isReleasedDone
            && trim.trimmedThrough >= min(checkpoint.writtenThrough, holds.floor)
    }

    private func isHolding(_ name: HoldName) -> Bool {
        holds[name].map { $0.floor < min(checkpoint.writtenThrough, trim.lastHeld) } ?? false
    }

    private mutating func giveUp(_ name: HoldName, through position: Position, _ cause: HoldCause) {
        guard var hold = holds[name], position > hold.floor, isHolding(name) else { return }
        let notice = HoldNotice(name: name, from: hold.floor, to: position, cause: cause)
        hold.floor = position
        hold.consumer?.miss(through: position, cause)
        // Behind the answer to a request that set it: who has the hold hears of both in their order.
        self.hold(.notice(notice), until: append(.hold(HoldRecord(name: name, hold: hold, cause: cause))))
    }

    /// Holds that gave way since the last time.
    mutating func takeHoldNotices() -> [HoldNotice] {
        guard !trim.notices.isEmpty else { return [] }
        defer { trim.notices = [] }
        return trim.notices
    }

    /// A point of the ages for the checkpoint that begins; points that nobody asks for any more go.
    mutating func noteAges(through position: Position) {
        ages.note(position, age: clock.age)
        let oldest = max(configuration.inboxDays * 86_400, holds.ageMax)
        ages.forget(upToAge: clock.age > oldest ? clock.age - oldest : 0, floor: holds.floor)
    }
}

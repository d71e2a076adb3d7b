import HoldfastWire

// Checkpoints and trimming, the core's side: freezing and copying rows, letting go of what the disk has.
extension Core {
    /// What the next checkpoint has to write, and a start after a crash to replay.
    var changedEntries: Int {
        checkpoint.dirtyUsers.count + checkpoint.frozenUsers.count + pool.usedCount + userNumbers.changedCount + pairs.changedCount
            + devices.changedCount
    }

    /// The same and what it has to delete, by what it writes for that: a position is released with a small fraction of what a row takes.
    var checkpointRows: Int { changedEntries + (checkpoint.releasedEntries + checkpoint.frozenReleasedEntries) / 8 }

    /// Asks for a checkpoint as soon as possible: at a shutdown.
    mutating func requestCheckpoint() {
        checkpoint.isRequested = true
        advanceCheckpoint()
    }

    /// Whether the store has everything that is committed.
    var isCheckpointed: Bool { checkpoint.isIdle && changedEntries == 0 }

    /// Whether a checkpoint is under way, from its first row to the last one that is let go of.
    var isCheckpointing: Bool { !checkpoint.isIdle }

    /// A step of the checkpoint: a slice of rows.
    mutating func advanceCheckpoint() {
        // A request is for what has changed by now: with nothing to write it is fulfilled.
        if checkpoint.isIdle, changedEntries == 0 { checkpoint.isRequested = false }
        if checkpoint.isIdle, isCheckpointDue { freeze() }
        continueCheckpoint()
    }

    /// Whether rows are to be copied or let go of: senders may be waiting for that, so it should go on as soon as the core has nothing else to do.
    var hasCheckpointSlices: Bool {
        (checkpoint.job != nil && checkpoint.frozenHead < checkpoint.frozenUsers.count) || !checkpoint.writtenUsers.isEmpty
    }

    /// A slice of the rows that `hasCheckpointSlices` tells of.
    mutating func continueCheckpoint() {
        if checkpoint.job != nil, checkpoint.frozenHead < checkpoint.frozenUsers.count { copySlice() }
        if !checkpoint.writtenUsers.isEmpty { letGoSlice() }
    }

    private var isCheckpointDue: Bool {
        if isCheckpointDueForRoom { return true }
        let changed = changedEntries
        guard changed > 0 else { return false }
        return checkpoint.isRequested || changed >= configuration.checkpointEntries
            || monotonic &- checkpoint.lastMonotonic >= configuration.checkpointMilliseconds
            || (changed >= configuration.checkpointQuietEntries && isQuiet)
    }

    /// Only what a checkpoint covers is trimmed. While room is low one is due as soon as anything has changed, because no messages come in: what
    /// changes then are cursors and sessions, whose records can go, and what the cursors let go of. Before that it is due when the records
    /// since the last one have taken half of the room, so that those which were read meanwhile don't lead to a refusal.
    private var isCheckpointDueForRoom: Bool {
        guard monotonic &- checkpoint.lastMonotonic >= configuration.checkpointRoomMilliseconds else { return false }
        guard isSpaceLow else { return changedEntries > 0 && checkpoint.journalBytes >= roomBytes / 2 }
        // The store's rows of what was trimmed take room, too.
        return changedEntries > 0 || !trim.releasedDone.isEmpty
    }

    /// Nothing has been stored for a while.
    var isQuiet: Bool { monotonic &- lastAppended >= configuration.checkpointQuietMilliseconds }

    /// Begins a checkpoint of everything before the next position.
    mutating func freeze() {
        checkpoint.isRequested = false
        checkpoint.lastMonotonic = monotonic
        checkpoint.journalBytes = 0
        checkpoint.frozenReleasedEntries = checkpoint.releasedEntries
        checkpoint.releasedEntries = 0
        checkpoint.frozenUsers = checkpoint.dirtyUsers
        checkpoint.frozenHead = 0
        checkpoint.dirtyUsers = []
        checkpoint.job = CheckpointJob(
            through: Position(rawValue: nextPosition.rawValue - 1), epoch: checkpoint.epoch, nextUser: nextUser,
            nextConversation: nextConversation, time: clock.time, age: clock.age, trimmedThrough: trim.trimmedThrough,
            userNumbers: userNumbers.freeze(), devices: devices.freeze(), conversations: conversations.freeze(),
            releasedDone: trim.releasedDone)
        checkpoint.job?.reserve(users: checkpoint.frozenUsers.count, entries: pool.usedCount)
        // Both are written from the tables above.
        _ = userNames.freeze()
        _ = pairs.freeze()
        trim.releasedDone = []
        checkpoint.epoch += 1
    }

    private mutating func copySlice() {
        let end = min(checkpoint.frozenHead + configuration.checkpointSliceRows, checkpoint.frozenUsers.count)
        for index in checkpoint.frozenHead..<end {
            let slot = checkpoint.frozenUsers[index]
            // Another epoch: it was copied when it changed.
            if users[Int(slot)].dirtyEpoch == checkpoint.epoch - 1 { saveForCheckpoint(slot) }
        }
        checkpoint.frozenHead = end
    }

    /// Copies a frozen row as it is now.
    mutating func saveForCheckpoint(_ slot: Slot) {
        var count = 0
        var session = users[Int(slot)].firstSession
        while session != noSlot {
            count += 1
            session = sessions[Int(session)].next
        }
        session = users[Int(slot)].firstSession
        let rows = sessions
        let floor = floor(of: slot)
        checkpoint.job?.add(users[Int(slot)], floor: floor, sessionCount: count) {
            let row = rows[Int(session)]
            session = row.next
            return row
        }
        if !users[Int(slot)].entries.isEmpty { users[Int(slot)].hasTimeline = true }
        var node = users[Int(slot)].entries.head
        while node != noSlot {
            checkpoint.job?.add(pool[node].entry)
            node = pool.next(after: node)
        }
        users[Int(slot)].dirtyEpoch = 0
        users[Int(slot)].savedEpoch = checkpoint.epoch - 1
    }

    /// The checkpoint to be written now: `run` it on another thread, then call `checkpointWritten`.
    mutating func takeCheckpoint() -> CheckpointJob? {
        #if PLANTED_BUGS
            if PlantedBug.checkpointAheadOfJournal.isActive, let job = checkpoint.job,
                checkpoint.frozenHead == checkpoint.frozenUsers.count
            {
                checkpoint.job = nil
                checkpoint.isWriting = true
                return job
            }
        #endif
        guard let job = checkpoint.job, checkpoint.frozenHead == checkpoint.frozenUsers.count, committedThrough >= job.through else {
            return nil
        }
        checkpoint.job = nil
        checkpoint.isWriting = true
        return job
    }

    mutating func checkpointWritten(_ result: CheckpointResult) {
        checkpoint.isWriting = false
        checkpoint.writtenThrough = result.through
        checkpoint.writtenEpoch = result.epoch
        checkpoint.frozenReleasedEntries = 0
        checkpoint.writtenUsers = checkpoint.frozenUsers
        checkpoint.writtenHead = 0
        checkpoint.frozenUsers = []
        checkpoint.frozenHead = 0
        userNumbers.frozenWritten()
        userNames.frozenWritten()
        devices.frozenWritten()
        conversations.frozenWritten()
        pairs.frozenWritten()
        trim.releasedThrough = .zero
        trim.isReleasedDone = false
        letGoSlice()
        releaseCredits()
    }

    /// Frees the entries that the timelines on disk have.
    private mutating func letGoSlice() {
        let end = min(checkpoint.writtenHead + configuration.checkpointSliceRows, checkpoint.writtenUsers.count)
        for index in checkpoint.writtenHead..<end { letGo(checkpoint.writtenUsers[index]) }
        cacheSteps += Self.cacheStepsPerRow * (end - checkpoint.writtenHead)
        checkpoint.writtenHead = end
        if end == checkpoint.writtenUsers.count {
            checkpoint.writtenUsers = []
            releaseCredits()
        }
    }

    private mutating func letGo(_ user: Slot) {
        var last: Position?
        while let first = pool.first(of: users[Int(user)].entries), first.entry.position <= checkpoint.writtenThrough {
            _ = pool.removeFirst(of: &users[Int(user)].entries)
            last = first.entry.position
        }
        guard let last else { return }
        #if PLANTED_BUGS
            if PlantedBug.pageRacesCheckpoint.isActive { return }
        #endif
        users[Int(user)].diskLast = max(users[Int(user)].diskLast, last)
        var slot = users[Int(user)].firstSession
        while slot != noSlot {
            sessions[Int(slot)].flags.remove(.diskDone)
            slot = sessions[Int(slot)].next
        }
    }

    // MARK: Trimming

    /// What to look for in the journal next: `run` it on a reader thread, then call `trimPlanned`.
    mutating func takeTrim() -> TrimJob? {
        guard !trim.isPlanning, trim.planned == nil, trim.inFlight == nil,
            trim.trimmedThrough < checkpoint.writtenThrough || !trim.isReleasedDone
        else { return nil }
        trim.isPlanning = true
        return TrimJob(
            after: trim.trimmedThrough, releasedAfter: trim.releasedThrough,
            // Each deletion may copy a page.
            recordsMax: min(configuration.trimSliceRecords, isSpaceLow ? configuration.trimSliceLowRecords : .max),
            generation: checkpoint.writtenEpoch)
    }

    mutating func trimPlanned(_ plan: TrimPlan) {
        trim.isPlanning = false
        // A plan from before the last checkpoint may take released positions that were forgotten since: it is made again.
        guard plan.generation == checkpoint.writtenEpoch else { return }
        trim.planned = plan
    }

    /// Deletions for the next commit.
    mutating func takeDeletions() -> ContiguousArray<Position> {
        guard let plan = trim.planned else { return [] }
        trim.planned = nil
        trim.inFlight = plan
        if plan.deletions.isEmpty { deletionsCommitted() }
        return plan.deletions
    }

    mutating func deletionsCommitted() {
        guard let plan = trim.inFlight else { return }
        trim.inFlight = nil
        trim.trimmedThrough = max(trim.trimmedThrough, plan.scannedThrough)
        trim.releasedDone.append(contentsOf: plan.released)
        guard plan.generation == checkpoint.writtenEpoch else { return }
        if let last = plan.released.last { trim.releasedThrough = last }
        trim.isReleasedDone = plan.isReleasedDone
    }
}

import HoldfastWire

// Checkpoints, the core's side: freezing and copying rows, letting go of what the disk has.
extension Core {
    /// What the next checkpoint has to write, and a start after a crash to replay.
    var changedEntries: Int { users.changedCount + names.changedCount + holds.changedCount + audits.changedCount + ledger.changedCount }

    /// The same by table, and what it has to delete.
    package var checkpointRows: CheckpointRows {
        var rows = CheckpointRows()
        users.countChanged(&rows)
        names.countChanged(&rows)
        rows[.holds] += holds.changedCount
        rows[.ages] += ages.changedCount
        rows[.audit] += audits.changedCount
        rows[.ledger] += ledger.changedCount
        rows[.released] += trim.releasedDone.count
        return rows
    }

    /// Asks for a checkpoint as soon as possible: at a shutdown.
    mutating func requestCheckpoint() {
        checkpoint.isRequested = true
        advanceCheckpoint()
    }

    /// Whether the store has everything that is committed.
    var isCheckpointed: Bool { !isCheckpointing && changedEntries == 0 }

    /// Whether a checkpoint is under way, from its first row to the last one that is let go of.
    var isCheckpointing: Bool { checkpoint.job != nil || checkpoint.isWriting || !users.isLetGo }

    /// A step of the checkpoint: a slice of rows.
    mutating func advanceCheckpoint() {
        // A request is for what has changed by now: with nothing to write it is fulfilled.
        if !isCheckpointing, changedEntries == 0 { checkpoint.isRequested = false }
        if !isCheckpointing, isCheckpointDue { freeze() }
        continueCheckpoint()
    }

    /// Whether rows are to be copied or let go of: senders may be waiting for that, so it should go on as soon as the core has nothing else to do.
    var hasCheckpointSlices: Bool { (checkpoint.job != nil && !users.isCopied) || !users.isLetGo }

    /// A slice of the rows that `hasCheckpointSlices` tells of.
    mutating func continueCheckpoint() {
        if checkpoint.job != nil, !users.isCopied { users.copySlice(configuration.checkpointSliceRows) }
        if !users.isLetGo { letGoSlice() }
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
        guard isSpaceLow else { return changedEntries > 0 && batches.bytesSinceCheckpoint >= roomBytes / 2 }
        // The store's rows of what was trimmed take room, too.
        return changedEntries > 0 || !trim.releasedDone.isEmpty
    }

    /// Nothing has been stored for a while.
    var isQuiet: Bool { monotonic &- lastAppended >= configuration.checkpointQuietMilliseconds }

    /// Begins a checkpoint of everything that the rows say.
    /// - Parameter replayed: the last record that was applied, while others are still to be replayed; nil: the last one that there is.
    mutating func freeze(through replayed: Position? = nil) {
        precondition(!isCheckpointing, "one checkpoint at a time")
        checkpoint.isRequested = false
        checkpoint.lastMonotonic = monotonic
        batches.checkpointBegan()
        // A row is what records made of it: a cursor that moved since the last batch gets its record first.
        recordCursors()
        users.freeze()
        let through = replayed ?? lastPosition
        assert(through < nextPosition, "a checkpoint is of what was given out")
        noteAges(through: through)
        checkpoint.job = CheckpointJob(
            number: checkpoint.written + 1, through: through, time: clock.time, age: clock.age, trimmedThrough: trim.trimmedThrough,
            releasedDone: trim.releasedDone, names: names.freeze(), holds: holds.freeze(), ages: ages.freeze(), audits: audits.freeze(),
            ledger: ledger.freeze(), inboxes: users.totals)
        trim.releasedDone = []
    }

    /// The checkpoint to be written now: `run` it on another thread, then call `checkpointWritten`.
    mutating func takeCheckpoint() -> CheckpointJob? {
        guard var job = checkpoint.job, users.isCopied else { return nil }
        #if PLANTED_BUGS
            let isAhead = PlantedBug.checkpointAheadOfJournal.isActive
        #else
            let isAhead = false
        #endif
        guard isAhead || committedThrough >= job.through else { return nil }
        job.users = users.takeImages()
        checkpoint.job = nil
        checkpoint.isWriting = true
        return job
    }

    mutating func checkpointWritten(_ result: CheckpointResult) {
        precondition(checkpoint.isWriting && result.number == checkpoint.written + 1, "checkpoints are written one after the other")
        assert(result.through >= checkpoint.writtenThrough, "a checkpoint never goes back")
        checkpoint.isWriting = false
        checkpoint.writtenThrough = result.through
        checkpoint.nextUserWritten = result.nextUser
        checkpoint.written = result.number
        assert(checkpoint.nextUserWritten <= names.nextUser, "the store has users that were made")
        users.frozenWritten()
        names.frozenWritten()
        audits.frozenWritten()
        ledger.frozenWritten()
        lookAtReleasedAgain()
        letGoSlice()
        releaseCredits()
    }

    private mutating func letGoSlice() {
        users.letGoSlice(configuration.checkpointSliceRows, through: checkpoint.writtenThrough)
        if users.isLetGo { releaseCredits() }
    }
}

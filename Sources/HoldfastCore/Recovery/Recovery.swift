import HoldfastWire

extension Core {
    /// Brings the state back: the store at its checkpoint plus the journal after it.
    ///
    /// - Parameters:
    ///   - loops: how many event loops there are.
    ///   - ports: doors for requests without a connection.
    ///   - writesCheckpoints: whether checkpoints are written to `storage` when more than `checkpointEntriesMax` changes are replayed, as after that
    ///     was lowered: then a replay takes no more memory than a gateway that runs. False for those who only look.
    ///   - progress: told the number of records replayed, now and then.
    /// - Throws: `.storeAhead` when the store has applied what the journal doesn't have, `.damaged` with the position of a record or
    ///   the row that doesn't pass its checksum. Nothing is changed then but by such checkpoints, which are of what is whole.
    package static func recover(
        storage: any Storage, configuration: CoreConfiguration, loops: Int, ports: Int = 0, now: CoreTime, writesCheckpoints: Bool = false,
        progress: (Int) -> Void = { _ in }
    ) throws(StorageError) -> Core {
        var core = Core(
            configuration: configuration, doors: loops + ports, nextPosition: storage.nextPosition, window: storage.window)
        var count = 0
        /// The last record that was replayed when a checkpoint has to be written before the next one.
        var pausedAt: Position?
        repeat {
            pausedAt = nil
            var failure: StorageError?
            try storage.read { (snapshot) throws(StorageError) in
                // For whoever looks into a directory beside its gateway: the view may be newer than the storage's own answer.
                core.batches.beganAt(max(core.nextPosition, try snapshot.nextPosition()))
                if count == 0 { try core.readMeta(snapshot, countsInboxes: writesCheckpoints) }
                try snapshot.records(after: core.checkpoint.writtenThrough) { position, bytes in
                    do throws(StorageError) {
                        try core.replay(bytes, at: position, from: snapshot)
                    } catch {
                        failure = error
                        return false
                    }
                    count += 1
                    if count.isMultiple(of: 100_000) { progress(count) }
                    if writesCheckpoints, core.changedEntries >= configuration.checkpointEntriesMax { pausedAt = position }
                    return pausedAt == nil
                }
            }
            if let failure { throw failure }
            // The rows that it lets go of are found by a new view only.
            if let pausedAt { try core.checkpointReplayed(through: pausedAt, to: storage) }
        } while pausedAt != nil
        progress(count)
        core.clock.started(now)
        core.monotonic = now.monotonic
        core.lastAppended = now.monotonic
        core.checkpoint.lastMonotonic = now.monotonic
        core.trim.isReleasedDone = false
        core.audits.noteReplayed()
        core.trimCache()
        assert(core.violation == nil, core.violation ?? "")
        return core
    }

    /// The time that the last checkpoint stored, in milliseconds since 1970; 0 in a new directory.
    package static func storedTime(_ storage: any Storage) throws(StorageError) -> UInt64 {
        var time: UInt64 = 0
        try storage.read { (snapshot) throws(StorageError) in time = try StoreMeta.read(.time, from: snapshot) ?? 0 }
        return min(time, ClockRule.latest)
    }

    /// Writes a checkpoint of what has been replayed, and lets go of its rows.
    private mutating func checkpointReplayed(through position: Position, to storage: any Storage) throws(StorageError) {
        assert(unrecordedCursors.isEmpty, "what is replayed has its records")
        freeze(through: position)
        while hasCheckpointSlices { continueCheckpoint() }
        guard let job = takeCheckpoint() else { preconditionFailure("what is replayed is synced") }
        checkpointWritten(try job.run(on: storage))
        while hasCheckpointSlices { continueCheckpoint() }
        // All that was replayed is synced; and the users whose slots these are may go now.
        floorRecords = [:]
        var steps: Int
        repeat {
            steps = users.handSteps
            trimCache()
        } while users.handSteps < steps
    }

    private mutating func readMeta(_ snapshot: any StorageSnapshot, countsInboxes: Bool) throws(StorageError) {
        guard let applied = try StoreMeta.read(.appliedThrough, from: snapshot) else { return }
        guard applied < nextPosition.rawValue else {
            throw StorageError(
                .storeAhead,
                "The store has applied position \(applied), but the journal ends before \(nextPosition.rawValue): they are not of one "
                    + "gateway. Put the journal and the store of the same moment together, or restore a backup.")
        }
        checkpoint.writtenThrough = Position(rawValue: applied)
        checkpoint.written = try snapshot.checkpoint()
        checkpoint.writtenBefore = checkpoint.written
        names.nextUser = try StoreMeta.read(.nextUser, from: snapshot) ?? 1
        checkpoint.nextUserWritten = names.nextUser
        names.nextConversation = try StoreMeta.read(.nextConversation, from: snapshot) ?? 1
        try users.loadTotals(snapshot, counts: countsInboxes)
        try holds.load(snapshot)
        try ages.load(snapshot)
        try ledger.load(snapshot)
        trim.reach = checkpoint.writtenThrough
        trim.lastHeld = checkpoint.writtenThrough
        trim.trimmedThrough = Position(rawValue: try StoreMeta.read(.trimmedThrough, from: snapshot) ?? 0)
        clock.recovered(time: try StoreMeta.read(.time, from: snapshot) ?? 0)
        clock.recovered(age: UInt32(truncatingIfNeeded: try StoreMeta.read(.age, from: snapshot) ?? 0))
    }

    private mutating func replay(_ bytes: Span<UInt8>, at position: Position, from snapshot: any StorageSnapshot) throws(StorageError) {
        guard let record = Record.decode(bytes) else {
            try Record.requireKnown(bytes, at: position)
            throw StorageError(
                .damaged,
                "The journal's record at position \(position.rawValue) is damaged: nothing was changed. Run `holdfast repair --dry-run` "
                    + "to hear what is lost without it, or restore a backup.")
        }
        switch record {
        case .message(let message):
            if !message.hasNewSender { try load(message.sender, from: snapshot) }
            for recipient in message.recipients where recipient.refusal == nil && recipient.newName == nil {
                try load(recipient.user, from: snapshot)
            }
            clock.recovered(time: message.time)
            clock.recovered(age: message.age)
        case .cursors(let cursors, _):
            for cursor in cursors { try load(cursor.session.userNumber, from: snapshot) }
        case .sessionBegun(let begun):
            if begun.newUser.isEmpty { try load(begun.session.userNumber, from: snapshot) }
            clock.recovered(age: begun.age)
        case .sessionEnded(let session, _, _): try load(session.userNumber, from: snapshot)
        case .seen(let session, let age):
            try load(session.userNumber, from: snapshot)
            clock.recovered(age: age)
        case .limit(let session, _): try load(session.userNumber, from: snapshot)
        case .evicted(let evicted): try load(evicted.user, from: snapshot)
        case .lost(let users):
            for user in users { try load(user, from: snapshot) }
        case .audit(let audit):
            if audit.user != 0, !audit.isNewUser { try load(audit.user, from: snapshot) }
            clock.recovered(time: audit.time)
            clock.recovered(age: audit.age)
        case .hold: break
        }
        countRecord(record, bytes.count, at: position)
        if let user = missingUser(of: record) {
            throw StorageError(
                .damaged,
                "The journal's record at position \(position.rawValue) names user number \(user), of whom the store has no row: nothing was "
                    + "changed. Run `holdfast repair --dry-run` to hear what is lost without it, or restore a backup.")
        }
        apply(try record.withKnownPlace(from: snapshot), at: position)
    }

    private mutating func load(_ number: UInt64, from snapshot: any StorageSnapshot) throws(StorageError) {
        guard users.find(number) == nil, let image = try UserImage.read(number, from: snapshot) else { return }
        _ = users.make(image)
    }
}

extension Record {
    /// A request's record whose key was being deleted from the ledger, with what became of that.
    fileprivate func withKnownPlace(from snapshot: any StorageSnapshot) throws(StorageError) -> Record {
        guard case .message(var message) = self, let key = message.key, message.request?.place == .newIfDeleted else { return self }
        message.request?.place = try LedgerRow.read(key, from: snapshot) == nil ? .new : .replaces
        return .message(message)
    }
}

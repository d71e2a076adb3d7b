import HoldfastWire

// Group commit: records are collected while others are being synced, as many batches as the journal's window lets through; what is derived from
// a batch leaves when it is synced, and with it everything before it. A batch that is full is closed and waits in the line.
extension Core {
    /// The records to be stored next, in one synced transaction; nil while the journal's window is full or there is nothing.
    mutating func takeBatch(now: CoreTime) -> JournalBatch? {
        guard batches.hasRoom else { return nil }
        if !batches.line.hasWaiting { closeBatch(now) }
        guard let batch = batches.give() else { return nil }
        #if PLANTED_BUGS
            if PlantedBug.acknowledgeBeforeSync.isActive {
                for note in batches.line[batches.line.givenCount - 1].sent { emitEarly(note) }
            }
        #endif
        return batch
    }

    /// Closes the open batch, with the cursors that have moved and what may be deleted.
    private mutating func closeBatch(_ now: CoreTime) {
        let cursorsAreDue =
            !unrecordedCursors.isEmpty
            && (!batches.open.journal.isEmpty || now.monotonic &- unrecordedSince >= configuration.acknowledgementDelayMilliseconds
                || unrecordedCursors.count >= configuration.cursorsPerBatchMax)
        if cursorsAreDue { recordCursors() }
        batches.add(deletions: takeDeletions(), &outbox.spares)
        batches.closeRecords(&outbox.spares)
        batches.closeAnswers(&outbox.spares)
    }

    /// Whether there is something that `takeBatch` would give now or, for acknowledgements, soon.
    var hasWork: Bool { !batches.isEmpty || !unrecordedCursors.isEmpty }

    /// Everything up to the position is synced: the batches that end there or before it.
    mutating func committed(through position: Position) {
        let deletingCount = batches.committed(through: position)
        for _ in 0..<deletingCount { deletionsCommitted() }
        if !floorRecords.isEmpty { floorRecords = floorRecords.filter { $0.value > committedThrough } }
        #if PLANTED_BUGS
            if PlantedBug.firstAnswerForAll.isActive {
                for batch in batches.line.batches.prefix(batches.line.givenCount) { for note in batch.sent { emitEarly(note) } }
            }
        #endif
    }

    #if PLANTED_BUGS
        private mutating func emitEarly(_ note: SentNote) {
            guard sessions[note.session].flags.contains(.isWelcomed) else { return }
            let connection = sessions[note.session].connection
            emit(.sent(connection, through: note.sequence, position: note.position), to: connection)
        }
    #endif

    /// Whether something that follows from synced records hasn't left.
    var isSettling: Bool { !batches.settling.isEmpty }

    /// A slice of what follows from synced records.
    mutating func settleSlice(steps: Int) {
        var left = steps
        while left > 0, var work = batches.takeSettling() {
            guard settle(&work, steps: &left) else { return batches.putBack(work) }
            batches.settled(work)
            pumpQueue()
            advanceCheckpoint()
        }
    }

    /// - Returns: whether all of the batch has left.
    private mutating func settle(_ work: inout SettlingBatch, steps: inout Int) -> Bool {
        while steps > 0 {
            steps -= 1
            let index = work.index
            work.index += 1
            switch work.stage {
            case .pushes:
                if index < work.batch.pushes.count { push(work.batch.pushes[index], work.batch) } else { work.next(.conversations) }
            case .conversations:
                // The number of a conversation comes before the answer to the message that made it (REQ-CONV-2).
                if index < work.batch.conversations.count {
                    let note = work.batch.conversations[index]
                    emitConversation(note.connection, note.conversation, peer: note.peer)
                } else {
                    work.next(.sent)
                }
            case .sent:
                if index < work.batch.sent.count {
                    emitSent(work.batch.sent[index])
                } else {
                    for (door, taken) in work.batch.taken { outbox[door].taken.append(taken) }
                    work.next(.held)
                }
            case .held:
                if index < work.batch.held.count {
                    release(work.batch.held[index])
                } else {
                    work.next(.gaps)
                    if let last = work.batch.lastPosition { batches.settledThrough = last }
                    outbox.withholdCredits(of: work.batch)
                    releaseCredits()
                }
            case .gaps:
                guard index < work.batch.waitingForGap.count else { return true }
                pump(work.batch.waitingForGap[index])
            }
        }
        return false
    }

    private mutating func emitSent(_ note: SentNote) {
        assert(note.position <= committedThrough, "SENT means synced")
        let row = sessions[note.session]
        // A connection that has no WELCOME yet hears of it by that (REQ-OPEN-4).
        guard row.id == note.id, row.flags.contains(.isWelcomed) else { return }
        emit(.sent(row.connection, through: note.sequence, position: note.position), to: row.connection)
    }

    /// Has something leave when everything up to the position is synced, behind what follows from that.
    mutating func hold(_ effect: HeldEffect, until position: Position) {
        if !batches.hold(effect, until: position) { release(effect) }
    }

    /// All cursors that have moved, in one record, or in a few when they are very many.
    mutating func recordCursors() {
        var cursors: [CursorRecord] = []
        var trackedCount = 0
        var trackedTold: [UInt64: Set<Position>] = [:]
        for cursor in unrecordedCursors where cursor.session != .none {
            addCursor(cursor, to: &cursors, &trackedTold)
            trackedCount += cursors.last?.tracked.count ?? 0
            if cursors.count == Self.cursorsPerRecordMax || trackedCount >= Self.trackedPerRecordMax {
                (trackedCount, trackedTold) = (0, [:])
                append(.cursors(cursors, time: clock.time))
                cursors = []
            }
        }
        unrecordedCursors.removeAll(keepingCapacity: unrecordedCursors.count < 4_096)
        if !cursors.isEmpty { append(.cursors(cursors, time: clock.time)) }
    }

    /// The events of a record are counted by an index: those of cursors first, those of tracked messages behind `CursorRecord.trackedIndex`.
    private static let cursorsPerRecordMax = Int(CursorRecord.trackedIndex)
    private static let trackedPerRecordMax = Int(UInt16.max - CursorRecord.trackedIndex) - TrackedMessages.countMax - 1

    /// Those of one user, so that what is said of them can be synced.
    mutating func recordCursors(of user: UserSlot) {
        var cursors: [CursorRecord] = []
        var trackedTold: [UInt64: Set<Position>] = [:]
        var slot = users[user].firstSession
        while slot != .none {
            if sessions[slot].flags.contains(.cursorUnrecorded), let index = unrecordedCursors.lastIndex(where: { $0.session == slot }) {
                addCursor(unrecordedCursors[index], to: &cursors, &trackedTold)
                unrecordedCursors[index].session = .none
            }
            slot = sessions[slot].next
        }
        if !cursors.isEmpty { append(.cursors(cursors, time: clock.time)) }
    }

    /// - Parameter trackedTold: tracked messages that the record has already, by their users.
    private mutating func addCursor(
        _ cursor: UnrecordedCursor, to cursors: inout [CursorRecord], _ trackedTold: inout [UInt64: Set<Position>]
    ) {
        let wasUnrecorded = sessions[cursor.session].flags.remove(.cursorUnrecorded) != nil
        precondition(wasUnrecorded, "a cursor waits for its record once")
        let row = sessions[cursor.session]
        users.unpin(row.user)
        assert(row.cursor.position <= committedThrough, "what is acknowledged was sent, and synced before")
        #if PLANTED_BUGS
            let recorded = PlantedBug.cursorOriginForgotten.isActive ? row.cursor.position : cursor.recorded
        #else
            let recorded = cursor.recorded
        #endif
        var tracked = users.tracked(of: row.user, through: row.cursor.position)
        if !tracked.isEmpty {
            // Another session of the record may have them, too.
            let told = trackedTold[row.id.userNumber, default: []]
            tracked.removeAll { told.contains($0) }
            trackedTold[row.id.userNumber, default: []].formUnion(tracked)
        }
        cursors.append(CursorRecord(session: row.id, attach: row.storedAttach, row.cursor, from: recorded, tracked: tracked))
    }

    /// Hands a message of the batch to the sessions that are live; the others will read it.
    private mutating func push(_ push: Push, _ batch: OpenBatch) {
        assert(push.entry.position <= committedThrough, "nothing leaves before it is synced")
        guard users[push.user].receivingConnections > 0 else {
            undelivered.insert(users[push.user].number)
            return
        }
        var slot = users[push.user].firstSession
        while slot != .none {
            let row = sessions[slot]
            #if PLANTED_BUGS
                if PlantedBug.livePushOvertakesBacklog.isActive, row.receives, row.flags.contains(.isWelcomed),
                    streams[row].sent < push.entry.position
                {
                    self.push(push, to: slot, row, streams[row], batch)
                    slot = row.next
                    continue
                }
            #endif
            if row.flags.contains(.isLive) {
                let stream = streams[row]
                if stream.sent < push.entry.position { self.push(push, to: slot, row, stream, batch) }
            }
            slot = row.next
        }
    }

    private mutating func push(_ push: Push, to slot: SessionSlot, _ row: SessionRow, _ stream: StreamRow, _ batch: OpenBatch) {
        if push.sender == row.id {
            skip(slot, through: push.entry)
        } else if stream.hasCredit(for: push.size) {
            deliver(
                to: slot, push.entry, conversation: push.conversation, time: push.time, kind: push.kind,
                isOwn: push.sender.userNumber == row.id.userNumber, source: outbox[row.connection.loop].source(of: batch),
                offset: push.offset, size: push.size)
        } else {
            sessions[slot].flags.remove(.isLive)
        }
    }

    mutating func release(_ held: HeldEffect) {
        switch held {
        case .welcome(let slot, let connection, let attached, let previous):
            // In the meantime the connection may be gone, and the slot another's.
            guard sessions[slot].connection == connection, sessions[slot].id == attached.session else { return }
            emit(.welcome(connection, attached), to: connection)
            if case .previous(_, let session, let lastSequence)? = previous {
                emit(.previous(connection, session, lastSequence: lastSequence), to: connection)
            }
            sessions[slot].flags.insert(.isWelcomed)
            pump(slot)
        case .close(let connection, let code, let retryAfter): close(connection, code, retryAfterMilliseconds: retryAfter)
        case .authenticated(let connection): emit(.authenticated(connection), to: connection)
        case .reply(let reply): self.reply(reply.id, reply.answer)
        case .notice(let notice): trim.notices.append(notice)
        case .audited(let entry): audits.notices.append(entry)
        }
    }

    /// Gives credits back, unless so much has changed that senders must wait for the checkpoint.
    mutating func releaseCredits() {
        guard changedEntries < configuration.checkpointEntriesMax else { return }
        outbox.releaseCredits()
    }
}

extension EffectBatch {
    /// Puts a committed batch's bytes among the sources, once.
    fileprivate mutating func source(of batch: OpenBatch) -> UInt32 {
        if let lastBatch, lastBatch.number == batch.number { return lastBatch.source }
        sources.append(batch.journal.bytes)
        let source = UInt32(sources.count - 1)
        lastBatch = (batch.number, source)
        return source
    }
}

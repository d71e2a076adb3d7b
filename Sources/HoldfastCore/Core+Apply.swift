import HoldfastWire

// Applying a record to the rows, the same way when it is made and at a replay. Nothing is checked here: limits and names were
// settled before the record was made. The rows that it names are in RAM.
extension Core {
    /// Appends a record to the open batch and applies it.
    /// - Returns: its position.
    @discardableResult
    mutating func append(_ record: Record, body: ArraySlice<UInt8> = []) -> Position {
        let position = nextPosition
        nextPosition = Position(rawValue: position.rawValue + 1)
        lastAppended = monotonic
        let offset = open.journal.bytes.count
        record.encode(body: body, into: &open.journal.bytes)
        let count = open.journal.bytes.count - offset
        open.journal.entries.append(.init(position: position, offset: offset, count: count))
        if case .message(let message) = record {
            applyMessage(message, at: position, bodyCount: body.count, bodyOffset: offset + count - body.count)
        } else {
            apply(record, at: position)
        }
        return position
    }

    /// Applies a record that the journal already has.
    mutating func apply(_ record: Record, at position: Position) {
        switch record {
        case .message(let message): applyMessage(message, at: position, bodyCount: message.body.count, bodyOffset: nil)
        case .cursors(let cursors):
            for cursor in cursors { applyCursor(cursor) }
        case .sessionBegun(let begun): applySessionBegun(begun, at: position)
        case .sessionEnded(let id, let hasExpired):
            guard let user = userSlot(id.userNumber), let slot = sessionSlot(id, of: user) else { return }
            willChange(user: user)
            sessions[Int(slot)].flags.insert(hasExpired ? [.hasEnded, .hasExpired] : .hasEnded)
            forgetOldestEndedSession(of: user, but: slot)
            updateAcknowledged(of: user)
        case .evicted(let evicted):
            guard let user = userSlot(evicted.user) else { return }
            willChange(user: user)
            #if PLANTED_BUGS
                if PlantedBug.evictionWithoutGap.isActive {
                    var session = users[Int(user)].firstSession
                    while session != noSlot {
                        if sessions[Int(session)].cursor.position < evicted.through.position {
                            sessions[Int(session)].cursor = evicted.through
                        }
                        session = sessions[Int(session)].next
                    }
                    updateAcknowledged(of: user)
                }
            #endif
            let before = base(of: user)
            setFloor(InboxFloor(entry: counted(evicted.through, in: user), reason: evicted.reason), of: user)
            floorRecords[user] = position
            dropReleasedEntries(of: user, since: before)
        case .seen(let id, let age):
            guard let user = userSlot(id.userNumber), let slot = sessionSlot(id, of: user) else { return }
            willChange(user: user)
            if !sessions[Int(slot)].flags.contains(.hasEnded) { sessions[Int(slot)].seen = age }
        case .lost(let numbers):
            for number in numbers {
                guard let user = userSlot(number) else { continue }
                willChange(user: user)
                usersWithLoss.insert(number)
                var entry = users[Int(user)].last
                entry.position = position
                entry.ordinal &+= 1
                users[Int(user)].last = entry
                pool.append(entry, size: 0, kind: .message, to: &users[Int(user)].entries)
            }
        }
    }

    /// - Parameter bodyOffset: where the body lies in the open batch; nil at a replay, when nobody is connected.
    private mutating func applyMessage(_ message: MessageRecord, at position: Position, bodyCount: Int, bodyOffset: Int?) {
        if !message.newRecipient.isEmpty {
            let slot = makeUser(UserRow(number: message.recipient))
            remember(user: message.recipient, name: message.newRecipient)
            willChange(user: slot)
        }
        if message.beginsConversation {
            let pair = UserPair(message.sender, message.recipient)
            pairs.insert(pair, message.conversation.rawValue)
            conversations.insert(message.conversation.rawValue, pair)
            nextConversation = max(nextConversation, message.conversation.rawValue + 1)
        }
        guard let sender = userSlot(message.sender), let recipient = userSlot(message.recipient) else { return }
        willChange(user: sender)
        if let slot = sessionSlot(message.session, of: sender) {
            #if PLANTED_BUGS
                let isForgotten = PlantedBug.sequenceForgottenAtReplay.isActive && bodyOffset == nil
                sessions[Int(slot)].lastSequence = isForgotten ? sessions[Int(slot)].lastSequence : message.sequence
            #else
                sessions[Int(slot)].lastSequence = message.sequence
            #endif
            sessions[Int(slot)].lastPosition = position
            sessions[Int(slot)].storedAttach = max(sessions[Int(slot)].storedAttach, message.attach)
            sessions[Int(slot)].seen = message.age
            if bodyOffset != nil { noteSent(slot) }
        }
        willChange(user: recipient)
        addEntry(to: recipient, message, at: position, bodyCount: bodyCount, bodyOffset: bodyOffset)
        if message.echoes, sender != recipient {
            addEntry(to: sender, message, at: position, bodyCount: bodyCount, bodyOffset: bodyOffset)
        }
    }

    private mutating func addEntry(to user: Slot, _ message: MessageRecord, at position: Position, bodyCount: Int, bodyOffset: Int?) {
        let size = UInt32(bodyCount)
        let last = users[Int(user)].last
        let entry = InboxEntry(position: position, ordinal: last.ordinal &+ 1, cumulativeBytes: last.cumulativeBytes &+ size)
        users[Int(user)].last = entry
        pool.append(entry, size: size, kind: .message, to: &users[Int(user)].entries)
        if let bodyOffset {
            open.pushes.append(
                Push(
                    entry: entry, user: user, sender: message.session, conversation: message.conversation, time: message.time,
                    kind: message.kind, offset: UInt32(bodyOffset), size: size))
        }
    }

    /// The session is told `SENT` with the open batch.
    mutating func noteSent(_ slot: Slot) {
        let row = sessions[Int(slot)]
        let note = SentNote(session: slot, id: row.id, sequence: row.lastSequence, position: row.lastPosition)
        if Int(row.sentIndex) < open.sent.count, open.sent[Int(row.sentIndex)].session == slot {
            open.sent[Int(row.sentIndex)] = note
        } else {
            sessions[Int(slot)].sentIndex = UInt32(open.sent.count)
            open.sent.append(note)
        }
    }

    private mutating func applyCursor(_ cursor: CursorRecord) {
        guard let user = userSlot(cursor.session.userNumber), let slot = sessionSlot(cursor.session, of: user) else { return }
        willChange(user: user)
        sessions[Int(slot)].storedAttach = max(sessions[Int(slot)].storedAttach, cursor.attach)
        if sessions[Int(slot)].cursor.position < cursor.position {
            let entry = InboxEntry(position: cursor.position, ordinal: cursor.ordinal, cumulativeBytes: cursor.cumulativeBytes)
            sessions[Int(slot)].cursor = counted(entry, in: user)
            updateAcknowledged(of: user)
        }
    }

    /// Counters as the inbox has them: records that were made before a repair took a message out count it and its bytes, and don't count the
    /// notice in its place. With them an inbox could seem full for ever.
    private func counted(_ entry: InboxEntry, in user: Slot) -> InboxEntry {
        var known = entry
        // Looked for only then: a replay of many cursors would look through long inboxes again and again.
        if usersWithLoss.contains(users[Int(user)].number) {
            known = self.entry(of: user, atOrBefore: entry.position) ?? entry
            known.position = entry.position
        }
        let last = users[Int(user)].last
        if Int32(bitPattern: known.ordinal &- last.ordinal) > 0 { known.ordinal = last.ordinal }
        if Int32(bitPattern: known.cumulativeBytes &- last.cumulativeBytes) > 0 { known.cumulativeBytes = last.cumulativeBytes }
        return known
    }

    private mutating func applySessionBegun(_ begun: SessionBegunRecord, at position: Position) {
        let number = begun.session.userNumber
        let user: Slot
        if let known = userSlot(number) {
            user = known
        } else {
            user = makeUser(UserRow(number: number))
            remember(user: number, name: begun.newUser)
        }
        willChange(user: user)
        users[Int(user)].sessionSerial = begun.session.serial
        var row = SessionRow()
        row.id = begun.session
        row.attach = begun.attach
        // Known after a crash too: whoever enters the session without its state gets a higher one.
        row.storedAttach = begun.attach
        row.cursor = counted(begun.cursor, in: user)
        row.lastPosition = position
        row.seen = begun.age
        if begun.isSendOnly { row.flags.insert(.isSendOnly) }
        if begun.isService { row.flags.insert(.isService) }
        if begun.deviceHasSent { row.flags.insert(.deviceHasSent) }
        let predecessor = SessionID(user: number, serial: begun.predecessor)
        if begun.predecessor != 0, let slot = sessionSlot(predecessor, of: user) { sessions[Int(slot)].successor = begun.session }
        _ = makeSession(row, of: user)
        devices.insert(DeviceKey(user: number, device: NameKey(begun.device, configuration.hash)), begun.session)
    }

    private mutating func remember(user number: UInt64, name: [UInt8]) {
        userNumbers.insert(NameKey(name, configuration.hash), number)
        userNames.insert(number, name)
        nextUser = max(nextUser, number + 1)
    }

    /// A user's ended sessions are kept for outboxes that come late; a fixed number, so that a replay forgets the same ones. Those go first that a
    /// device has left behind long ago, and of them the oldest: of a device's sessions none is forgotten before those that it follows, and
    /// two clients that fight for a device don't push out what the others have been away from.
    /// - Parameter ended: the one that ended now, which its client may be about to present: it stays.
    private mutating func forgetOldestEndedSession(of user: Slot, but ended: Slot) {
        var first: Slot?
        var count = 0
        var slot = users[Int(user)].firstSession
        while slot != noSlot {
            let row = sessions[Int(slot)]
            // Connected ones are about to be closed; they go at the next one's end.
            if row.flags.contains(.hasEnded), row.connection == .none {
                count += 1
                if slot != ended, first.map({ isForgotten(slot, before: $0, of: user) }) ?? true { first = slot }
            }
            slot = row.next
        }
        if count > SessionRow.endedSessionsMax, let first { removeSession(first) }
    }

    private func isForgotten(_ slot: Slot, before other: Slot, of user: Slot) -> Bool {
        let (isLeft, isOtherLeft) = (isLeftBehind(slot, of: user), isLeftBehind(other, of: user))
        return isLeft == isOtherLeft ? sessions[Int(slot)].id.rawValue < sessions[Int(other)].id.rawValue : isLeft
    }

    /// Whether the session's device has had another one since that has ended too.
    private func isLeftBehind(_ slot: Slot, of user: Slot) -> Bool {
        guard let successor = sessions[Int(slot)].successor else { return false }
        return sessionSlot(successor, of: user).map { sessions[Int($0)].flags.contains(.hasEnded) } ?? true
    }
}

extension SessionRow {
    /// Ended sessions that a user's row remembers.
    static let endedSessionsMax = 16
}

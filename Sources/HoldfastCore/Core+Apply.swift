import HoldfastWire

// Applying a record to the rows, the same way when it is made and at a replay. Nothing is checked here: limits and names were
// settled before the record was made. The rows that it names are in RAM.
extension Core {
    /// Appends a record to the open batch and applies it.
    /// - Returns: its position.
    @discardableResult
    mutating func append(_ record: Record) -> Position {
        if let user = missingUser(of: record) { Self.fail(missing: user) }
        lastAppended = monotonic
        let (position, count) = batches.append(&outbox.spares) { record.encode(into: &$0) }
        totals.count(record)
        countRecord(record, count, at: position)
        apply(record, at: position)
        return position
    }

    /// The same of a message, which isn't copied for it: most records are messages.
    /// - Parameter known: the rows of its sender and of its first recipient, where they were found before.
    mutating func append(_ message: borrowing MessageRecord, body: ArraySlice<UInt8>, _ known: KnownUsers) -> Position {
        if let user = missingUser(of: message, known) { Self.fail(missing: user) }
        lastAppended = monotonic
        let (position, count) = batches.append(&outbox.spares) { message.encode(body: body, into: &$0) }
        if message.key == nil { totals.storedForClients.add(body.count) } else { totals.storedForBackends.add(body.count) }
        countRecord(count, at: position)
        let end = batches.open.journal.bytes.count
        applyMessage(message, at: position, bodyCount: body.count, bodyOffset: end - body.count, known)
        return position
    }

    private static func fail(missing user: UInt64) -> Never {
        preconditionFailure("no row of user \(user), whom a new record names: nothing was stored of it")
    }

    /// Rows of a message that were found before it was made: `none` where one is new, or has to be looked for.
    struct KnownUsers {
        var sender = UserSlot.none
        var recipient = UserSlot.none
    }

    /// A user whom the record names and whose row isn't in RAM: before a record is made or replayed there is none.
    func missingUser(of record: Record) -> UInt64? {
        func absent(_ number: UInt64) -> UInt64? { users.find(number) == nil ? number : nil }
        switch record {
        case .message(let message): return missingUser(of: message, KnownUsers())
        case .cursors(let cursors, _):
            for cursor in cursors where users.find(cursor.session.userNumber) == nil { return cursor.session.userNumber }
            return nil
        case .sessionBegun(let begun): return begun.newUser.isEmpty ? absent(begun.session.userNumber) : nil
        case .sessionEnded(let session, _, _), .seen(let session, _), .limit(let session, _): return absent(session.userNumber)
        case .evicted(let evicted): return absent(evicted.user)
        case .audit(let audit): return audit.user == 0 || audit.isNewUser ? nil : absent(audit.user)
        case .lost, .hold: return nil
        }
    }

    private func missingUser(of message: borrowing MessageRecord, _ known: KnownUsers) -> UInt64? {
        if !message.hasNewSender, find(message.sender, known.sender) == nil { return message.sender }
        if let user = missingUser(of: message, message.recipients.first, known.recipient) { return user }
        guard message.recipients.count > 1 else { return nil }
        for recipient in message.recipients.dropFirst() {
            if let user = missingUser(of: message, recipient, .none) { return user }
        }
        return nil
    }

    private func missingUser(of message: borrowing MessageRecord, _ recipient: borrowing MessageRecord.Recipient, _ known: UserSlot)
        -> UInt64?
    {
        guard recipient.refusal == nil, recipient.newName == nil, find(recipient.user, known) == nil else { return nil }
        // He may be the sender, who is new.
        return recipient.user != message.sender || !message.hasNewSender ? recipient.user : nil
    }

    /// - Parameter known: where the row was found before; none: nowhere.
    private func find(_ number: UInt64, _ known: UserSlot) -> UserSlot? {
        guard known != .none else { return users.find(number) }
        precondition(users[known].number == number, "a row that was found is still there")
        return known
    }

    /// Applies a record that the journal already has.
    mutating func apply(_ record: Record, at position: Position) {
        switch record {
        case .message(let message): applyMessage(message, at: position, bodyCount: message.body.count, bodyOffset: nil, KnownUsers())
        case .cursors(let cursors, _):
            for cursor in cursors { applyCursor(cursor) }
        case .sessionBegun(let begun): applySessionBegun(begun, at: position)
        case .sessionEnded(let id, let hasExpired, _):
            guard let user = users.find(id.userNumber), let slot = users.session(id, of: user) else { return }
            users.willChange(user)
            sessions[slot].flags.insert(hasExpired ? [.hasEnded, .hasExpired] : .hasEnded)
            users.setLimit(nil, of: slot)
            forgetOldestEndedSession(of: user, but: slot)
            users.updateAcknowledged(of: user)
        case .evicted(let evicted):
            guard let user = users.find(evicted.user) else { return }
            users.willChange(user)
            #if PLANTED_BUGS
                if PlantedBug.evictionWithoutGap.isActive {
                    var session = users[user].firstSession
                    while session != .none {
                        if sessions[session].cursor.position < evicted.through.position {
                            sessions[session].cursor = evicted.through
                        }
                        session = sessions[session].next
                    }
                    users.updateAcknowledged(of: user)
                }
            #endif
            let before = users.base(of: user)
            users.untrack(evicted.tracked, of: user)
            users.setFloor(InboxFloor(entry: users.counted(evicted.through, in: user), reason: evicted.reason), of: user)
            floorRecords[user] = position
            users.dropReleasedEntries(of: user, since: before)
        case .seen(let id, let age):
            guard let user = users.find(id.userNumber), let slot = users.session(id, of: user) else { return }
            users.willChange(user)
            if !sessions[slot].flags.contains(.hasEnded) { sessions[slot].seen = age }
        case .limit(let id, let limit):
            guard let user = users.find(id.userNumber), let slot = users.session(id, of: user) else { return }
            users.willChange(user)
            if !sessions[slot].flags.contains(.hasEnded) { users.setLimit(limit, of: slot) }
        case .lost(let numbers):
            for number in numbers {
                guard let user = users.find(number) else { continue }
                users.willChange(user)
                users.appendLoss(at: position, to: user)
            }
        case .hold(let record): applyHold(record)
        case .audit(let record): applyAudit(record, at: position)
        }
    }

    /// - Parameter bodyOffset: where the body lies in the open batch; nil at a replay, when nobody is connected.
    private mutating func applyMessage(
        _ message: borrowing MessageRecord, at position: Position, bodyCount: Int, bodyOffset: Int?, _ known: KnownUsers
    ) {
        if message.hasNewSender { makeUser(message.sender, message.newSender) }
        guard let sender = find(message.sender, known.sender) else {
            preconditionFailure("the row of a message's sender was looked for before it was applied")
        }
        if let key = message.key {
            applyRequest(message, key, at: position, isReplay: bodyOffset == nil)
        } else {
            applySend(message, of: sender, at: position, isReplay: bodyOffset == nil)
        }
        deliver(message, to: message.recipients.first, known.recipient, at: position, bodyCount: bodyCount, bodyOffset: bodyOffset)
        if message.recipients.count > 1 {
            for recipient in message.recipients.dropFirst() {
                deliver(message, to: recipient, .none, at: position, bodyCount: bodyCount, bodyOffset: bodyOffset)
            }
        }
        if message.echoes, message.recipients.first.user != message.sender {
            addEntry(
                to: sender, message, in: message.recipients.first.conversation, at: position, bodyCount: bodyCount, bodyOffset: bodyOffset)
        }
    }

    /// What an account's message changes in the ledger.
    private mutating func applyRequest(_ message: borrowing MessageRecord, _ key: RequestKey, at position: Position, isReplay: Bool) {
        guard let request = message.request else { return }
        #if PLANTED_BUGS
            if PlantedBug.ledgerForgottenAtReplay.isActive, isReplay { return }
            let isForgotten = PlantedBug.outcomeRecomputed.isActive && isReplay
        #else
            let isForgotten = false
        #endif
        var row = LedgerRow(
            until: request.until, fingerprint: request.fingerprint, position: position, lines: request.line, refusals: [])
        if request.line == 0, !isForgotten {
            for (index, recipient) in message.recipients.enumerated() {
                if let code = recipient.refusal { row.refusals.append(.init(index: UInt16(index), code: code)) }
            }
        }
        // Of a row whose deletion isn't written yet the count is lower by one already.
        ledger.insert(key, row, isNew: request.place != .replaces)
    }

    /// What a message changes at the session that sends it.
    private mutating func applySend(_ message: borrowing MessageRecord, of sender: UserSlot, at position: Position, isReplay: Bool) {
        users.willChange(sender)
        guard let slot = users.session(message.session, of: sender) else { return }
        assert(
            isReplay || message.sequence.rawValue == sessions[slot].lastSequence.rawValue + 1, "a session's numbers have no holes")
        #if PLANTED_BUGS
            let isForgotten = PlantedBug.sequenceForgottenAtReplay.isActive && isReplay
            sessions[slot].lastSequence = isForgotten ? sessions[slot].lastSequence : message.sequence
        #else
            sessions[slot].lastSequence = message.sequence
        #endif
        sessions[slot].lastPosition = position
        sessions[slot].storedAttach = max(sessions[slot].storedAttach, message.attach)
        sessions[slot].seen = message.age
        if !isReplay { noteSent(slot) }
    }

    /// What a message changes at one of its recipients.
    private mutating func deliver(
        _ message: borrowing MessageRecord, to recipient: borrowing MessageRecord.Recipient, _ known: UserSlot, at position: Position,
        bodyCount: Int,
        bodyOffset: Int?
    ) {
        #if PLANTED_BUGS
            let isForgotten = PlantedBug.refusalForgottenAtReplay.isActive && bodyOffset == nil && users.find(recipient.user) != nil
            guard recipient.refusal == nil || isForgotten else { return }
        #else
            guard recipient.refusal == nil else { return }
        #endif
        if let name = recipient.newName { makeUser(recipient.user, name) }
        if recipient.beginsConversation {
            names.insert(conversation: recipient.conversation.rawValue, UserPair(message.sender, recipient.user))
        }
        guard let user = find(recipient.user, known) else {
            preconditionFailure("the row of a message's recipient was looked for before it was applied")
        }
        addEntry(to: user, message, in: recipient.conversation, at: position, bodyCount: bodyCount, bodyOffset: bodyOffset)
        if message.isTracked { users.track(position, of: user) }
    }

    mutating func makeUser(_ number: UInt64, _ name: [UInt8]) {
        let slot = users.make(UserRow(number: number))
        names.insert(user: number, NameKey(name, configuration.hash))
        users.willChange(slot)
    }

    private mutating func addEntry(
        to user: UserSlot, _ message: borrowing MessageRecord, in conversation: ConversationNumber, at position: Position, bodyCount: Int,
        bodyOffset: Int?
    ) {
        users.willChange(user)
        let size = UInt32(bodyCount)
        let last = users[user].inbox.last
        let entry = InboxEntry(position: position, ordinal: last.ordinal &+ 1, cumulativeBytes: last.cumulativeBytes &+ size)
        let isOwn = users[user].number == message.sender
        users.append(TimelineEntry(entry, in: conversation, isOwn: isOwn), size: size, to: user)
        if let bodyOffset {
            totals.entries &+= 1
            batches.open.pushes.append(
                Push(
                    entry: entry, user: user, sender: message.session, conversation: conversation, time: message.time, kind: message.kind,
                    offset: UInt32(bodyOffset), size: size))
        }
    }

    /// The session is told `SENT` with the open batch.
    mutating func noteSent(_ slot: SessionSlot) {
        let row = sessions[slot]
        let note = SentNote(session: slot, id: row.id, sequence: row.lastSequence, position: row.lastPosition)
        assert(row.lastPosition < nextPosition, "what is told was stored")
        if Int(row.sentIndex) < batches.open.sent.count, batches.open.sent[Int(row.sentIndex)].session == slot {
            batches.open.sent[Int(row.sentIndex)] = note
        } else {
            sessions[slot].sentIndex = UInt32(batches.open.sent.count)
            batches.open.sent.append(note)
        }
    }

    private mutating func applyCursor(_ cursor: CursorRecord) {
        guard let user = users.find(cursor.session.userNumber), let slot = users.session(cursor.session, of: user) else { return }
        users.willChange(user)
        sessions[slot].storedAttach = max(sessions[slot].storedAttach, cursor.attach)
        users.untrack(cursor.tracked, of: user)
        if sessions[slot].cursor.position < cursor.position {
            let entry = InboxEntry(position: cursor.position, ordinal: cursor.ordinal, cumulativeBytes: cursor.cumulativeBytes)
            sessions[slot].cursor = users.counted(entry, in: user)
            users.updateAcknowledged(of: user)
        }
    }

    private mutating func applySessionBegun(_ begun: SessionBegunRecord, at position: Position) {
        let number = begun.session.userNumber
        let user: UserSlot
        if let known = users.find(number) {
            user = known
        } else {
            user = users.make(UserRow(number: number))
            names.insert(user: number, NameKey(begun.newUser, configuration.hash))
        }
        users.willChange(user)
        assert(begun.session.serial > users[user].sessionSerial, "serials of a user's sessions rise")
        users[user].sessionSerial = begun.session.serial
        var row = SessionRow()
        row.id = begun.session
        row.attach = begun.attach
        // Known after a crash too: whoever enters the session without its state gets a higher one.
        row.storedAttach = begun.attach
        row.cursor = users.counted(begun.cursor, in: user)
        row.lastPosition = position
        row.seen = begun.age
        if begun.isSendOnly { row.flags.insert(.isSendOnly) }
        if begun.isService { row.flags.insert(.isService) }
        if begun.deviceHasSent { row.flags.insert(.deviceHasSent) }
        let predecessor = SessionID(user: number, serial: begun.predecessor)
        if begun.predecessor != 0, let slot = users.session(predecessor, of: user) { sessions[slot].successor = begun.session }
        _ = users.makeSession(row, begun.limit, of: user)
        names.insert(DeviceKey(user: number, device: NameKey(begun.device, configuration.hash)), begun.session)
    }

    /// A user's ended sessions are kept for outboxes that come late; a fixed number, so that a replay forgets the same ones. Those go first that a
    /// device has left behind long ago, and of them the oldest: of a device's sessions none is forgotten before those that it follows, and
    /// two clients that fight for a device don't push out what the others have been away from.
    /// - Parameter ended: the one that ended now, which its client may be about to present: it stays.
    mutating func forgetOldestEndedSession(of user: UserSlot, but ended: SessionSlot) {
        var first: SessionSlot?
        var count = 0
        var slot = users[user].firstSession
        while slot != .none {
            let row = sessions[slot]
            // Connected ones are about to be closed; they go at the next one's end.
            if row.flags.contains(.hasEnded), row.connection == .none {
                count += 1
                if slot != ended, first.map({ isForgotten(slot, before: $0, of: user) }) ?? true { first = slot }
            }
            slot = row.next
        }
        if count > SessionRow.endedSessionsMax, let first { users.removeSession(first) }
    }

    private func isForgotten(_ slot: SessionSlot, before other: SessionSlot, of user: UserSlot) -> Bool {
        let (isLeft, isOtherLeft) = (isLeftBehind(slot, of: user), isLeftBehind(other, of: user))
        return isLeft == isOtherLeft ? sessions[slot].id.rawValue < sessions[other].id.rawValue : isLeft
    }

    /// Whether the session's device has had another one since that has ended too.
    private func isLeftBehind(_ slot: SessionSlot, of user: UserSlot) -> Bool {
        guard let successor = sessions[slot].successor else { return false }
        return users.session(successor, of: user).map { sessions[$0].flags.contains(.hasEnded) } ?? true
    }
}

extension SessionRow {
    /// Ended sessions that a user's row remembers.
    static let endedSessionsMax = 16
}

import HoldfastWire

// The journal, in one pass: what inboxes hold must be there, and what a start would replay must be whole and refer to what is known.
extension Examination {
    mutating func examineRecords(_ progress: Verification.Progress) throws(StorageError) {
        var walk = RecordWalk(holdings: HoldingWalk(from: firstHoldings))
        var failure: StorageError?
        try snapshot.records(after: .zero) { position, bytes in
            do throws(StorageError) {
                if counts.records.isMultiple(of: 100_000) { progress("records", counts.records) }
                counts.records += 1
                try examine(bytes, at: position, &walk)
            } catch {
                failure = error
            }
            return failure == nil
        }
        if let failure { throw failure }
        try passHoldings(before: UInt64.max, &walk)
        try examineEnd(&walk)
        for (user, serial) in newSerials.sorted(by: { $0.key < $1.key }) { try raiseSerial(of: user, to: serial) }
    }

    /// Where the pass is.
    struct RecordWalk {
        var holdings: HoldingWalk
        /// The last record behind the checkpoint, or the checkpoint: what follows has the next offset.
        var last: Position?
        /// Lost behind the checkpoint, one after the other.
        var lostRun: [Position] = []
        var sessions: Set<SessionID> = []
        /// A message was among what a start would replay.
        var hasReplayedMessage = false
    }

    private mutating func examine(_ bytes: Span<UInt8>, at position: Position, _ walk: inout RecordWalk) throws(StorageError) {
        try passHoldings(before: position.rawValue, &walk)
        let record = Record.decode(bytes)
        if record == nil { try Record.requireKnown(bytes, at: position) }
        let owners = try nextHeld(&walk.holdings) == position.rawValue ? walk.holdings.take().map(\.user) : []
        if position > applied { return try examineReplayed(record, bytes, at: position, &walk) }
        switch record {
        case .message(let message):
            noteTime(message)
            noteMessage(message, at: position)
            for owner in owners where !message.isFor(owner) { try noteForeign(position, owner) }
        case .lost?:
            for owner in owners { remade[owner]?.lost.insert(position) }
        case let other:
            if !owners.isEmpty {
                try loseMessage(at: position, of: owners, other == nil ? .recordDamaged : .recordWrong, bytes)
            } else if other == nil {
                find(
                    .recordDamaged, "journal", position: position, "the record doesn't pass its checksum, and no inbox needs it",
                    effect: "none: it was about to be deleted")
                plan.deletions.append(position)
            }
        }
    }

    private mutating func noteTime(_ message: MessageRecord) {
        // The last one, as at a start: a higher one before it is of a clock that was wrong.
        plan.meta[.time] = message.time
        plan.meta[.age] = max(plan.meta[.age] ?? 0, UInt64(message.age))
    }

    private mutating func noteMessage(_ message: MessageRecord, at position: Position) {
        guard !remade.isEmpty else { return }
        for recipient in message.recipients where recipient.refusal == nil {
            note(recipient.user, in: recipient.conversation)
        }
        if message.echoes { note(message.sender, in: message.recipients.first.conversation) }
        func note(_ user: UInt64, in conversation: ConversationNumber) {
            let mark = InboxEntry(position: position, ordinal: 0, cumulativeBytes: UInt32(message.body.count))
            remade[user]?.found[position] = TimelineEntry(mark, in: conversation, isOwn: user == message.sender)
        }
    }

    /// Holdings that the journal has passed without a record.
    private mutating func passHoldings(before position: UInt64, _ walk: inout RecordWalk) throws(StorageError) {
        while let missing = try nextHeld(&walk.holdings), missing < position {
            let owners = walk.holdings.take().map(\.user)
            // Entries behind the checkpoint are what is wrong then.
            if missing > applied.rawValue { continue }
            try loseMessage(at: Position(rawValue: missing), of: owners, .recordMissing, [UInt8]().span)
        }
    }

    /// A message that inboxes hold and that can't be delivered.
    private mutating func loseMessage(
        at position: Position, of owners: [UInt64], _ kind: Finding.Kind, _ bytes: Span<UInt8>
    ) throws(StorageError) {
        let names = try names(owners)
        for owner in owners { remade[owner]?.lost.insert(position) }
        find(
            kind, "journal", position: position, users: names,
            kind == .recordMissing
                ? "an inbox holds the record, and the journal doesn't have it"
                : kind == .recordWrong ? "an inbox holds the record, which is no message" : "the record doesn't pass its checksum",
            effect: kind == .recordMissing ? "the stream of its recipients stops there" : "its recipients get a GAP, reason damaged")
        plan.tombstones[position] = []
        try addLoss(of: bytes, at: position, to: names, kind: .message)
    }

    private mutating func noteForeign(_ position: Position, _ owner: UInt64) throws(StorageError) {
        find(
            .recordWrong, "timelines", position: position, users: [try name(owner)], "the inbox holds a message that is for others",
            effect: "somebody would get another one's message")
        if remade[owner] == nil {
            var entries = ContiguousArray<TimelineEntry>()
            try snapshot.entries(of: .inbox(owner), after: .zero, limit: .max / 2, into: &entries)
            let image = try UserImage.read(owner, from: snapshot)
            remade[owner] = RemadeInbox(image: image, old: entries)
            // Its other messages were or will be passed in this walk; those that were are taken from the old entries.
            for entry in entries where entry.position < position { remade[owner]?.lost.remove(entry.position) }
            for var entry in entries where entry.position != position {
                entry.mark.cumulativeBytes = 0
                remade[owner]?.found[entry.position] = entry
            }
        }
        remade[owner]?.foreign.insert(position)
        remade[owner]?.found[position] = nil
    }

    /// What the record still says, if it is believable, for whoever decides.
    private mutating func addLoss(
        of bytes: Span<UInt8>, at position: Position, to names: [String], kind: Loss.Kind
    ) throws(StorageError) {
        var from: String?
        var time: UInt64?
        if case .message(let message)? = Record.decodeFields(bytes), isKnown(message.sender) {
            from = try name(message.sender)
            time = message.time
        }
        let text =
            kind == .message
            ? "the message at \(position.rawValue) from \(from ?? "an unknown sender") to \(names.joined(separator: ", "))"
            : "the record at \(position.rawValue), which may have been a message to anybody"
        plan.losses.append(
            Loss(kind: kind, position: position.rawValue, from: from, to: names, time: time, count: 1, text: text))
    }

    // MARK: What a start replays

    private mutating func examineReplayed(
        _ record: Record?, _ bytes: Span<UInt8>, at position: Position, _ walk: inout RecordWalk
    ) throws(StorageError) {
        passMissing(to: position, &walk)
        walk.last = position
        guard let record else {
            find(
                .recordDamaged, "journal", position: position, "the record doesn't pass its checksum, and a start would replay it",
                effect: "the gateway doesn't start")
            if let users = try recipients(of: bytes) {
                try endLostRun(&walk)
                plan.tombstones[position] = users
                return try addLoss(of: bytes, at: position, to: try names(users), kind: .message)
            }
            walk.lostRun.append(position)
            return
        }
        try endLostRun(&walk)
        if case .message = record { walk.hasReplayedMessage = true }
        try examineReferences(of: record, at: position, &walk)
    }

    /// Records behind the checkpoint follow each other without a hole; a new era begins with the next offset.
    private mutating func passMissing(to position: Position, _ walk: inout RecordWalk) {
        // Without a checkpoint the first record may be anywhere; of a store that is gone one doesn't know what was trimmed.
        guard applied != .zero || walk.last != nil && !unreadable.meta else { return }
        // Where the checkpoint was is a guess then: what isn't a message may have been applied, and trimmed.
        guard meta.isEmpty && walk.last != nil || meta[.appliedThrough] != nil || walk.hasReplayedMessage else { return }
        let offsetMask: UInt64 = 1 << 56 - 1
        let before = walk.last ?? applied
        var offset = (before.rawValue & offsetMask) + 1
        let end = position.rawValue & offsetMask
        guard end > offset else { return }
        let first = offset
        // A hole of millions is one finding and a few notices: everybody hears of it anyway.
        offset = max(offset, end > 1000 ? end - 1000 : 0)
        while offset < end {
            walk.lostRun.append(Position(rawValue: before.rawValue & ~offsetMask | offset))
            offset += 1
        }
        find(
            .recordMissing, "journal", position: Position(rawValue: before.rawValue & ~offsetMask | first),
            "\(end - first) records are missing that a start would replay", effect: "messages may be lost that nobody hears of")
    }

    private mutating func endLostRun(_ walk: inout RecordWalk) throws(StorageError) {
        guard let last = walk.lostRun.last else { return }
        // One notice for all of them: nobody knows how many were messages.
        plan.tombstones[last] = Set(users).union(newUsers.keys).sorted()
        for position in walk.lostRun.dropLast() { plan.tombstones[position] = [] }
        plan.losses.append(
            Loss(
                kind: .unknownRecord, position: last.rawValue, from: nil, to: [], time: nil, count: walk.lostRun.count,
                text: walk.lostRun.count == 1
                    ? "the record at \(last.rawValue), which may have been a message to anybody: every inbox gets a GAP, and who was new by it isn't known"
                    : "the \(walk.lostRun.count) records from \(walk.lostRun[0].rawValue) to \(last.rawValue), which may have been messages to "
                        + "anybody: every inbox gets a GAP, and who was new by them isn't known"))
        walk.lostRun = []
    }

    private mutating func examineEnd(_ walk: inout RecordWalk) throws(StorageError) {
        if nextPosition > applied { passMissing(to: nextPosition, &walk) }
        try endLostRun(&walk)
        guard unreadable.nextPosition else { return }
        // How far the journal went isn't known: what came after its last record was for anybody.
        for user in users { plan.notices[user] = 1 }
        plan.losses.append(
            Loss(
                kind: .unknownRecord, position: nil, from: nil, to: [], time: nil, count: 1,
                text:
                    "whatever was stored after position \((walk.last ?? applied).rawValue): how far the journal went can't be read; every inbox gets a GAP"
            ))
    }

    /// For whom a damaged message was, if several of its fields agree with each other and with what is stored.
    private mutating func recipients(of bytes: Span<UInt8>) throws(StorageError) -> [UInt64]? {
        guard case .message(let message)? = Record.decodeFields(bytes) else { return nil }
        var found: Set<UInt64> = []
        for recipient in message.recipients where recipient.refusal == nil {
            guard let user = try believable(recipient, of: message) else { return nil }
            lastUser = max(lastUser, user)
            found.insert(user)
        }
        if message.echoes, isKnown(message.sender) { found.insert(message.sender) }
        return found.isEmpty ? nil : found.sorted()
    }

    /// Who a recipient of a damaged message is; nil: one can't tell.
    private mutating func believable(_ recipient: MessageRecord.Recipient, of message: MessageRecord) throws(StorageError) -> UInt64? {
        let isSenderKnown = isKnown(message.sender)
        let pair = UserPair(message.sender, recipient.user)
        if let members = try members(of: recipient.conversation.rawValue) {
            if members == pair { return recipient.user }
            // One of the two numbers is damaged, and the conversation says what it was.
            return isSenderKnown ? members.peer(of: message.sender) : nil
        }
        guard isSenderKnown else { return nil }
        if isKnown(recipient.user) {
            let isPair = try snapshot.bytes(.pairs, pair.encoded) != nil
            return isPair || recipient.beginsConversation ? recipient.user : nil
        }
        guard let name = recipient.newName, isNew(recipient.user, name) else { return nil }
        newUsers[recipient.user] = name
        makeEmptyRow(recipient.user, name: name)
        return recipient.user
    }

    /// Whether a user can have begun with this message.
    private func isNew(_ user: UInt64, _ name: [UInt8]) -> Bool {
        let next = meta[.nextUser] ?? 1
        return (1...255).contains(name.count) && !name.contains(0) && String(validating: name, as: UTF8.self) != nil
            && Self.isUserNumber(user) && user >= next && user < next + 1 << 24
    }

    private func members(of conversation: UInt64) throws(StorageError) -> UserPair? {
        if let pair = newConversations[conversation] { return pair }
        return try snapshot.bytes(.conversations, StoreKey.number(conversation)).flatMap(UserPair.init(encoded:))
    }

    // MARK: References

    private mutating func examineReferences(of record: Record, at position: Position, _ walk: inout RecordWalk) throws(StorageError) {
        switch record {
        case .message(let message):
            for (user, name) in message.newUsers {
                newUsers[user] = name
                lastUser = max(lastUser, user)
            }
            try require(message.sender, at: position)
            if message.key == nil { noteSerial(message.session, walk) }
            for recipient in message.recipients where recipient.refusal == nil {
                try require(recipient.user, at: position)
                try examineConversation(with: recipient, of: message, at: position)
            }
        case .cursors(let cursors, _):
            for cursor in cursors { noteSerial(cursor.session, walk) }
        case .sessionBegun(let begun):
            walk.sessions.insert(begun.session)
            let user = begun.session.userNumber
            if begun.newUser.isEmpty { try require(user, at: position) } else { newUsers[user] = begun.newUser }
            lastUser = max(lastUser, user)
        case .sessionEnded(let session, _, _), .seen(let session, _), .limit(let session, _): noteSerial(session, walk)
        case .audit(let audit):
            guard audit.user != 0 else { break }
            if audit.isNewUser { newUsers[audit.user] = audit.name }
            try require(audit.user, at: position)
            for serial in audit.ended { noteSerial(SessionID(user: audit.user, serial: serial), walk) }
        case .evicted, .lost, .hold: break
        }
    }

    /// A session's number must not be given out again even when its beginning is lost.
    private mutating func noteSerial(_ session: SessionID, _ walk: RecordWalk) {
        guard !walk.sessions.contains(session), Self.isUserNumber(session.userNumber) else { return }
        lastUser = max(lastUser, session.userNumber)
        newSerials[session.userNumber] = max(newSerials[session.userNumber] ?? 0, session.serial)
    }

    private mutating func raiseSerial(of user: UInt64, to serial: UInt32) throws(StorageError) {
        guard remade[user] == nil else { return }
        guard var image = try image(user), image.row.sessionSerial < serial else { return }
        image.row.sessionSerial = serial
        plan.images[user] = image
        let name = try name(user)
        find(
            .recordMissing, "journal", users: [name], "a record speaks of session \(serial) of \(name), whose beginning is missing",
            effect: "the session is not known; its number would be given out again")
        plan.losses.append(
            Loss(
                kind: .sessions, position: nil, from: nil, to: [name], time: nil, count: 1,
                text: "a session of \(name), whose beginning is lost: its device begins a new one"))
    }

    /// A replay drops what names a user who isn't known; so one is made.
    private mutating func require(_ user: UInt64, at position: Position) throws(StorageError) {
        lastUser = max(lastUser, user)
        guard !isKnown(user), Self.isUserNumber(user) else { return }
        find(
            .rowMissing, "users", position: position, row: "\(user)", users: ["user \(user)"],
            "a record that a start would replay names user \(user), who isn't known", effect: "the message would be dropped")
        replaceName(of: user)
        makeEmptyRow(user, name: plan.names[user] ?? [])
    }

    private mutating func makeEmptyRow(_ user: UInt64, name: [UInt8]) {
        plan.images[user] = UserImage(row: UserRow(number: user), sessions: [])
        plan.put(.userNames, StoreKey.number(user), name)
        plan.put(.userByName, name, StoreKey.number(user))
    }

    private mutating func examineConversation(
        with recipient: MessageRecord.Recipient, of message: MessageRecord, at position: Position
    ) throws(StorageError) {
        let number = recipient.conversation.rawValue
        let pair = UserPair(message.sender, recipient.user)
        lastConversation = max(lastConversation, number)
        if recipient.beginsConversation { return newConversations[number] = pair }
        guard try members(of: number) == nil else { return }
        find(
            .rowMissing, "conversations", position: position, row: "\(number)", users: [try name(pair.low), try name(pair.high)],
            "a record that a start would replay names conversation \(number), which isn't known",
            effect: "its messages don't say who writes")
        newConversations[number] = pair
        plan.put(.conversations, StoreKey.number(number), pair.encoded)
        plan.put(.pairs, pair.encoded, StoreKey.number(number))
    }
}

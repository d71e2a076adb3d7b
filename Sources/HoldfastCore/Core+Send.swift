import HoldfastWire

// SEND and SEND_TO: sequence, recipient, limits, record (SPEC 4.3).
extension Core {
    /// Where a message goes; the rows are in RAM.
    private enum Target {
        case known(conversation: ConversationNumber, recipient: UserSlot)
        /// The first message of a conversation; `recipient` nil: and of its recipient.
        case new(recipient: UserSlot?, name: NameKey)
        case refused(RefusalCode)
    }

    /// To a conversation, whose other member is the recipient that was found.
    mutating func send(_ origin: Origin, _ sequence: MessageSequence, _ kind: MessageKind, body: ArraySlice<UInt8>) {
        guard let session = acceptSequence(origin, sequence) else { return }
        // REQ-CONV-5
        store(origin, session, sequence, kind, knownTarget ?? .refused(.unknownConversation), body)
    }

    /// To a user by name, who is new when no recipient was found.
    mutating func send(
        _ origin: Origin, _ sequence: MessageSequence, _ kind: MessageKind, toUser name: NameKey, body: ArraySlice<UInt8>
    ) {
        guard let session = acceptSequence(origin, sequence) else { return }
        var target = Target.new(recipient: nil, name: name)
        if let number = found.recipient?.number {
            guard let recipient = users.find(number) else { return refuse(origin, session, sequence, .invalidRecipient) }
            // One number for the pair, for ever (REQ-CONV-1).
            target = knownTarget ?? .new(recipient: recipient, name: name)
        }
        if let conversation = store(origin, session, sequence, kind, target, body) {
            // Held with the record, which it is derived from.
            open.conversations.append(.init(connection: origin.connection, conversation: conversation, peer: name.bytes))
        }
    }

    /// The recipient that was found, in a conversation that there is.
    private var knownTarget: Target? {
        guard let found = found.recipient, let conversation = found.conversation, let recipient = users.find(found.number) else {
            return nil
        }
        return .known(conversation: ConversationNumber(rawValue: conversation), recipient: recipient)
    }

    /// Checks the fence and the number of a message.
    /// - Returns: nil when the message isn't to be stored.
    private mutating func acceptSequence(_ origin: Origin, _ sequence: MessageSequence) -> SessionSlot? {
        guard let session = session(of: origin), !sessions[session].flags.contains(.hasEnded) else { return nil }
        let expected = sessions[session].lastSequence.rawValue + 1
        if sequence.rawValue == expected {
            // The client may have bound the number anew; it has stored that with a higher attach (REQ-ATTACH-9).
            if sessions[session].flags.remove(.discards) != nil { raiseAttach(of: session) }
            return session
        }
        if sequence.rawValue < expected {
            // Stored before: the client missed the SENT.
            noteSent(session)
        } else if !sessions[session].flags.contains(.discards) {
            close(origin.connection, .sequenceHole)
        }
        return nil
    }

    /// A state of the client's from before the refusal presents a lower attach than what is stored from here on: if it comes back, that shows.
    private mutating func raiseAttach(of session: SessionSlot) {
        #if PLANTED_BUGS
            if PlantedBug.attachNotRaised.isActive { return }
        #endif
        let attach = sessions[session].attach.rawValue
        if attach < Self.attachCeiling { sessions[session].attach = AttachNumber(rawValue: attach + 1) }
    }

    @discardableResult
    private mutating func store(
        _ origin: Origin, _ session: SessionSlot, _ sequence: MessageSequence, _ kind: MessageKind, _ target: Target,
        _ body: ArraySlice<UInt8>
    ) -> ConversationNumber? {
        if case .refused(let code) = target {
            refuse(origin, session, sequence, code)
            return nil
        }
        let echoes = hasOtherReceivers(than: session)
        if let code = refusal(of: target, echoTo: echoes ? sessions[session].user : nil, bodyCount: body.count) {
            refuse(origin, session, sequence, code)
            return nil
        }
        var message = MessageRecord(
            session: origin.session, attach: sessions[session].attach, sequence: sequence,
            conversation: ConversationNumber(rawValue: names.nextConversation),
            sender: origin.session.userNumber, recipient: names.nextUser, time: clock.time, age: clock.age, kind: kind,
            echoes: echoes, beginsConversation: true, newRecipient: [], body: 0..<0)
        switch target {
        case .known(let conversation, let recipient):
            message.conversation = conversation
            message.beginsConversation = false
            message.recipient = users[recipient].number
        case .new(let recipient?, _): message.recipient = users[recipient].number
        case .new(nil, let name): message.newRecipient = name.bytes
        case .refused: break
        }
        append(.message(message), body: body)
        return message.conversation
    }

    /// - Parameter sender: the sender, when the message also goes to his own inbox.
    private mutating func refusal(of target: Target, echoTo sender: UserSlot?, bodyCount: Int) -> RefusalCode? {
        if bodyCount > configuration.bodyBytesMax { return .bodyTooLarge }
        if isSpaceLow { return .storageFull }
        if let sender, isInboxFull(sender, adding: bodyCount), !makeRoom(in: sender) { return .inboxFull }
        switch target {
        case .known(_, let recipient), .new(let recipient?, _):
            return isInboxFull(recipient, adding: bodyCount) && !makeRoom(in: recipient) ? .inboxFull : nil
        case .new(nil, _), .refused: return nil
        }
    }

    func isInboxFull(_ user: UserSlot, adding bytes: Int) -> Bool {
        let kept = users.kept(of: user)
        return kept.count >= configuration.inboxMessagesMax || Int(kept.bytes) + bytes > Int(configuration.inboxBytesMax)
    }

    /// Under `evictWithGap`, takes the oldest entries out of a full inbox.
    /// - Returns: whether there is room now.
    private mutating func makeRoom(in user: UserSlot) -> Bool {
        guard configuration.inboxPolicy == .evictWithGap else { return false }
        let through = found.entries.removeValue(forKey: evictionPointKey(of: user)) ?? recentEvictionPoint(of: user)
        guard let through, through.position > users.base(of: user).position else { return false }
        evict(from: user, through: through, .evicted)
        return true
    }

    /// The question for an inbox whose oldest entries are on disk; it is asked anew when they change.
    func evictionPointKey(of user: UserSlot) -> RowKey {
        .evictionPoint(user: users[user].number, after: users.base(of: user).position)
    }

    /// The eviction point of an inbox whose kept entries are all in RAM; nil when the timeline on disk must be asked.
    func recentEvictionPoint(of user: UserSlot) -> InboxEntry? { users.evictionPoint(of: user, count: configuration.evictionMessages) }

    func hasOtherReceivers(than session: SessionSlot) -> Bool {
        let id = sessions[session].id
        return users.firstSession(of: sessions[session].user) { $0.id != id && $0.receives } != nil
    }

    /// The number isn't consumed: what follows it is discarded until it comes again.
    private mutating func refuse(_ origin: Origin, _ session: SessionSlot, _ sequence: MessageSequence, _ code: RefusalCode) {
        let retryAfter =
            switch code {
            case .inboxFull, .storageFull, .overloaded: configuration.retryAfterMilliseconds
            case .unknownConversation, .bodyTooLarge, .invalidRecipient, .kindUnsupported: UInt32(0)
            }
        sessions[session].flags.insert(.discards)
        #if PLANTED_BUGS
            if PlantedBug.refusedNumberConsumed.isActive { sessions[session].lastSequence = sequence }
        #endif
        emit(.refused(origin.connection, sequence, code, retryAfterMilliseconds: retryAfter), to: origin.connection)
    }

    mutating func close(_ connection: ConnectionHandle, _ code: CloseCode) {
        let retryAfter = code == .overloaded ? configuration.retryAfterMilliseconds : 0
        emit(.close(connection, code, retryAfterMilliseconds: retryAfter), to: connection)
    }
}

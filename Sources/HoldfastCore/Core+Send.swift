import HoldfastWire

// SEND and SEND_TO: sequence, recipient, limits, record (SPEC 4.3).
extension Core {
    /// A message to a conversation, or to a user by name, who is new when no recipient was found.
    mutating func send(
        _ origin: Origin, _ sequence: MessageSequence, _ kind: MessageKind, to name: NameKey?, _ resolution: Resolution,
        body: ArraySlice<UInt8>
    ) {
        guard let session = acceptSequence(origin, sequence, resolution.session) else { return }
        // REQ-AUTH-8
        if resolution.isNotAllowed { return refuse(origin, session, sequence, .notAllowed) }
        if resolution.hasLostUser { return refuse(origin, session, sequence, .invalidRecipient) }
        // REQ-CONV-5
        guard resolution.recipient != nil || name != nil else { return refuse(origin, session, sequence, .unknownConversation) }
        if body.count > configuration.bodyBytesMax { return refuse(origin, session, sequence, .bodyTooLarge) }
        if isSpaceLow { return refuse(origin, session, sequence, .storageFull) }
        guard makeRoom(resolution.echo, in: sessions[session].user), makeRoom(resolution.recipient?.room, in: resolution.recipient?.user)
        else { return refuse(origin, session, sequence, .inboxFull) }
        let conversation = store(origin, session, sequence, kind, to: name, resolution, body)
        // Held with the record, which it is derived from.
        if let name {
            batches.open.conversations.append(.init(connection: origin.connection, conversation: conversation, peer: name.bytes))
        }
    }

    /// Checks the fence and the number of a message.
    /// - Returns: nil when the message isn't to be stored.
    private mutating func acceptSequence(_ origin: Origin, _ sequence: MessageSequence, _ session: SessionSlot?) -> SessionSlot? {
        guard let session, !sessions[session].flags.contains(.hasEnded) else { return nil }
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

    /// Makes the record. Everything was checked.
    private mutating func store(
        _ origin: Origin, _ session: SessionSlot, _ sequence: MessageSequence, _ kind: MessageKind, to name: NameKey?,
        _ resolution: Resolution, _ body: ArraySlice<UInt8>
    ) -> ConversationNumber {
        assert(sequence.rawValue == sessions[session].lastSequence.rawValue + 1, "a session's numbers have no holes")
        let recipient = resolution.recipient
        if let recipient { users[recipient.user].isRecent = true }
        // One number for the pair, for ever (REQ-CONV-1).
        let conversation = recipient?.conversation
        let to = MessageRecord.Recipient(
            user: recipient.map { users[$0.user].number } ?? names.nextUser,
            conversation: ConversationNumber(rawValue: conversation ?? names.nextConversation), beginsConversation: conversation == nil,
            newName: recipient == nil ? name?.bytes : nil)
        let message = MessageRecord(
            session: origin.session, attach: sessions[session].attach, sequence: sequence, recipients: .init(to), time: clock.time,
            age: clock.age, kind: kind, echoes: hasOtherReceivers(than: session), body: 0..<0)
        _ = append(message, body: body, KnownUsers(sender: sessions[session].user, recipient: recipient?.user ?? .none))
        batches.open.noteTaken(at: takenAt, door: origin.connection.loop)
        return to.conversation
    }

    /// - Returns: whether there is room in the inbox now.
    mutating func makeRoom(_ room: Resolution.InboxRoom?, in user: UserSlot?) -> Bool {
        guard let user, let room else { return true }
        switch room {
        case .free: return true
        case .afterExpiry(let evicting):
            endExpiredSessions(of: user)
            // For another device of the sender's the same may have been evicted already.
            if let evicting, evicting.position > users.base(of: user).position { evict(from: user, through: evicting, .evicted) }
            return true
        case .full:
            // The answer is the same, but they hold nothing back any more.
            endExpiredSessions(of: user)
            return false
        }
    }

    func hasOtherReceivers(than session: SessionSlot) -> Bool {
        let id = sessions[session].id
        return users.firstSession(of: sessions[session].user) { $0.id != id && $0.receives } != nil
    }

    /// The number isn't consumed: what follows it is discarded until it comes again.
    private mutating func refuse(_ origin: Origin, _ session: SessionSlot, _ sequence: MessageSequence, _ code: RefusalCode) {
        let retryAfter =
            switch code {
            case .inboxFull, .storageFull, .overloaded: configuration.retryAfterMilliseconds
            case .unknownConversation, .bodyTooLarge, .invalidRecipient, .kindUnsupported, .notAllowed: UInt32(0)
            }
        totals.refusedToClients.count(code)
        assert(sessions[session].connection == origin.connection, "who is refused is connected")
        sessions[session].flags.insert(.discards)
        #if PLANTED_BUGS
            if PlantedBug.refusedNumberConsumed.isActive { sessions[session].lastSequence = sequence }
        #endif
        emit(.refused(origin.connection, sequence, code, retryAfterMilliseconds: retryAfter), to: origin.connection)
    }

    mutating func close(_ connection: ConnectionHandle, _ code: CloseCode, retryAfterMilliseconds: UInt32 = 0) {
        let retryAfter = code == .overloaded ? configuration.retryAfterMilliseconds : retryAfterMilliseconds
        emit(.close(connection, code, retryAfterMilliseconds: retryAfter), to: connection)
    }
}

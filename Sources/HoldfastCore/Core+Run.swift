import HoldfastWire

// What a command needs, and what it does.
extension Core {
    /// Collects the rows that the command names and that aren't in RAM, knowing those of `found`, where a message's recipient is afterwards.
    /// Questions about timelines come last, when all rows are there.
    mutating func findMissing(for command: Command, _ names: CommandNames) {
        missing.removeAll(keepingCapacity: true)
        switch command {
        case .hello(_, _, _, _, _, let state):
            guard let number = findUser(names.user, asking: 0), requireUser(number),
                case .found(let session)? = findDevice(number, names.device), missing.isEmpty, let state, state.session == session
            else { return }
            requireEntry(state)
        case .resume(_, let state):
            let number = state.session.userNumber
            guard found.entries[.user(number)] == nil, requireUser(number) else { return }
            requireEntry(state)
        case .send(let origin, _, _, let conversation, let body):
            guard session(of: origin) != nil, let peer = findPeer(in: conversation, of: origin), requireUser(peer) else { return }
            requireRoom(for: peer, body.count)
            requireRoomForEcho(of: origin, to: peer, body.count)
        case .sendTo(let origin, _, _, _, let body):
            guard session(of: origin) != nil, let number = findRecipient(names.user, of: origin), requireUser(number), missing.isEmpty
            else { return }
            requireRoom(for: number, body.count)
            requireRoomForEcho(of: origin, to: number, body.count)
        case .lookup(let origin, let conversation):
            guard session(of: origin) != nil, let peer = findPeer(in: conversation, of: origin) else { return }
            if case .unknown = self.names.userName(peer) { missing.append(.userName(peer)) }
        case .authenticate(let origin, _, let device):
            guard session(of: origin) != nil, let number = findUser(names.user, asking: 0), !device.isEmpty else { return }
            _ = findDevice(number, names.device)
        case .acknowledge, .credit, .logout, .detach: break
        }
    }

    mutating func run(_ command: Command, _ bytes: [UInt8], _ names: CommandNames) {
        switch command {
        case .hello(let connection, _, _, let isSendOnly, let isService, let state):
            hello(connection, user: names.user, device: names.device, isSendOnly: isSendOnly, isService: isService, state)
        case .resume(let connection, let state): resume(connection, state)
        case .send(let origin, let sequence, let kind, _, let body):
            send(origin, sequence, kind, body: bytes[body])
            return returnCreditWithBatch(of: command)
        case .sendTo(let origin, let sequence, let kind, _, let body):
            send(origin, sequence, kind, toUser: names.user, body: bytes[body])
            return returnCreditWithBatch(of: command)
        case .acknowledge(let origin, let position): acknowledge(origin, position)
        case .credit(let origin, let messages, let bytes): setCredit(origin, messages: messages, bytes: bytes)
        case .lookup(let origin, let conversation): lookup(origin, conversation)
        case .logout(let origin): logout(origin)
        case .authenticate(let origin, _, _): authenticate(origin, user: names.user, device: names.device)
        case .detach(let connection, let session): detach(connection, session)
        }
        returnCredit(of: command)
    }

    /// A command that left no record: its credit goes back at once.
    mutating func returnCredit(of command: Command) {
        let loop = command.connection.loop
        effects[loop].creditsReturned += 1
        effects[loop].bytesReturned += command.byteCount
    }

    /// A message's credit goes back when its batch is synced: that bounds the bytes on their way to the journal. While senders must wait for
    /// a checkpoint, it goes back later still.
    private mutating func returnCreditWithBatch(of command: Command) {
        let loop = command.connection.loop
        open.credits[loop] += 1
        open.creditBytes[loop] += command.byteCount
    }

    // MARK: Rows

    /// The number of a user; nil when there is none, or when it must be asked for.
    private mutating func findUser(_ name: NameKey, asking: UInt64) -> UInt64? {
        switch names.userNumber(name) {
        case .found(let number): return number
        case .absent: return nil
        case .unknown:
            missing.append(.userNumber(name: name, asking: asking))
            return nil
        }
    }

    private mutating func findDevice(_ user: UInt64, _ device: NameKey) -> LookupCache<DeviceKey, SessionID>.Answer? {
        let key = DeviceKey(user: user, device: device)
        let answer = names.session(key)
        if case .unknown = answer { missing.append(.device(key)) }
        return answer
    }

    /// The other member of a conversation; nil when there is none, or when it must be asked for.
    private mutating func findPeer(in conversation: ConversationNumber, of origin: Origin) -> UInt64? {
        if let recipient = found.recipient { return recipient.number }
        switch names.members(conversation.rawValue) {
        case .found(let pair):
            guard let peer = pair.peer(of: origin.session.userNumber) else { return nil }
            found.recipient = .init(number: peer, conversation: conversation.rawValue)
            return peer
        case .absent: return nil
        case .unknown:
            missing.append(.conversation(conversation.rawValue, asking: origin.session.userNumber))
            return nil
        }
    }

    /// The number of the user with this name, and the conversation with him; nil when there is no such user, or when he must be asked for.
    private mutating func findRecipient(_ name: NameKey, of origin: Origin) -> UInt64? {
        if let recipient = found.recipient, recipient.conversation != nil { return recipient.number }
        guard let number = found.recipient?.number ?? findUser(name, asking: origin.session.userNumber) else { return nil }
        let pair = UserPair(origin.session.userNumber, number)
        switch names.conversation(pair) {
        case .found(let conversation): found.recipient = .init(number: number, conversation: conversation)
        case .absent: found.recipient = .init(number: number, conversation: nil)
        case .unknown: missing.append(.pair(pair))
        }
        return number
    }

    private mutating func requireUser(_ number: UInt64) -> Bool {
        if let slot = users.find(number) {
            users[slot].isRecent = true
            return true
        }
        missing.append(.user(number))
        return false
    }

    /// The counters at the position that a client presents, when it is further than the server knows.
    private mutating func requireEntry(_ state: PresentedState) {
        guard let user = users.find(state.session.userNumber), let session = users.session(state.session, of: user),
            isBelievable(state.position), state.position > sessions[session].cursor.position,
            users.entry(of: user, atOrBefore: state.position) == nil
        else { return }
        let key = RowKey.entry(user: state.session.userNumber, atOrBefore: state.position)
        if found.entries[key] == nil { missing.append(key) }
    }

    private mutating func requireRoom(for number: UInt64, _ bytes: Int) {
        guard let user = users.find(number), isInboxFull(user, adding: bytes) else { return }
        // Perhaps only for a session that isn't there any more.
        endExpiredSessions(of: user)
        guard configuration.inboxPolicy == .evictWithGap, isInboxFull(user, adding: bytes), recentEvictionPoint(of: user) == nil else {
            return
        }
        let key = evictionPointKey(of: user)
        if found.entries[key] == nil { missing.append(key) }
    }

    /// A message that the sender's other devices get needs room in his own inbox too.
    private mutating func requireRoomForEcho(of origin: Origin, to recipient: UInt64, _ bytes: Int) {
        guard origin.session.userNumber != recipient, let session = session(of: origin), hasOtherReceivers(than: session) else { return }
        requireRoom(for: origin.session.userNumber, bytes)
    }
}

import HoldfastWire

/// What a command needs, found in RAM or read for it; or what must be read first.
struct Resolution {
    /// To be read before the command can run; while there is something, nothing else counts.
    var missing = ContiguousArray<RowKey>()
    /// The session of the command's connection, if that is the session's newest.
    var session: SessionSlot?
    /// The store has a name or a conversation of a user, and no row: nothing may be made of the user before a repair.
    var hasLostUser = false
    /// The session's token doesn't let it write to whom the message is for.
    var isNotAllowed = false
    /// The user whose name the command says.
    var user: UInt64?
    /// The session of the device whose name it says.
    var device: SessionID?
    /// Whom a message is for; nil: somebody who is new, or nobody.
    var recipient: Recipient?
    /// The room in the sender's own inbox, for his other devices; nil: he has none.
    var echo: InboxRoom?
    /// The counters at the position that the client presents, where only the disk has them.
    var presented: InboxEntry?
    /// The name of the conversation's other member, or of the user whom an act concerns by a session; empty: unknown.
    var peerName: [UInt8] = []
    var places = Names.Places()
    /// Of a push, or a question about several users: whom it names, in its order.
    var targets = ContiguousArray<Target>()
    /// Of a push, or a question about a request: what became of it.
    var request: Core.RequestPlace?

    struct Target {
        /// nil: nobody has the name.
        var number: UInt64?
        var user: UserSlot?
        /// nil: there is none with him yet.
        var conversation: UInt64?
        var room = InboxRoom.free
        /// The store has his name and no row.
        var isLost = false
    }

    struct Recipient {
        let user: UserSlot
        /// nil: there is none with him yet.
        let conversation: UInt64?
        let room: InboxRoom
    }

    /// How a message gets into an inbox.
    enum InboxRoom {
        case free
        /// Sessions that were away for too long have to be ended first, which may be enough; else the oldest messages go, up to this one.
        case afterExpiry(evicting: InboxEntry?)
        case full
    }
}

extension Core {
    /// Finds what a command needs. Nothing is changed by it.
    /// - Parameters:
    ///   - found: what was read for the command, which the tables may not have kept.
    ///   - resolution: a new one, which is filled in its place: it is made for each command, and larger than one would copy.
    func resolve(_ command: Command, _ names: CommandNames, _ found: FoundRows, into resolution: inout Resolution) {
        assert(resolution.missing.isEmpty && resolution.session == nil, "a resolution is of one command")
        switch command {
        case .hello(_, _, _, _, _, _, _, let state):
            guard let number = findUser(names.user, asking: 0, &resolution), find(number, found, &resolution) != nil else { break }
            findDevice(number, names.device, &resolution)
            guard resolution.missing.isEmpty, let state, state.session == resolution.device, isBelievable(state.position) else { break }
            findEntry(of: state.session, at: state.position, found, &resolution)
        case .resume(_, let state):
            let number = state.session.userNumber
            guard find(number, found, &resolution) != nil, isBelievable(state.position) else { break }
            findEntry(of: state.session, at: state.position, found, &resolution)
        case .send(let origin, _, _, let conversation, let body):
            resolution.session = session(of: origin)
            guard let session = resolution.session, let peer = findPeer(in: conversation, of: origin, found, &resolution),
                isAllowed(peer, from: session, &resolution)
            else { break }
            findRoom(for: peer, from: session, body.count, found, &resolution)
        case .sendTo(let origin, _, _, _, let body):
            resolution.session = session(of: origin)
            // Before anything is read for it.
            guard let session = resolution.session, isAllowed(names.user.bytes, from: session, &resolution),
                let recipient = findRecipient(names.user, of: origin.session.userNumber, found, &resolution)
            else { break }
            findRoom(for: recipient, from: session, body.count, found, &resolution)
        case .lookup(let origin, let conversation):
            resolution.session = session(of: origin)
            guard resolution.session != nil, let peer = findPeer(in: conversation, of: origin, found, &resolution) else { break }
            resolution.peerName = findName(peer.number, &resolution)
        case .authenticate(let origin, _, let device, _, _):
            resolution.session = session(of: origin)
            guard resolution.session != nil, let number = findUser(names.user, asking: 0, &resolution), !device.isEmpty else { break }
            findDevice(number, names.device, &resolution)
        case .acknowledge(let origin, _), .credit(let origin, _, _), .logout(let origin): resolution.session = session(of: origin)
        case .push(let push):
            findRequest(push.key, found, &resolution)
            findTargets(of: push, names, found, &resolution)
        case .ask(_, let question): resolve(question, names, found, into: &resolution)
        case .consume(_, let consume):
            guard let number = findUser(names.user, asking: 0, &resolution), find(number, found, &resolution) != nil else { break }
            findDevice(number, names.device, &resolution)
            guard resolution.missing.isEmpty, let session = resolution.device else { break }
            findEntry(of: session, at: min(consume.through, committedThrough), found, &resolution)
        case .act(_, let act): findUser(of: act, names, found, &resolution)
        case .detach, .hold: break
        }
    }

    /// Whom an act concerns: the user with the name, or else the one whom the session belongs to, whose name is for the audit log.
    private func findUser(of act: ActCommand, _ names: CommandNames, _ found: FoundRows, _ resolution: inout Resolution) {
        guard act.user.isEmpty else {
            guard let number = findUser(names.user, asking: 0, &resolution), find(number, found, &resolution) != nil else { return }
            if !act.device.isEmpty { findDevice(number, names.device, &resolution) }
            return
        }
        guard let number = act.sessionUser, find(number, found, &resolution) != nil else { return }
        resolution.user = number
        resolution.peerName = findName(number, &resolution)
    }

    private func resolve(_ question: Question, _ names: CommandNames, _ found: FoundRows, into resolution: inout Resolution) {
        switch question {
        case .sessions, .inbox, .user, .connections(user: .some, _, _):
            if let number = findUser(names.user, asking: 0, &resolution) { _ = find(number, found, &resolution) }
        case .reachability:
            for name in names.recipients { resolution.targets.append(findTarget(name, of: 0, bytes: 0, found, &resolution)) }
            resolution.hasLostUser = false
        case .request(let key): findRequest(key, found, &resolution)
        case .events(let events):
            // Only the number: his row says nothing of what happened.
            if !events.user.isEmpty { _ = findUser(names.user, asking: 0, &resolution) }
        case .users, .message, .audit, .consumers, .connections(user: nil, _, _): break
        }
    }

    private func findRequest(_ key: RequestKey, _ found: FoundRows, _ resolution: inout Resolution) {
        resolution.request = findRequest(key, found)
        if resolution.request == nil { resolution.missing.append(.ledger(key)) }
    }

    /// The number of a user; nil when there is none, or when it must be asked for.
    private func findUser(_ name: NameKey, asking: UInt64, _ resolution: inout Resolution) -> UInt64? {
        resolution.user = findNumber(name, asking: asking, &resolution)
        return resolution.user
    }

    private func findNumber(_ name: NameKey, asking: UInt64, _ resolution: inout Resolution) -> UInt64? {
        switch names.userNumber(name, &resolution.places) {
        case .found(let number): return number
        case .absent: return nil
        case .unknown:
            resolution.missing.append(.userNumber(name: name, asking: asking))
            return nil
        }
    }

    /// The account of a push first, then its recipients: what there is between the two is asked for together with them.
    private func findTargets(of push: PushCommand, _ names: CommandNames, _ found: FoundRows, _ resolution: inout Resolution) {
        let account = findUser(names.user, asking: 0, &resolution)
        guard resolution.missing.isEmpty else { return }
        if let account { _ = find(account, found, &resolution) }
        let hasLostUser = resolution.hasLostUser
        resolution.targets.reserveCapacity(names.recipients.count)
        for name in names.recipients {
            resolution.targets.append(findTarget(name, of: account ?? 0, bytes: push.body.count, found, &resolution))
        }
        // One whose row is lost is refused; the others get the message.
        resolution.hasLostUser = hasLostUser
        assert(resolution.targets.count == names.recipients.count, "each name is answered, in its order")
    }

    private func findTarget(
        _ name: NameKey, of account: UInt64, bytes: Int, _ found: FoundRows, _ resolution: inout Resolution
    ) -> Resolution.Target {
        guard let recipient = findRecipient(name, of: account, found, &resolution) else { return .init() }
        var target = Resolution.Target(number: recipient.number, conversation: recipient.conversation)
        resolution.hasLostUser = false
        target.user = find(recipient.number, found, &resolution)
        target.isLost = resolution.hasLostUser
        if let user = target.user { target.room = findRoom(in: user, bytes, found, &resolution) }
        return target
    }

    private func findDevice(_ user: UInt64, _ device: NameKey, _ resolution: inout Resolution) {
        let key = DeviceKey(user: user, device: device)
        switch names.session(key, &resolution.places) {
        case .found(let session): resolution.device = session
        case .absent: break
        case .unknown: resolution.missing.append(.device(key))
        }
    }

    /// The other member of a conversation; nil when there is none, or when it must be asked for.
    private func findPeer(
        in conversation: ConversationNumber, of origin: Origin, _ found: FoundRows, _ resolution: inout Resolution
    ) -> FoundRows.Recipient? {
        if !found.recipients.isEmpty,
            let recipient = found.recipients[.conversation(conversation.rawValue, asking: origin.session.userNumber)]
        {
            return recipient
        }
        switch names.members(conversation.rawValue, &resolution.places) {
        case .found(let pair):
            return pair.peer(of: origin.session.userNumber).map { .init(number: $0, conversation: conversation.rawValue) }
        case .absent: return nil
        case .unknown:
            resolution.missing.append(.conversation(conversation.rawValue, asking: origin.session.userNumber))
            return nil
        }
    }

    /// A user's name; empty: unknown, or it must be asked for.
    private func findName(_ number: UInt64, _ resolution: inout Resolution) -> [UInt8] {
        switch names.userName(number, &resolution.places) {
        case .found(let name): return name
        case .absent: return []
        case .unknown:
            resolution.missing.append(.userName(number))
            return []
        }
    }

    /// Whether the token of the session lets it write to a user.
    private func isAllowed(_ name: [UInt8], from session: SessionSlot, _ resolution: inout Resolution) -> Bool {
        guard sessions[session].flags.contains(.isLimited) else { return true }
        resolution.isNotAllowed = !(users.limit(of: session) ?? .nobody).allows(name)
        return !resolution.isNotAllowed
    }

    /// The same of the other member of a conversation, whose name is looked for only where there is a limit.
    private func isAllowed(_ peer: FoundRows.Recipient, from session: SessionSlot, _ resolution: inout Resolution) -> Bool {
        guard sessions[session].flags.contains(.isLimited) else { return true }
        let name = findName(peer.number, &resolution)
        // The other rows are asked for together with the name, so that the command waits once.
        return !resolution.missing.isEmpty || isAllowed(name, from: session, &resolution)
    }

    /// The user with this name, and the sender's conversation with him; nil when there is no such user, or when something must be asked for.
    private func findRecipient(
        _ name: NameKey, of sender: UInt64, _ found: FoundRows, _ resolution: inout Resolution
    ) -> FoundRows.Recipient? {
        let known = found.recipients.isEmpty ? nil : found.recipients[.userNumber(name: name, asking: sender)]
        if let known, known.conversation != nil { return known }
        guard let number = known?.number ?? findNumber(name, asking: sender, &resolution) else { return nil }
        // A sender who begins with this message has no conversations.
        if sender == 0 { return .init(number: number, conversation: nil) }
        let pair = UserPair(sender, number)
        switch names.conversation(pair, &resolution.places) {
        case .found(let conversation): return .init(number: number, conversation: conversation)
        case .absent: return .init(number: number, conversation: nil)
        case .unknown:
            resolution.missing.append(.pair(pair))
            // Asked for together with that, so that the command waits once.
            _ = find(number, found, &resolution)
            return nil
        }
    }

    /// A user's row; nil when it must be asked for, or when the store has lost it.
    private func find(_ number: UInt64, _ found: FoundRows, _ resolution: inout Resolution) -> UserSlot? {
        if let user = users.find(number) { return user }
        let key = RowKey.user(number)
        if found.entries[key] == nil { resolution.missing.append(key) } else { resolution.hasLostUser = true }
        return nil
    }

    /// The counters at the position that a client presents, when it is further than the server knows.
    private func findEntry(of id: SessionID, at position: Position, _ found: FoundRows, _ resolution: inout Resolution) {
        guard let user = users.find(id.userNumber), let session = users.session(id, of: user),
            position > sessions[session].cursor.position, users.entry(of: user, atOrBefore: position) == nil
        else { return }
        let key = RowKey.entry(user: id.userNumber, atOrBefore: position)
        resolution.presented = found.entries[key]
        if resolution.presented == nil { resolution.missing.append(key) }
    }

    private func findRoom(
        for recipient: FoundRows.Recipient, from session: SessionSlot, _ bytes: Int, _ found: FoundRows, _ resolution: inout Resolution
    ) {
        guard let user = find(recipient.number, found, &resolution) else { return }
        let room = findRoom(in: user, bytes, found, &resolution)
        assert(resolution.recipient == nil, "a message of a connection has one recipient")
        resolution.recipient = .init(user: user, conversation: recipient.conversation, room: room)
        let sender = sessions[session].user
        if hasOtherReceivers(than: session) {
            resolution.echo = sender == user ? room : findRoom(in: sender, bytes, found, &resolution)
        }
    }

    private func findRoom(in user: UserSlot, _ bytes: Int, _ found: FoundRows, _ resolution: inout Resolution) -> Resolution.InboxRoom {
        guard isFull(users.kept(of: user), adding: bytes) else { return .free }
        let base = users.base(of: user) { isExpired($0) }
        assert(base.position >= users.base(of: user).position, "without some sessions an inbox begins no earlier")
        if !isFull(users.kept(of: user, from: base), adding: bytes) { return .afterExpiry(evicting: nil) }
        guard configuration.inboxPolicy == .evictWithGap else { return .full }
        if let point = users.evictionPoint(of: user, from: base, count: configuration.evictionMessages) {
            return .afterExpiry(evicting: point)
        }
        // It is asked anew when the oldest entries change.
        let key = RowKey.evictionPoint(user: users[user].number, after: base.position)
        guard let point = found.entries[key] else {
            resolution.missing.append(key)
            return .full
        }
        return point.position > base.position ? .afterExpiry(evicting: point) : .full
    }

    private func isFull(_ kept: (count: UInt32, bytes: UInt32), adding bytes: Int) -> Bool {
        kept.count >= configuration.inboxMessagesMax || Int(kept.bytes) + bytes > Int(configuration.inboxBytesMax)
    }
}

import HoldfastWire

// HELLO and RESUME: which session, which attach, where its stream begins (SPEC 4.2).
extension Core {
    mutating func hello(
        _ connection: ConnectionHandle, _ resolution: Resolution, user name: NameKey, device: NameKey, _ limit: RecipientLimit?,
        isSendOnly: Bool, isService: Bool, issuedAt: UInt32, _ state: PresentedState?
    ) {
        if resolution.hasLostUser { return close(connection, .internalError) }
        // A consumer of the feed moves that session's cursor: two that do would take it from each other (REQ-SESSION-13).
        if FeedConsumer.isDevice(device.bytes) { return close(connection, .deviceMismatch) }
        let user = resolution.user.flatMap { users.find($0) }
        if let user, let code = refusal(of: user, issuedAt: issuedAt) { return closeByAct(connection, code) }
        var known: SessionSlot?
        var isForgotten = false
        if let user {
            users[user].isRecent = true
            endExpiredSessions(of: user)
            if let id = resolution.device {
                known = users.session(id, of: user)
                isForgotten = known == nil
            }
        }
        if let known, !sessions[known].flags.contains(.hasEnded), sessions[known].flags.contains(.isSendOnly) != isSendOnly {
            // What only sends has no stream: a program that does takes a device of its own.
            return close(connection, .deviceMismatch)
        }
        var outcome = outcome(known, isForgotten: isForgotten, state, of: user)
        if let known, isWornOut(known) {
            end(known, .fenced)
            if outcome == .resumed { outcome = .begunEnded }
        }
        if case .resumed = outcome, let known {
            return attach(
                connection, known, state?.session == sessions[known].id ? state : nil, .resumed, presented: resolution.presented,
                after: replaceLimit(of: known, limit))
        }
        if let known, !sessions[known].flags.contains(.hasEnded) {
            if outcome == .rewound, sessions[known].id == state?.session {
                end(known, .fenced)
            } else {
                // The client's state is of another session than the device's: it goes on with the device's.
                return attach(
                    connection, known, nil, outcome, previous: previous(outcome, state), after: replaceLimit(of: known, limit))
            }
        }
        if let user, isFullOfDevices(user) { return close(connection, .tooManyDevices) }
        begin(
            connection, user: user, name: name.bytes, device: device.bytes, limit, isSendOnly: isSendOnly, isService: isService,
            follows: known.map { sessions[$0].id.serial } ?? 0,
            deviceHasSent: known.map { sessions[$0].hasDeviceSent } ?? isForgotten, outcome, state)
    }

    /// - Parameter isForgotten: the device had a session of which nothing is kept any more.
    private mutating func outcome(_ known: SessionSlot?, isForgotten: Bool, _ state: PresentedState?, of user: UserSlot?) -> WelcomeOutcome
    {
        guard let state else { return outcomeWithoutState(known, isForgotten: isForgotten) }
        // Of another gateway, or of a future that this one has lost.
        guard state.position.era < era || isBelievable(state.position) else { return .begunUnknown }
        // Only the user's own sessions are looked at: of others' nobody hears.
        guard let user, users[user].number == state.session.userNumber,
            state.session.serial <= users[user].sessionSerial
        else { return .begunUnknown }
        guard let presented = users.session(state.session, of: user) else { return .begunEnded }
        let row = sessions[presented]
        // A live session that isn't this device's is another device's, which still uses it.
        guard presented == known || row.flags.contains(.hasEnded), isBelievable(state.attach, of: presented) else { return .begunUnknown }
        // Also of a session that has ended: else a client that missed the answer would take the numbers of a lost future for its own.
        #if PLANTED_BUGS
            if PlantedBug.attachNotChecked.isActive { return end(of: presented) ?? .resumed }
        #endif
        if state.attach < row.storedAttach { return .rewound }
        guard presented != known else { return end(of: presented) ?? .resumed }
        return outcome(followed: presented, through: known, user)
    }

    /// The outcome for the state of an ended session that isn't the device's last one: what the device has sent since, this state knows
    /// nothing of (REQ-SESSION-11).
    private func outcome(followed presented: SessionSlot, through known: SessionSlot?, _ user: UserSlot) -> WelcomeOutcome {
        guard let known else { return .begunUnknown }
        #if PLANTED_BUGS
            if PlantedBug.laterSessionsNotAsked.isActive {
                return sessions[known].lastSequence > .none ? .rewound : end(of: presented) ?? .begunEnded
            }
        #endif
        var slot = presented
        while slot != known {
            // A session that doesn't lead to the device's last one was another device's.
            guard let successor = sessions[slot].successor, let next = users.session(successor, of: user) else { return .begunUnknown }
            if sessions[next].lastSequence > .none { return .rewound }
            slot = next
        }
        return end(of: presented) ?? .begunEnded
    }

    /// A client without a state is told when its device has sent something in a session that has ended: what its outbox holds may be a copy of
    /// that (REQ-SESSION-9).
    private func outcomeWithoutState(_ known: SessionSlot?, isForgotten: Bool) -> WelcomeOutcome {
        guard let known else { return isForgotten ? .begunEnded : .begun }
        let row = sessions[known]
        if row.flags.contains(.hasEnded) { return row.hasDeviceSent ? end(of: known) ?? .begun : .begun }
        // The WELCOME that began the session may have been lost.
        guard row.lastSequence == .none, row.flags.contains(.deviceHasSent) else { return .resumed }
        return users.firstSession(of: row.user) { $0.successor == row.id }.flatMap { end(of: $0) } ?? .begunEnded
    }

    /// The outcome for a session that has ended; nil for a live one.
    private func end(of slot: SessionSlot) -> WelcomeOutcome? {
        let flags = sessions[slot].flags
        guard flags.contains(.hasEnded) else { return nil }
        return flags.contains(.hasExpired) ? .begunExpired : .begunEnded
    }

    mutating func resume(_ connection: ConnectionHandle, _ state: PresentedState, _ resolution: Resolution) {
        guard let user = users.find(state.session.userNumber) else { return close(connection, .ticketInvalid) }
        users[user].isRecent = true
        if let code = refusal(of: user) { return closeByAct(connection, code) }
        endExpiredSessions(of: user)
        let session = users.session(state.session, of: user)
        if let session, sessions[session].flags.contains(.isRevoked) { return closeByAct(connection, .revoked) }
        guard let session, !sessions[session].flags.contains(.hasEnded), !isWornOut(session),
            state.attach >= sessions[session].storedAttach, isBelievable(state.attach, of: session),
            state.position.era < era || isBelievable(state.position)
        else {
            // A new session needs the device's name, which only HELLO has: the client says it with its state and hears the outcome.
            return close(connection, .ticketInvalid)
        }
        #if PLANTED_BUGS
            if PlantedBug.limitForgottenAtResume.isActive { users.setLimit(nil, of: session) }
        #endif
        attach(connection, session, state, .resumed, presented: resolution.presented)
    }

    /// What the token that was shown says of whom the session may write to counts instead of what an earlier one said (REQ-AUTH-8).
    /// - Returns: what has to be synced before the answer, which would otherwise be forgotten at a crash while a ticket goes on.
    private mutating func replaceLimit(of session: SessionSlot, _ limit: RecipientLimit?) -> Position {
        guard users.limit(of: session) != limit else { return limit == nil ? .zero : lastPosition }
        return append(.limit(sessions[session].id, limit))
    }

    /// Whether a position can be one of this journal.
    func isBelievable(_ position: Position) -> Bool { position.era == era && position < nextPosition }

    /// A session whose attaches come near the end of their numbers is followed by another: no client gets there but by making them up.
    private func isWornOut(_ session: SessionSlot) -> Bool {
        max(sessions[session].attach, sessions[session].storedAttach).rawValue >= Self.attachCeiling
    }

    /// From here on a session's attach doesn't rise any more while it is connected: its client gets a new session when it comes again.
    static let attachCeiling: UInt32 = 1 << 30

    /// Whether a client can have been given this attach: what the server has forgotten at a crash is little, and a made-up one must not
    /// use the numbers up.
    private func isBelievable(_ attach: AttachNumber, of session: SessionSlot) -> Bool {
        attach.rawValue < .max / 2 && UInt64(attach.rawValue) < UInt64(sessions[session].attach.rawValue) + 1 << 24
    }

    /// Makes the connection the newest of the session.
    /// - Parameter limited: what has to be synced before the answer.
    private mutating func attach(
        _ connection: ConnectionHandle, _ slot: SessionSlot, _ state: PresentedState?, _ outcome: WelcomeOutcome, previous: Effect? = nil,
        presented: InboxEntry? = nil, after limited: Position = .zero
    ) {
        let old = sessions[slot].connection
        if old != .none { close(old, .fenced) }
        disconnect(slot)
        if let state, isBelievable(state.position), state.position > sessions[slot].cursor.position {
            moveCursor(slot, to: presentedEntry(state.position, of: slot, asked: presented))
            sessions[slot].storedAttach = max(sessions[slot].storedAttach, state.attach)
        }
        // After a start the last one issued is not known, only the last one stored.
        let known = max(sessions[slot].attach, sessions[slot].storedAttach)
        let step = state == nil ? Self.fenceStep : 1
        let attach = AttachNumber(rawValue: max(known, state?.attach ?? .none).rawValue + step)
        assert(attach > known, "an attach is above all that were issued")
        sessions[slot].attach = attach
        let fence = state == nil ? fenceDurably(slot) : .zero
        connect(slot, connection)
        noteSeen(slot)
        welcome(slot, outcome, previous: previous, after: max(fence, limited))
    }

    /// More than a client is let in without sending or acknowledging anything in between, so that the fence is above what was issued before
    /// a crash. Small enough for a program that keeps no state and logs in every minute for years.
    private static let fenceStep: UInt32 = 256

    /// Whoever enters a session without its state may be a second client with the same device: two that number their messages in one
    /// session would take each other's for stored. The fence is stored before he is let in, so that it holds after a crash too: the one who
    /// has the state comes with an attach below it, and is `rewound` (REQ-ATTACH-8).
    /// - Returns: what has to be synced before the answer.
    private mutating func fenceDurably(_ slot: SessionSlot) -> Position {
        #if PLANTED_BUGS
            if PlantedBug.fenceNotStored.isActive { return .zero }
        #endif
        // What it has acknowledged has a record of its own, which says from where on.
        recordCursors(of: sessions[slot].user)
        let row = sessions[slot]
        return append(
            .cursors([CursorRecord(session: row.id, attach: row.attach, row.cursor, from: row.cursor.position)], time: clock.time))
    }

    /// The counters of the inbox at the position that a client presents. Where neither the RAM nor the disk has an entry as late as
    /// that, the last one known before it: a gap may then count what the client had but hadn't acknowledged.
    private func presentedEntry(_ position: Position, of slot: SessionSlot, asked: InboxEntry?) -> InboxEntry {
        let user = sessions[slot].user
        var best = sessions[slot].cursor
        let found = users.entry(of: user, atOrBefore: position) ?? asked ?? .none
        for known in [found, users[user].acknowledged, users.floor(of: user)?.entry ?? .none]
        where known.position > best.position && known.position <= position {
            best = known
        }
        best.position = position
        return best
    }

    private mutating func begin(
        _ connection: ConnectionHandle, user: UserSlot?, name: [UInt8], device: [UInt8], _ limit: RecipientLimit?, isSendOnly: Bool,
        isService: Bool, follows predecessor: UInt32, deviceHasSent: Bool, _ outcome: WelcomeOutcome, _ state: PresentedState?
    ) {
        let presented = state?.attach.rawValue ?? 0
        let attach = AttachNumber(rawValue: presented < 1 << 24 ? presented + 1 : 1)
        let previous = previous(outcome, state)
        let begun = beginSession(
            user: user, name: name, device: device, limit, isSendOnly: isSendOnly, isService: isService, follows: predecessor,
            deviceHasSent: deviceHasSent, attach)
        guard let slot = begun else { return }
        connect(slot, connection)
        welcome(slot, outcome, previous: previous)
    }

    /// Begins a session. Its stream begins with the oldest message that is still kept; what left unacknowledged is told by a GAP.
    mutating func beginSession(
        user: UserSlot?, name: [UInt8], device: [UInt8], _ limit: RecipientLimit?, isSendOnly: Bool, isService: Bool,
        follows predecessor: UInt32, deviceHasSent: Bool, _ attach: AttachNumber
    ) -> SessionSlot? {
        let number = user.map { users[$0].number } ?? names.nextUser
        let serial = user.map { users[$0].sessionSerial + 1 } ?? 1
        let id = SessionID(user: number, serial: serial)
        precondition(id.serial == serial && id.userNumber == number, "a session's number has room for both")
        append(
            .sessionBegun(
                SessionBegunRecord(
                    session: id, attach: attach, isSendOnly: isSendOnly, isService: isService, deviceHasSent: deviceHasSent,
                    cursor: user.map { users[$0].acknowledged } ?? .none, age: clock.age, device: device,
                    newUser: user == nil ? name : [], predecessor: predecessor, limit: limit, time: clock.time)))
        return users.find(number).flatMap { users.session(id, of: $0) }
    }

    private mutating func connect(_ slot: SessionSlot, _ connection: ConnectionHandle) {
        precondition(connection != .none && sessions[slot].connection == .none, "a session has one connection")
        let user = sessions[slot].user
        sessions[slot].connection = connection
        assert(sessions[slot].stream == .none, "a stream ends with its connection")
        users.pin(user)
        if sessions[slot].receives { users[user].receivingConnections += 1 }
    }

    /// Forgets the session's connection and what it was sent.
    mutating func disconnect(_ slot: SessionSlot) {
        guard sessions[slot].connection != .none else { return }
        let user = sessions[slot].user
        assert(users[user].receivingConnections > 0 || !sessions[slot].receives, "a receiving connection is counted")
        users.unpin(user)
        // `receives` may have changed since the connection came: count what is there.
        sessions[slot].connection = .none
        streams.remove(of: &users.sessions[slot])
        sessions[slot].flags.subtract([.isWelcomed, .isLive, .pageInFlight, .discards, .diskDone])
        users[user].receivingConnections = UInt16(users.countSessions(of: user) { $0.connection != .none && $0.receives })
    }

    private mutating func welcome(_ slot: SessionSlot, _ outcome: WelcomeOutcome, previous: Effect?, after fence: Position = .zero) {
        let row = sessions[slot]
        assert(row.attach >= row.storedAttach, "what is issued is not below what is stored")
        let attached = Effect.Attached(
            outcome: outcome, session: row.id, attach: row.attach, cursor: row.cursor.position, era: era, lastSequence: row.lastSequence,
            serverTime: clock.time, isSendOnly: row.flags.contains(.isSendOnly), isService: row.flags.contains(.isService))
        // The sequence and the session that the answer names are synced first, and the act that lets the user in again.
        let held = HeldEffect.welcome(slot, row.connection, attached, previous: previous)
        hold(held, until: max(row.lastPosition, fence, audits.lastPosition))
    }

    /// What is known of the session that a client presents and doesn't get. Of one that isn't its own nothing: an id is no secret.
    private func previous(_ outcome: WelcomeOutcome, _ state: PresentedState?) -> Effect? {
        guard let state else { return nil }
        var sequence: MessageSequence?
        if outcome != .begunUnknown, let user = users.find(state.session.userNumber), let slot = users.session(state.session, of: user) {
            sequence = sessions[slot].lastSequence
        }
        return .previous(.none, state.session, lastSequence: sequence)
    }

    // MARK: Ends

    /// Ends a session; its connection, if any, hears why.
    mutating func end(_ slot: SessionSlot, _ code: CloseCode, hasExpired: Bool = false) {
        let row = sessions[slot]
        guard !row.flags.contains(.hasEnded) else { return }
        // What it has acknowledged has left the inbox: behind the end a replay wouldn't count it any more.
        recordCursors(of: row.user)
        append(.sessionEnded(row.id, hasExpired: hasExpired, time: clock.time))
        assert(users.session(row.id, of: row.user) == slot && sessions[slot].flags.contains(.hasEnded), "who ends is remembered")
        if row.connection != .none {
            batches.open.held.append(.close(row.connection, code))
            disconnect(slot)
        }
    }

    mutating func detach(_ connection: ConnectionHandle, _ session: SessionID) {
        guard let user = users.find(session.userNumber), let slot = users.session(session, of: user),
            sessions[slot].connection == connection
        else { return }
        disconnect(slot)
    }

    mutating func authenticate(
        _ origin: Origin, _ session: SessionSlot, _ resolution: Resolution, namesDevice: Bool, _ limit: RecipientLimit?, issuedAt: UInt32
    ) {
        guard resolution.user == origin.session.userNumber else { return close(origin.connection, .tokenInvalid) }
        if let code = refusal(of: sessions[session].user, issuedAt: issuedAt) { return closeByAct(origin.connection, code) }
        if namesDevice, resolution.device != origin.session { return close(origin.connection, .deviceMismatch) }
        hold(.authenticated(origin.connection), until: replaceLimit(of: session, limit))
    }

    func isExpired(_ row: SessionRow) -> Bool {
        let ageMax = configuration.sessionDays * 86_400
        return ageMax > 0 && !row.flags.contains(.hasEnded) && row.connection == .none && clock.age > row.seen
            && clock.age - row.seen > ageMax
    }

    /// Sessions that were away for too long hold nothing back any more.
    mutating func endExpiredSessions(of user: UserSlot) {
        var slot = users[user].firstSession
        while slot != .none {
            if isExpired(sessions[slot]) {
                end(slot, .revoked, hasExpired: true)
                // The list may have lost a row.
                slot = users[user].firstSession
            } else {
                slot = sessions[slot].next
            }
        }
    }

    func isFullOfDevices(_ user: UserSlot) -> Bool {
        users.countSessions(of: user) { !$0.flags.contains(.hasEnded) } >= configuration.devicesPerUserMax
    }

    /// Keeps a session that is used from expiring: a record a day at most.
    mutating func noteSeen(_ slot: SessionSlot) {
        let row = sessions[slot]
        guard clock.age > row.seen, clock.age - row.seen >= 86_400 else { return }
        append(.seen(row.id, age: clock.age))
    }

    /// Looks at a few sessions: connected ones are seen.
    mutating func sweepSessions() {
        for _ in 0..<min(200, sessions.end) {
            if sweepHand >= sessions.end { sweepHand = 0 }
            let session = SessionSlot(rawValue: UInt32(sweepHand))
            if sessions[session].connection != .none { noteSeen(session) }
            sweepHand += 1
        }
    }
}

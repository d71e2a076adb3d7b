import HoldfastWire

// What becomes of the state at `WELCOME`.
extension ClientMachine {
    mutating func welcomed(_ welcome: ServerFrame.Welcome, _ now: ClientNow, _ actions: inout ClientActions) {
        guard phase == .opening else { return violated(.wrongState, now, &actions) }
        // A ticket opens the session that it was given for, or nothing (REQ-SESSION-8). Any other answer to `RESUME` would make this state
        // that of a session that may be somebody else's: the client shows its token and its user instead.
        let isByTicket = !ticket.isEmpty && flags.contains(.hasSession)
        guard !isByTicket || (welcome.outcome == .resumed && welcome.session == session) else {
            dropTicket(&actions)
            return violated(.wrongState, now, &actions)
        }
        phase = .open
        phaseTime = now.milliseconds
        tokenRejections = 0
        serverTime = welcome.serverTime
        frameBytesMax = welcome.frameBytesMax
        sendsInFlightMax = min(welcome.sendsInFlightMax, settings.limits.sendsInFlightMax)
        heartbeatSecondsMin = welcome.heartbeatSecondsMin
        heartbeatSecondsMax = welcome.heartbeatSecondsMax
        // One that knows nothing yet has 0, and begins at the lower end (REQ-TIME-2).
        heartbeatSeconds = min(max(heartbeatSeconds, heartbeatSecondsMin), heartbeatSecondsMax)
        if paceSeconds > 0 { write(now, &actions) { [paceSeconds] in ClientFrameWriter.pace(seconds: paceSeconds, to: &$0) } }
        narrowCredit(welcome, now, &actions)

        // The stream begins here whatever the session's state has to say.
        streamed = welcome.cursor
        acknowledged = welcome.cursor
        let isNewBeginning = flags.contains(.isLoggedOut) && (welcome.outcome == .begunEnded || welcome.outcome == .begunExpired)
        if !flags.contains(.hasSession) {
            begin(welcome, now, &actions)
        } else if welcome.outcome == .resumed && welcome.session == session {
            resume(welcome, now, &actions)
        } else {
            replace(welcome, now, &actions)
        }
        actions.items.append(.stateChanged(.connected))
        actions.items.append(.welcomed(isNewBeginning ? .begun : welcome.outcome))
        cold?.nextAddress = nil
        // Another client has used the session: it is not for this one to take it back unasked.
        if welcome.outcome == .rewound, comesBackFenced { return stop(.fenced, &actions) }
        comesBackFenced = false
    }

    mutating func previous(_ session: SessionID, _ lastSequence: MessageSequence?, _ now: ClientNow, _ actions: inout ClientActions) {
        // One that nobody waits for says nothing (REQ-SESSION-5).
        guard session == self.session, let welcome = cold?.unsettled else { return }
        settle(welcome, ClientCold.Previous(session: session, lastSequence: lastSequence), now, &actions)
    }

    /// Keeps the ticket of the session that this connection has. While the state is still that of the one before, a connection that ends would leave
    /// it with a ticket that opens another session.
    mutating func takeTicket(_ ticket: [UInt8], _ actions: inout ClientActions) {
        if let cold, cold.unsettled != nil { return cold.unsettledTicket = ticket }
        self.ticket = ticket
        persist(.ticket(ticket), &actions)
    }

    /// `PREVIOUS` didn't come in time: nothing is known of the old session.
    mutating func settleUnknown(_ now: ClientNow, _ actions: inout ClientActions) {
        guard let welcome = cold?.unsettled else { return }
        settle(welcome, nil, now, &actions)
    }

    /// There was no session to present.
    private mutating func begin(_ welcome: ServerFrame.Welcome, _ now: ClientNow, _ actions: inout ClientActions) {
        if hasForeignCursor(welcome) { changeLineage(welcome, &actions) }
        #if PLANTED_BUGS
            if PlantedBug.freshStateBelieved.isActive { return adopt(welcome, now, &actions) }
        #endif
        // The device has sent in a session that has ended (REQ-SESSION-9).
        let isBehind = welcome.lastSequence > .none || (welcome.outcome != .begun && welcome.outcome != .resumed && hasEarlierEntries)
        if isBehind { abandonAsBehind(welcome, &actions) }
        adopt(welcome, now, &actions)
    }

    /// A position that the app has stored itself counts in its own era only; in another it says what may be repeated.
    private func hasForeignCursor(_ welcome: ServerFrame.Welcome) -> Bool { cursor > welcome.cursor && cursor.era != welcome.era }

    /// Whether the outbox holds anything of an earlier run, or with a number.
    private var hasEarlierEntries: Bool {
        guard let cold else { return false }
        return !cold.outbox.line.isEmpty || cold.outbox.waiting.firstIndex { $0.id < firstFreshID } != nil
    }

    /// The session goes on.
    private mutating func resume(_ welcome: ServerFrame.Welcome, _ now: ClientNow, _ actions: inout ClientActions) {
        // After a logout that never arrived there is nothing to compare: what was on its way then was told to be unknown.
        if !flags.contains(.isLoggedOut) { compareSequences(welcome, now, &actions) }
        if welcome.era != era { changeLineage(welcome, &actions) }
        adopt(welcome, now, &actions)
    }

    /// What is stored leaves the outbox; where one side knows less than the other, its state went back.
    private mutating func compareSequences(_ welcome: ServerFrame.Welcome, _ now: ClientNow, _ actions: inout ClientActions) {
        if welcome.era != era || welcome.lastSequence < lastSequence {
            let lost = lastSequence.rawValue - min(welcome.lastSequence, lastSequence).rawValue
            actions.items.append(.notice(.serverWentBack(lostSends: lost)))
        }
        guard welcome.lastSequence > lastSequence else { return }
        let count = welcome.lastSequence.rawValue - lastSequence.rawValue
        let known = UInt64(cold?.outbox.line.count ?? 0)
        if count <= known {
            store(Int(count), now, &actions)
        } else {
            actions.items.append(.notice(.stateBehind(sends: count - known)))
            abandon(&actions)
        }
    }

    /// A new session took the place of the one that was presented.
    private mutating func replace(_ welcome: ServerFrame.Welcome, _ now: ClientNow, _ actions: inout ClientActions) {
        let cause: ClientNotice.Cause =
            switch welcome.outcome {
            case .begunExpired: .expired
            case .begunEnded: .ended
            case .rewound: .rewound
            case .begunUnknown, .begun, .resumed: .unknown
            }
        if !flags.contains(.isLoggedOut) || (cause != .ended && cause != .expired) { actions.items.append(.notice(.resynchronised(cause))) }
        if cause == .rewound || !hasEarlierEntries {
            // What the outbox of a state that went back holds may have been sent in the time that the state has lost.
            settle(welcome, nil, now, &actions)
        } else {
            needCold().unsettled = welcome
        }
    }

    /// Says of each message with a number what became of it in the old session, then takes the new one. Until then the disk has the old
    /// session: a crash in between presents that one again and gets the same answer.
    private mutating func settle(
        _ welcome: ServerFrame.Welcome, _ previous: ClientCold.Previous?, _ now: ClientNow, _ actions: inout ClientActions
    ) {
        let newTicket = cold?.unsettledTicket ?? []
        cold?.unsettled = nil
        cold?.unsettledTicket = []
        if let known = previous?.lastSequence, !flags.contains(.isLoggedOut) {
            let line = UInt64(cold?.outbox.line.count ?? 0)
            if known < lastSequence {
                actions.items.append(.notice(.serverWentBack(lostSends: lastSequence.rawValue - known.rawValue)))
            } else if known.rawValue - lastSequence.rawValue > line {
                actions.items.append(.notice(.stateBehind(sends: known.rawValue - lastSequence.rawValue - line)))
                abandon(&actions)
            } else {
                store(Int(known.rawValue - lastSequence.rawValue), now, &actions)
            }
            // An ended session takes nothing any more: what it hasn't stored was never stored.
            if let cold, !cold.outbox.line.isEmpty {
                persist(.unassigned(from: MessageSequence(rawValue: lastSequence.rawValue + 1)), &actions)
                cold.outbox.unassign(from: 0)
            }
        } else if previous?.lastSequence == nil {
            // Nobody knows what was sent since: in later sessions it may have been all of it, what has no number here included.
            #if PLANTED_BUGS
                if PlantedBug.unnumberedBelieved.isActive { dropLine(.unknown, &actions) } else { abandon(&actions) }
            #else
                abandon(&actions)
            #endif
        }
        cold?.blocks = []
        let isOtherLineage =
            welcome.era != era || welcome.outcome == .begunUnknown || welcome.outcome == .begun
            || (flags.contains(.isLoggedOut) && hasForeignCursor(welcome))
        if isOtherLineage { changeLineage(welcome, &actions) }
        dropTicket(&actions)
        if welcome.lastSequence > .none { abandonAsBehind(welcome, &actions) }
        adopt(welcome, now, &actions)
        if !newTicket.isEmpty { takeTicket(newTicket, &actions) }
    }

    /// Something was sent in a session that this state has never heard of: the state that sent it is lost (REQ-SESSION-9).
    private mutating func abandonAsBehind(_ welcome: ServerFrame.Welcome, _ actions: inout ClientActions) {
        // A client that keeps no state knows nothing of earlier runs each time it starts: nothing was lost, and there is nothing to be told.
        if settings.isPersistent || flags.contains(.hasSession) {
            actions.items.append(.notice(.stateBehind(sends: welcome.lastSequence.rawValue)))
        }
        abandon(&actions)
    }

    /// Positions from before can't be compared with those that come: nothing is left out by position, and what was handed over before
    /// may come again.
    private mutating func changeLineage(_ welcome: ServerFrame.Welcome, _ actions: inout ClientActions) {
        repeatThrough = max(repeatThrough, handedMark, handed, cursor)
        if welcome.era == era && handedMark > .zero {
            // Another gateway, not an older state of this one: the mark means nothing there.
            handedMark = .zero
            persist(.handedOver(.zero), &actions)
        }
        handed = .zero
        cursor = welcome.cursor
        cold?.outstanding = Queue()
        #if PLANTED_BUGS
            if PlantedBug.conversationsKept.isActive { return }
        #endif
        forgetConversations(&actions)
        dropUnaddressed(&actions)
    }

    /// The numbers of conversations are learned anew; what is in the outbox keeps its recipients.
    mutating func forgetConversations(_ actions: inout ClientActions) {
        guard let peers else { return }
        cold?.outbox.readdress(peers.peers)
        cold?.blocks = []
        self.peers = nil
        flags.insert(.isUnsynced)
        persist(.conversationsForgotten, &actions)
    }

    /// In another line of time the number of a conversation may be another conversation's: what can't be addressed by name isn't sent.
    private mutating func dropUnaddressed(_ actions: inout ClientActions) {
        guard let cold else { return }
        let isUnaddressed = { (entry: OutboxEntry) in if case .conversation = entry.recipient { true } else { false } }
        var unaddressed: [OutboxEntry] = []
        while let index = cold.outbox.line.firstIndex(where: isUnaddressed) {
            unaddressed.append(cold.outbox.removeFromLine(at: index))
        }
        while let index = cold.outbox.waiting.firstIndex(where: isUnaddressed) {
            unaddressed.append(cold.outbox.removeWaiting(at: index))
        }
        drop(unaddressed, .refused(.unknownConversation), &actions)
    }

    /// The state is that of `WELCOME` from here on.
    private mutating func adopt(_ welcome: ServerFrame.Welcome, _ now: ClientNow, _ actions: inout ClientActions) {
        assert(welcome.session == session || cold?.outbox.line.isEmpty ?? true, "numbers of another session")
        let isOtherSession = !flags.contains(.hasSession) || session != welcome.session
        session = welcome.session
        attach = welcome.attach
        era = welcome.era
        lastSequence = welcome.lastSequence
        cursor = max(cursor, welcome.cursor)
        flags.remove(.isLoggedOut)
        flags.formUnion([.hasSession, .isUnsynced, .isSettled])
        persist(.welcomed(session: session, attach: attach, era: era, cursor: cursor, lastSequence: lastSequence), &actions)
        // Else the old session's attach would be presented for this one.
        if isOtherSession || !settings.isPersistent { synchronize(&actions) }
        cold?.sentCount = 0
        cold?.sendProgressAt = now.milliseconds
        scheduleAcknowledgement(now)
    }

    /// What the outbox holds from before may have been sent in a time that the state doesn't know of: it is not sent again.
    private mutating func abandon(_ actions: inout ClientActions) {
        guard let cold else { return }
        dropLine(.unknown, &actions)
        var earlier: [OutboxEntry] = []
        while let index = cold.outbox.waiting.firstIndex(where: { $0.id < firstFreshID }) {
            earlier.append(cold.outbox.removeWaiting(at: index))
        }
        drop(earlier, .unknown, &actions)
        cold.blocks = []
    }

    /// All messages with a number leave the outbox.
    private mutating func dropLine(_ outcome: SendOutcome, _ actions: inout ClientActions) {
        var entries: [OutboxEntry] = []
        while let entry = cold?.outbox.popFirst() { entries.append(entry) }
        drop(entries, outcome, &actions)
    }

    private func narrowCredit(_ welcome: ServerFrame.Welcome) -> (messages: UInt32, bytes: UInt32) {
        (
            max(1, min(welcome.creditMessages, settings.limits.creditMessagesMax ?? .max)),
            max(1, min(welcome.creditBytes, settings.limits.creditBytesMax ?? .max))
        )
    }

    private mutating func narrowCredit(_ welcome: ServerFrame.Welcome, _ now: ClientNow, _ actions: inout ClientActions) {
        (creditMessages, creditBytes) = narrowCredit(welcome)
        if creditMessages < welcome.creditMessages || creditBytes < welcome.creditBytes {
            write(now, &actions) { [creditMessages, creditBytes] in
                ClientFrameWriter.credit(messages: creditMessages, bytes: creditBytes, to: &$0)
            }
        }
    }

    /// The session was logged out: what was in the outbox has no session to be sent in. The session is presented once more (REQ-SESSION-12).
    mutating func forgetSession(_ actions: inout ClientActions) {
        if let cold {
            dropLine(.unknown, &actions)
            var waiting: [OutboxEntry] = []
            while !cold.outbox.waiting.isEmpty { waiting.append(cold.outbox.removeWaiting(at: 0)) }
            drop(waiting, .withdrawn, &actions)
            cold.outstanding = Queue()
            cold.blocks = []
        }
        persist(.sessionEnded, &actions)
        if settings.isPersistent { actions.items.append(.sync) }
        flags.subtract([.isUnsynced, .isOutboxUnsynced])
        if flags.contains(.hasSession) { flags.insert(.isLoggedOut) }
        storedAttach = attach
        cursor = .zero
        handed = .zero
        handedMark = .zero
        repeatThrough = .zero
        ticket = []
        peers = nil
    }
}

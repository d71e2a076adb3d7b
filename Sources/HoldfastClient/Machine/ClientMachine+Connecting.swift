package import HoldfastWire

// From `connectRequested` to the first frame, and what ends a connection.
extension ClientMachine {
    /// The app wants to be connected. While on the way already, or open, nothing happens; a pause is cut short, unless the gateway said
    /// how long it has to be, or two clients fight for the session.
    package mutating func connectRequested(_ now: ClientNow, _ actions: inout ClientActions) {
        switch phase {
        case .idle, .waiting, .stopped:
            if phase == .waiting && flags.contains(.isToldToWait) { return }
            if phase != .waiting { comesBackFenced = false }
            if phase == .stopped {
                tokenRejections = 0
                if fences > Self.fencesMax { pauseAfterFences(now, &actions) } else { begin(now, &actions) }
            } else {
                begin(now, &actions)
            }
            rearm(now, &actions)
        case .fetchingToken, .connecting, .opening, .open: return
        }
    }

    /// The token that `needToken` asked for. White space around it, such as the line end of the file that it comes from, is no part of it: the
    /// gateway would refuse the token for good.
    package mutating func tokenProvided(_ given: [UInt8], _ now: ClientNow, _ actions: inout ClientActions) {
        guard flags.contains(.awaitsToken) else { return }
        let token = Self.trimmed(given)
        guard !token.isEmpty else { return tokenFailed(now, &actions, because: "the token is empty") }
        guard token.count <= WireLimits.tokenBytesMax else {
            return tokenFailed(
                now, &actions, because: "the token has \(token.count) bytes; a token has at most \(WireLimits.tokenBytesMax)")
        }
        flags.remove(.awaitsToken)
        if phase == .fetchingToken {
            needCold().token = token
            openTransport(now, &actions)
        } else if phase == .open {
            write(now, &actions) { ClientFrameWriter.authenticate(token: token.span, to: &$0) }
        }
        rearm(now, &actions)
    }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        let isBlank = { (byte: UInt8) in byte == 0x20 || 0x09...0x0D ~= byte }
        let rest = bytes.drop(while: isBlank)
        return Array(rest[..<(rest.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? rest.startIndex)])
    }

    /// No token could be had. The machine asks again later.
    package mutating func tokenFailed(_ now: ClientNow, _ actions: inout ClientActions, because reason: String = "none was given") {
        guard flags.contains(.awaitsToken) else { return }
        flags.remove(.awaitsToken)
        actions.items.append(.notice(.tokenUnavailable(reason)))
        if phase == .fetchingToken {
            pause(atLeast: 0, now, &actions)
        } else if phase == .open {
            cold?.renewal?.failed(now)
        }
        rearm(now, &actions)
    }

    /// The connection that `openTransport` asked for can take bytes.
    package mutating func transportOpened(_ now: ClientNow, _ actions: inout ClientActions) {
        guard phase == .connecting else { return }
        phase = .opening
        lastReadAt = now.milliseconds
        frameBytesMax = UInt32(WireLimits.beforeWelcome.frameBytesMax)
        let position = flags.contains(.isLoggedOut) ? .zero : cursor
        let presented = PresentedState(session: session, attach: storedAttach, position: position, lastSequence: lastSequence)
        let hasSession = flags.contains(.hasSession)
        if !ticket.isEmpty && hasSession {
            write(now, &actions) { [ticket] out in
                Preface.append(to: &out)
                ClientFrameWriter.resume(ticket: ticket.span, state: presented, to: &out)
            }
        } else {
            let token = cold?.token ?? []
            let (device, user, isSendOnly) = (settings.device, settings.user, settings.isSendOnly)
            write(now, &actions) { out in
                Preface.append(to: &out)
                ClientFrameWriter.hello(
                    isSendOnly: isSendOnly, token: token.span, device: device.span, user: user.span,
                    state: hasSession ? presented : nil, to: &out)
            }
        }
        cold?.token = []
        rearm(now, &actions)
    }

    /// The connection is over, without the machine having closed it.
    package mutating func transportClosed(_ failure: TransportFailure, _ now: ClientNow, _ actions: inout ClientActions) {
        switch phase {
        case .connecting, .opening, .open:
            if phase == .open && pingSentAt != 0 { shortenHeartbeat() }
            if phase == .connecting { cold?.nextAddress = nil }
            actions.items.append(.notice(.transportFailed(failure)))
            lost(atLeast: 0, now, &actions)
            rearm(now, &actions)
        case .idle, .fetchingToken, .waiting, .stopped: return
        }
    }

    /// The app wants to be disconnected. `logout` ends the session at the gateway: false, and nothing is done, if that can't be told now.
    package mutating func close(_ intent: CloseIntent, _ now: ClientNow, _ actions: inout ClientActions) -> Bool {
        if intent == .logout && !(phase == .open && flags.contains(.isSettled)) { return false }
        if phase == .open {
            flush(now, &actions)
            writeAcknowledgement(now, &actions)
            write(now, &actions) { ClientFrameWriter.close(intent, to: &$0) }
        }
        if intent == .logout { forgetSession(&actions) }
        leave(.idle, .disconnected, &actions)
        return true
    }

    /// Fetches a token if there is no ticket, else opens a connection.
    mutating func begin(_ now: ClientNow, _ actions: inout ClientActions) {
        actions.items.append(.stateChanged(.connecting))
        if !ticket.isEmpty && flags.contains(.hasSession) { return openTransport(now, &actions) }
        phase = .fetchingToken
        phaseTime = .max
        flags.insert(.awaitsToken)
        actions.items.append(.needToken)
    }

    /// The server's code says whether to come back, and when.
    mutating func closedByServer(
        _ code: CloseCode, atLeast retryAfter: UInt32, text: String, _ now: ClientNow, _ actions: inout ClientActions
    ) {
        actions.items.append(.notice(.closedByServer(code: code.rawValue, text: text)))
        switch code {
        case .ticketInvalid, .ticketExpired:
            let hadTicket = !ticket.isEmpty
            dropTicket(&actions)
            guard hadTicket else { return lost(atLeast: retryAfter, now, &actions) }
            comeBackAtOnce(now, &actions)
        case .tokenExpired, .tokenNotYetValid:
            dropTicket(&actions)
            tokenRejections += 1
            if tokenRejections >= 2 { return stop(.unauthorized(code: code.rawValue), &actions) }
            lost(atLeast: retryAfter, now, &actions)
        case .tokenInvalid, .tokenAlgorithm, .deviceMismatch, .revoked:
            dropTicket(&actions)
            stop(.unauthorized(code: code.rawValue), &actions)
        case .fenced: fenced(now, &actions)
        case .loggedOut:
            dropTicket(&actions)
            stop(.loggedOut, &actions)
        case .blocked:
            dropTicket(&actions)
            stop(.blocked, &actions)
        case .tooManyDevices: stop(.tooManyDevices, &actions)
        case .unsupportedVersion, .badPreface, .malformedFrame, .frameTooLarge, .unknownFrame, .reservedBits, .invalidText, .wrongState,
            .sequenceHole, .acknowledgementBeyond, .creditOverflow, .sendsInFlightExceeded:
            // Once may be an accident of the way; twice it would go on for ever.
            if flags.contains(.wasBlamed) { return stop(.protocolError(code: code.rawValue), &actions) }
            flags.insert(.wasBlamed)
            lost(atLeast: retryAfter, now, &actions)
        case .heartbeatMissed:
            shortenHeartbeat()
            lost(atLeast: retryAfter, now, &actions)
        case .overloaded where retryAfter > 0: lost(slot: retryAfter, now, &actions)
        case .goingAway, .tooManyConnections, .gatewayFull, .rateLimited, .overloaded, .firstFrameDeadline, .slowConsumer, .internalError:
            lost(atLeast: retryAfter, now, &actions)
        }
    }

    /// The gateway broke the protocol: nothing of this connection can be relied upon any more.
    mutating func violated(_ code: CloseCode, _ now: ClientNow, _ actions: inout ClientActions) {
        actions.items.append(.notice(.protocolViolation(code: code.rawValue)))
        lost(atLeast: 0, now, &actions)
    }

    /// The connection is over; the next attempt comes after a pause.
    mutating func lost(atLeast milliseconds: UInt32, _ now: ClientNow, _ actions: inout ClientActions) {
        noteLifetime(now)
        let goAwayAt = cold?.goAwayAt
        disconnect(&actions)
        if let goAwayAt {
            // The gateway has said when to come back: its slots are spread already.
            let delay = max(goAwayAt > now.milliseconds ? goAwayAt - now.milliseconds : 0, UInt64(milliseconds))
            return comeBack(after: delay, now, &actions)
        }
        pause(atLeast: milliseconds, now, &actions)
    }

    /// Connects again without a pause of its own: the gateway has asked for it.
    mutating func comeBackAtOnce(_ now: ClientNow, _ actions: inout ClientActions) {
        noteLifetime(now)
        disconnect(&actions)
        let least = floorMilliseconds(now)
        guard least == 0 else { return comeBack(after: least, now, &actions) }
        attempts = min(attempts + 1, 200)
        begin(now, &actions)
    }

    /// Comes back when the gateway said, but not as often as it likes: a gateway that sends its clients away each time they come would have
    /// them connect as fast as they can (REQ-TIME-12).
    private mutating func comeBack(after milliseconds: UInt64, _ now: ClientNow, _ actions: inout ClientActions) {
        let delay = max(milliseconds, floorMilliseconds(now))
        attempts = min(attempts + 1, 200)
        pauseAsTold(exactly: delay, now, &actions)
    }

    /// The least wait before a connection that the gateway has asked for: none after a connection that lasted, and after the third in a row
    /// that didn't it grows.
    private func floorMilliseconds(_ now: ClientNow) -> UInt64 {
        guard attempts >= Self.shortConnectionsMax else { return 0 }
        let doubled = UInt64(1_000) << UInt64(min(attempts - Self.shortConnectionsMax, 20))
        let limit = min(doubled, UInt64(settings.limits.backoffMaxMilliseconds))
        return limit / 2 + now.random % (limit / 2 + 1)
    }

    private static let shortConnectionsMax: UInt8 = 3

    /// A connection that lasted ends a series of failures.
    private mutating func noteLifetime(_ now: ClientNow) {
        guard phase == .open && now.milliseconds - phaseTime >= UInt64(settings.limits.stableAfterMilliseconds) else { return }
        attempts = 0
        flags.remove(.wasBlamed)
    }

    /// The gateway is in a storm and has said when it will have time for this client: neither earlier nor later (REQ-TIME-10).
    private mutating func lost(slot milliseconds: UInt32, _ now: ClientNow, _ actions: inout ClientActions) {
        disconnect(&actions)
        // A second at least when it happens again and again; longer ones are the gateway's to spread.
        let least: UInt64 = attempts >= Self.shortConnectionsMax ? 1_000 : 0
        attempts = min(attempts + 1, 200)
        pauseAsTold(exactly: max(UInt64(milliseconds), least), now, &actions)
    }

    /// Waits with full jitter, and at least as long as the gateway said.
    mutating func pause(atLeast milliseconds: UInt32, _ now: ClientNow, _ actions: inout ClientActions) {
        let delay = Backoff.milliseconds(
            failures: attempts, base: settings.limits.backoffBaseMilliseconds, max: settings.limits.backoffMaxMilliseconds,
            atLeast: milliseconds, random: now.random)
        attempts = min(attempts + 1, 200)
        pause(exactly: delay, now, &actions)
        if milliseconds > 0 { flags.insert(.isToldToWait) }
    }

    /// A pause that the app's impatience doesn't cut short.
    private mutating func pauseAsTold(exactly milliseconds: UInt64, _ now: ClientNow, _ actions: inout ClientActions) {
        pause(exactly: milliseconds, now, &actions)
        flags.insert(.isToldToWait)
    }

    private mutating func pause(exactly milliseconds: UInt64, _ now: ClientNow, _ actions: inout ClientActions) {
        phase = .waiting
        flags.remove(.isToldToWait)
        phaseTime = now.milliseconds + milliseconds
        actions.items.append(.stateChanged(.waiting(milliseconds: milliseconds)))
    }

    /// Another connection took the session. It may have been an attempt of this client's own that the gateway came to late, so the client opens
    /// once more by itself; that its state is still the newest shows then. It stops when it is fenced for the third time in a while
    /// (REQ-ATTACH-6).
    private mutating func fenced(_ now: ClientNow, _ actions: inout ClientActions) {
        if fences == 0 || now.milliseconds - fencedSince >= Self.fenceWindowMilliseconds {
            fences = 0
            fencedSince = now.milliseconds
        }
        fences = min(fences + 1, 200)
        #if PLANTED_BUGS
            if PlantedBug.fencedForGood.isActive { fences = Self.fencesMax }
        #endif
        guard fences < Self.fencesMax else {
            // From here on each further one puts off the end of the series.
            fencedSince = now.milliseconds
            return stop(.fenced, &actions)
        }
        comesBackFenced = true
        disconnect(&actions)
        pauseAsTold(exactly: Self.fencePauseMilliseconds.lowerBound + now.random % UInt64(Self.fencePauseMilliseconds.count), now, &actions)
    }

    private static let fencesMax: UInt8 = 3
    private static let fenceWindowMilliseconds: UInt64 = 600_000
    private static let fencePauseMilliseconds: ClosedRange<UInt64> = 1_000...3_000

    /// Two clients with one device name, in apps that connect again whenever they are stopped, would take the session from each other
    /// without end. The first time back is for a person who changes to this device; after that each waits longer and longer.
    private mutating func pauseAfterFences(_ now: ClientNow, _ actions: inout ClientActions) {
        let delay = Backoff.milliseconds(
            failures: fences - Self.fencesMax - 1, base: settings.limits.backoffBaseMilliseconds,
            max: settings.limits.backoffMaxMilliseconds, atLeast: 0, random: now.random)
        pauseAsTold(exactly: delay, now, &actions)
    }

    /// Not connected any more until the app asks for it.
    mutating func stop(_ reason: StopReason, _ actions: inout ClientActions) {
        if reason != .fenced { fences = 0 }
        leave(.stopped, .stopped(reason), &actions)
    }

    private mutating func leave(_ phase: Phase, _ state: ConnectionState, _ actions: inout ClientActions) {
        disconnect(&actions)
        flags.remove(.awaitsToken)
        attempts = 0
        self.phase = phase
        phaseTime = .max
        cold?.token = []
        releaseCold()
        actions.items.append(.stateChanged(state))
    }

    private mutating func openTransport(_ now: ClientNow, _ actions: inout ClientActions) {
        phase = .connecting
        phaseTime = now.milliseconds + UInt64(settings.limits.connectTimeoutMilliseconds)
        actions.items.append(.openTransport(address: cold?.nextAddress))
    }

    /// Closes the connection if there is one, and forgets what belonged to it.
    mutating func disconnect(_ actions: inout ClientActions) {
        switch phase {
        case .connecting, .opening, .open: actions.items.append(.closeTransport)
        case .idle, .fetchingToken, .waiting, .stopped: break
        }
        flags.subtract([.awaitsToken, .isSettled])
        pingSentAt = 0
        acknowledgeAt = 0
        unsentMessages = 0
        unsentBytes = 0
        // What came and wasn't handed over is thrown away: nobody may conclude from it that it was dealt with.
        streamed = .zero
        guard let cold else { return }
        cold.sentCount = 0
        cold.lookups = []
        cold.goAwayAt = nil
        cold.unsettled = nil
        cold.unsettledTicket = []
        cold.renewal = nil
        // What wasn't handed over comes again: the stream goes on from what was.
        cold.held = Queue()
        releaseCold()
    }

    mutating func dropTicket(_ actions: inout ClientActions) {
        guard !ticket.isEmpty else { return }
        ticket = []
        persist(.ticket([]), &actions)
    }

    /// Appends frames; any frame puts the gateway's deadline off.
    mutating func write(_ now: ClientNow, _ actions: inout ClientActions, _ frames: (_ out: inout [UInt8]) -> Void) {
        let start = actions.bytes.count
        frames(&actions.bytes)
        actions.write(from: start)
        lastWriteAt = now.milliseconds
    }
}

package import HoldfastCore
package import HoldfastWire

// What the core and the driver's checks say, and the frames that come of it. Frames are appended to `out`.
extension ConnectionMachine {
    /// The token of the `HELLO` is good. The core is asked next.
    /// - Parameters:
    ///   - device: that `HELLO` names.
    ///   - expires: until when the token is good, in monotonic seconds.
    package mutating func tokenVerified(
        _ token: CheckedToken, device: Span<UInt8>, isSendOnly: Bool, state presented: PresentedState?, expires: UInt64,
        intake: inout CommandIntake
    ) {
        guard state == .authenticating else { return }
        state = .attaching
        flags.insert(.knownToCore)
        authorizedUntil = UInt32(clamping: expires)
        let user = intake.copy(token.user.span, 0..<token.user.count)
        let device = intake.copy(device, 0..<device.count)
        let hello = Command.hello(
            connection: handle, user: user, device: device, limit: intake.copy(token.to), isSendOnly: isSendOnly,
            isService: token.isService, issuedAt: token.issuedAt, state: presented)
        intake.add(hello, byteCount: hello.byteCount)
    }

    /// The ticket of the `RESUME` is good until `expires`, in monotonic seconds. The core is asked next.
    package mutating func ticketOpened(_ presented: PresentedState, expires: UInt64, intake: inout CommandIntake) {
        guard state == .authenticating else { return }
        state = .attaching
        flags.formUnion([.byTicket, .knownToCore])
        authorizedUntil = UInt32(clamping: expires)
        intake.add(.resume(connection: handle, state: presented))
    }

    /// The token of an `AUTHENTICATE` is good until `expires`, in monotonic seconds; whether it is the session's user's is for the core to say.
    package mutating func freshTokenVerified(_ token: CheckedToken, expires: UInt64, intake: inout CommandIntake) {
        guard state == .open else { return }
        renewal = UInt32(clamping: expires)
        let user = intake.copy(token.user.span, 0..<token.user.count)
        let named = token.device ?? []
        let device = intake.copy(named.span, 0..<named.count)
        let authenticate = Command.authenticate(
            origin, user: user, device: device, limit: intake.copy(token.to), issuedAt: token.issuedAt)
        intake.add(authenticate, byteCount: authenticate.byteCount)
    }

    /// The core says that the fresh token belongs to the session; false when nothing waits for that any more.
    package mutating func authenticated(now: UInt64, limits: ConnectionLimits, out: inout [UInt8]) -> Bool {
        guard state == .open else { return false }
        assert(flags.contains(.reauthenticating), "a token is believed that was shown")
        authorizedUntil = renewal
        flags.subtract([.reauthenticating, .warned, .byTicket])
        scheduleWarning(now, limits)
        ServerFrameWriter.authenticated(expiresIn: secondsAuthorized(now), to: &out)
        return true
    }

    /// The core attached the connection to its session; false when the connection is being closed meanwhile.
    package mutating func welcome(_ attached: Effect.Attached, now: UInt64, limits: ConnectionLimits, out: inout [UInt8]) -> Bool {
        // Kept also for a connection that is on its way out: its `detach` must name the session.
        session = attached.session
        guard state == .attaching else { return false }
        assert(isKnownToCore && attached.attach.rawValue > 0, "who is welcome has asked, and is the newest of its session")
        state = .open
        attach = attached.attach
        sent = attached.cursor
        acknowledged = attached.cursor
        answered = attached.lastSequence
        lastSequence = attached.lastSequence
        serverTime = attached.serverTime
        if attached.isSendOnly { flags.insert(.sendOnly) }
        if attached.isService { flags.insert(.service) }
        scheduleWarning(now, limits)
        ServerFrameWriter.welcome(
            ServerFrame.Welcome(
                outcome: attached.outcome, session: session, attach: attach, cursor: attached.cursor, era: attached.era,
                lastSequence: attached.lastSequence, serverTime: serverTime, heartbeatSecondsMin: limits.heartbeatSecondsMin,
                heartbeatSecondsMax: limits.heartbeatSecondsMax, frameBytesMax: UInt32(limits.frames.frameBytesMax),
                sendsInFlightMax: limits.sendsInFlightMax, creditMessages: limits.creditMessages, creditBytes: limits.creditBytes,
                capabilities: .own),
            to: &out)
        return true
    }

    package mutating func sent(through sequence: MessageSequence, position: Position, out: inout [UInt8]) {
        guard isSpokenTo else { return }
        answered = max(answered, sequence)
        flags.remove(.repeating)
        ServerFrameWriter.sent(through: sequence, position: position, to: &out)
    }

    /// - Returns: the code that the client is told; nil: it is told nothing any more.
    @discardableResult
    package mutating func refused(
        _ sequence: MessageSequence, _ code: RefusalCode, retryAfterMilliseconds: UInt32, out: inout [UInt8]
    ) -> RefusalCode? {
        guard isSpokenTo else { return nil }
        flags.insert(.refused)
        flags.remove(.repeating)
        // What was sent behind a refused number is thrown away: nothing else is to be refused until it comes again.
        let isNotUnderstood =
            flags.remove(.notUnderstood) != nil && ShortSequence(sequence) == notUnderstood && code == .unknownConversation
        let code = isNotUnderstood ? .kindUnsupported : code
        ServerFrameWriter.refused(sequence, code, retryAfterMilliseconds: retryAfterMilliseconds, to: &out)
        return code
    }

    package mutating func gap(
        predecessor: Position, through: Position, count: UInt32, reason: GapReason, out: inout [UInt8]
    ) {
        assert(predecessor < through, "a gap is of something")
        guard isSpokenTo else { return }
        sent = max(sent, through)
        ServerFrameWriter.gap(predecessor: predecessor, through: through, count: count, reason: reason, to: &out)
    }

    package mutating func skip(predecessor: Position, through: Position, out: inout [UInt8]) {
        assert(predecessor < through, "a skip is of something")
        guard isSpokenTo else { return }
        sent = max(sent, through)
        ServerFrameWriter.skip(predecessor: predecessor, through: through, to: &out)
    }

    package func previous(_ session: SessionID, lastSequence: MessageSequence?, out: inout [UInt8]) {
        // It comes with WELCOME, before or after it.
        guard isSpokenTo || state == .attaching else { return }
        ServerFrameWriter.previous(session, lastSequence: lastSequence, to: &out)
    }

    package func conversation(_ number: ConversationNumber, _ type: ConversationType, peer: Span<UInt8>, out: inout [UInt8]) {
        guard isSpokenTo else { return }
        ServerFrameWriter.conversation(number, type, peer: peer, to: &out)
    }

    /// Seconds until the client needs a new token.
    package func secondsAuthorized(_ now: UInt64) -> UInt32 {
        let seconds = UInt32(truncatingIfNeeded: now / 1000)
        return authorizedUntil > seconds ? authorizedUntil - seconds : 0
    }

    /// The client hears that its token expires in good time, but not before half of what is left of it now is over: a token that is short
    /// from the beginning would otherwise be asked for again as soon as it comes (REQ-AUTH-5).
    private mutating func scheduleWarning(_ now: UInt64, _ limits: ConnectionLimits) {
        renewal = authorizedUntil - min(authorizedUntil, limits.tokenWarningSeconds, secondsAuthorized(now) / 2)
    }

    /// After WELCOME, and as long as the client is there to hear it.
    var isSpokenTo: Bool { state == .open || state == .leaving }
}

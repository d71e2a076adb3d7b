extension ServerFrame {
    /// The frame at `offset`; nil while it is not whole; a nil frame is an unknown optional one, to be skipped. The entries of a
    /// `DELIVER` are read with `DeliverEntries`.
    @inlinable package static func decode(
        _ bytes: Span<UInt8>, at offset: Int, limits: WireLimits
    ) throws(CloseCode) -> Decoded<ServerFrame?>? {
        guard offset < bytes.count else { return nil }
        if bytes[offset] == FrameKind.pong { return Decoded(frame: .pong, byteCount: 1) }
        guard let header = try FrameHeader.read(bytes, at: offset, limits: limits, isKnown: FrameKind.isKnownToClient) else { return nil }
        var fields = FieldReader(header.payload)
        if header.kind == FrameKind.deliver {
            return Decoded(frame: .deliver(try Deliver(bytes, &fields)), byteCount: header.byteCount)
        }
        if header.kind == FrameKind.sent {
            let through = ShortSequence(rawValue: try fields.byte(bytes))
            let position = try fields.shortPosition(bytes)
            try fields.finish()
            return Decoded(frame: .sent(through: through, position: position), byteCount: header.byteCount)
        }
        let frame = try rare(bytes, header.kind, &fields)
        if frame != nil { try fields.finish() }
        return Decoded(frame: frame, byteCount: header.byteCount)
    }

    /// How many `PONG` stand in a row at `offset`.
    @inlinable package static func pongCount(_ bytes: Span<UInt8>, at offset: Int) -> Int {
        var index = offset
        while index < bytes.count && bytes[index] == FrameKind.pong { index += 1 }
        return index - offset
    }

    /// The frames that are not on the hot path; nil for an unknown optional one.
    package static func rare(_ bytes: Span<UInt8>, _ kind: UInt8, _ fields: inout FieldReader) throws(CloseCode) -> ServerFrame? {
        switch kind {
        case FrameKind.welcome: return .welcome(try Welcome(bytes, &fields))
        case FrameKind.ticket:
            return .ticket(expiresIn: try fields.varint32(bytes), ticket: try fields.opaqueRest(max: WireLimits.ticketBytesMax))
        case FrameKind.refused: return .refused(try Refused(bytes, &fields))
        case FrameKind.gap: return .gap(try Gap(bytes, &fields))
        case FrameKind.skip:
            return .skip(
                predecessor: try fields.shortPosition(bytes), through: Position(rawValue: try fields.integer(bytes, byteCount: 8)))
        case FrameKind.conversation: return try conversation(bytes, &fields)
        case FrameKind.goAway:
            return .goAway(
                delayMilliseconds: try fields.varint32(bytes), address: try fields.text(bytes, count: 0...WireLimits.addressBytesMax))
        case FrameKind.closed: return .closed(try Closed(bytes, &fields))
        case FrameKind.tokenExpiring: return .tokenExpiring(seconds: try fields.varint32(bytes))
        case FrameKind.authenticated: return .authenticated(expiresIn: try fields.varint32(bytes))
        case FrameKind.previous: return try previous(bytes, &fields)
        case FrameKind.answer:
            let request = try fields.varint32(bytes)
            // A status of a later gateway (REQ-ASK-2): there is no answer that this client could read.
            let status = AnswerStatus(rawValue: try fields.byte(bytes)) ?? .unsupported
            return .answer(request: request, status, try fields.taggedFields(bytes))
        case FrameKind.state: return .state(kind: try fields.varint(bytes), try fields.taggedFields(bytes))
        default: return nil
        }
    }

    private static func conversation(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) -> ServerFrame {
        let number = ConversationNumber(rawValue: try fields.varint(bytes))
        guard let type = ConversationType(rawValue: try fields.byte(bytes)) else { throw .malformedFrame }
        let lengths = type == .unknown ? 0...0 : 1...WireLimits.userBytesMax
        return .conversation(number, type, peer: try fields.text(bytes, count: lengths))
    }

    private static func previous(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) -> ServerFrame {
        let session = SessionID(rawValue: try fields.integer(bytes, byteCount: 8))
        switch try fields.byte(bytes) {
        case 0: return .previous(session, lastSequence: nil)
        case 1: return .previous(session, lastSequence: try fields.sequence(bytes))
        default: throw .malformedFrame
        }
    }
}

extension ServerFrame.Deliver {
    /// Reads the head.
    @inlinable package init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        let predecessor = try fields.shortPosition(bytes)
        let first = try fields.shortPosition(bytes)
        let conversation = ConversationNumber(rawValue: try fields.varint(bytes))
        let timeOffset = try fields.zigzag(bytes)
        // A DELIVER without entries fails with the first one that is read.
        self.init(
            predecessor: predecessor, first: first, conversation: conversation, timeOffset: timeOffset, entries: fields.rest())
    }
}

extension ServerFrame.Welcome {
    fileprivate init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        guard let outcome = WelcomeOutcome(rawValue: try fields.byte(bytes)) else { throw .malformedFrame }
        let session = SessionID(rawValue: try fields.integer(bytes, byteCount: 8))
        let attach = AttachNumber(rawValue: UInt32(truncatingIfNeeded: try fields.integer(bytes, byteCount: 4)))
        self.init(
            outcome: outcome, session: session, attach: attach,
            cursor: Position(rawValue: try fields.integer(bytes, byteCount: 8)),
            era: try fields.byte(bytes),
            lastSequence: try fields.sequence(bytes),
            serverTime: try fields.integer(bytes, byteCount: 6),
            heartbeatSecondsMin: try fields.varint32(bytes),
            heartbeatSecondsMax: try fields.varint32(bytes),
            frameBytesMax: try fields.varint32(bytes),
            sendsInFlightMax: try fields.byte(bytes),
            creditMessages: try fields.varint32(bytes),
            creditBytes: try fields.varint32(bytes))
        try check()
        capabilities = try fields.capabilities(bytes)
    }

    /// No session, a limit that nothing could be done under, or one that short forms couldn't express, is a fault of the gateway.
    private func check() throws(CloseCode) {
        guard
            session.rawValue != 0 && attach > .none && heartbeatSecondsMin >= 1 && heartbeatSecondsMin <= heartbeatSecondsMax
                && heartbeatSecondsMax <= WireLimits.heartbeatSecondsCeiling && frameBytesMax >= 1024
                && frameBytesMax <= WireLimits.frameBytesCeiling && sendsInFlightMax >= 1
                && sendsInFlightMax <= WireLimits.sendsInFlightCeiling && creditMessages >= 1 && creditBytes >= 1
        else { throw .malformedFrame }
    }
}

extension ServerFrame.Refused {
    fileprivate init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        let sequence = ShortSequence(rawValue: try fields.byte(bytes))
        let number = UInt16(truncatingIfNeeded: try fields.integer(bytes, byteCount: 2))
        let retryAfter = try fields.varint32(bytes)
        try fields.skipExtensions(bytes)
        // A code of a later gateway (REQ-CODE-3): what counts is whether the message may be tried again.
        let code = RefusalCode(rawValue: number) ?? (retryAfter > 0 ? .overloaded : .kindUnsupported)
        self.init(sequence: sequence, code: code, retryAfterMilliseconds: retryAfter)
    }
}

extension ServerFrame.Gap {
    fileprivate init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        let predecessor = try fields.shortPosition(bytes)
        let through = Position(rawValue: try fields.integer(bytes, byteCount: 8))
        let count = try fields.varint32(bytes)
        if count == 0 { throw .malformedFrame }
        guard let reason = GapReason(rawValue: try fields.byte(bytes)) else { throw .malformedFrame }
        self.init(predecessor: predecessor, through: through, count: count, reason: reason)
    }
}

extension ServerFrame.Closed {
    fileprivate init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        let number = UInt16(truncatingIfNeeded: try fields.integer(bytes, byteCount: 2))
        let retryAfter = try fields.varint32(bytes)
        let text = try fields.textRest(bytes, max: WireLimits.closeTextBytesMax)
        // A code of a later gateway is taken as one that is retried with backoff (REQ-CODE-2).
        self.init(code: CloseCode(rawValue: number) ?? .internalError, retryAfterMilliseconds: retryAfter, text: text)
    }
}

extension ClientFrame {
    /// The frame at `offset`; nil while it is not whole; a nil frame is an unknown optional one, to be skipped. Never allocates, never
    /// copies: ranges of the frame point into `bytes`. Fails with the code to close the connection with, whatever the input.
    @inlinable package static func decode(
        _ bytes: Span<UInt8>, at offset: Int, limits: WireLimits
    ) throws(CloseCode) -> Decoded<ClientFrame?>? {
        guard offset < bytes.count else { return nil }
        if bytes[offset] == FrameKind.ping { return Decoded(frame: .ping, byteCount: 1) }
        guard let header = try FrameHeader.read(bytes, at: offset, limits: limits, isKnown: FrameKind.isKnownToGateway) else { return nil }
        if header.kind & 0xF0 == FrameKind.send {
            return Decoded(frame: .send(try SendFrame(bytes, header)), byteCount: header.byteCount)
        }
        if header.kind == FrameKind.acknowledge {
            var fields = FieldReader(header.payload)
            let position = try fields.shortPosition(bytes)
            try fields.finish()
            return Decoded(frame: .acknowledge(position), byteCount: header.byteCount)
        }
        return Decoded(frame: try rare(bytes, header), byteCount: header.byteCount)
    }

    /// How many `PING` stand in a row at `offset`: an idle fleet sends nothing else.
    @inlinable package static func pingCount(_ bytes: Span<UInt8>, at offset: Int) -> Int {
        var index = offset
        while index < bytes.count && bytes[index] == FrameKind.ping { index += 1 }
        return index - offset
    }

    /// The frames that are not on the hot path; nil for an unknown optional one.
    package static func rare(_ bytes: Span<UInt8>, _ header: FrameHeader) throws(CloseCode) -> ClientFrame? {
        var fields = FieldReader(header.payload)
        let frame: ClientFrame
        switch header.kind {
        case FrameKind.hello: frame = .hello(try Hello(bytes, &fields))
        case FrameKind.resume: frame = .resume(try Resume(bytes, &fields))
        case FrameKind.authenticate: frame = .authenticate(token: try fields.opaqueRest(max: WireLimits.tokenBytesMax))
        case FrameKind.close:
            guard let intent = CloseIntent(rawValue: try fields.byte(bytes)) else { throw .malformedFrame }
            frame = .close(intent)
        case FrameKind.credit:
            let messages = try fields.varint32(bytes)
            let count = try fields.varint32(bytes)
            if messages == 0 || count == 0 { throw .malformedFrame }
            frame = .credit(messages: messages, bytes: count)
        case FrameKind.lookup: frame = .lookup(ConversationNumber(rawValue: try fields.varint(bytes)))
        case FrameKind.pace: frame = .pace(seconds: try fields.varint32(bytes))
        case FrameKind.sendTo: frame = .sendTo(try SendToFrame(bytes, &fields))
        case FrameKind.sendHeaded: frame = try sendHeaded(bytes, &fields)
        case FrameKind.sendToHeaded: frame = try sendToHeaded(bytes, &fields)
        case FrameKind.operation:
            let sequence = ShortSequence(rawValue: try fields.byte(bytes))
            frame = .operation(sequence, kind: try fields.varint(bytes), try fields.taggedFields(bytes))
        case FrameKind.question:
            frame = .question(request: try fields.varint32(bytes), kind: try fields.varint(bytes), try fields.taggedFields(bytes))
        default: return nil
        }
        try fields.finish()
        return frame
    }

    private static func sendHeaded(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) -> ClientFrame {
        let sequence = ShortSequence(rawValue: try fields.byte(bytes))
        guard let kind = MessageKind(rawValue: try fields.byte(bytes)) else { throw .reservedBits }
        let conversation = ConversationNumber(rawValue: try fields.varint(bytes))
        let head = try fields.head(bytes)
        return .sendHeaded(SendFrame(sequence: sequence, kind: kind, conversation: conversation, body: fields.rest()), head)
    }

    private static func sendToHeaded(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) -> ClientFrame {
        var send = try SendToFrame(bytes, &fields)
        // What was taken for the body begins with the head.
        fields = FieldReader(send.body)
        let head = try fields.head(bytes)
        send.body = fields.rest()
        return .sendToHeaded(send, head)
    }
}

extension ClientFrame.SendFrame {
    /// Reads the payload; the message kind is in the header.
    @inlinable package init(_ bytes: Span<UInt8>, _ header: FrameHeader) throws(CloseCode) {
        guard let kind = MessageKind(rawValue: header.kind & 0x0F) else { throw .reservedBits }
        var fields = FieldReader(header.payload)
        let sequence = ShortSequence(rawValue: try fields.byte(bytes))
        let conversation = ConversationNumber(rawValue: try fields.varint(bytes))
        self.init(sequence: sequence, kind: kind, conversation: conversation, body: fields.rest())
    }
}

extension ClientFrame.SendToFrame {
    fileprivate init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        let sequence = ShortSequence(rawValue: try fields.byte(bytes))
        // The high four bits are reserved, and so are the kinds above the last one: both fail here.
        guard let kind = MessageKind(rawValue: try fields.byte(bytes)) else { throw .reservedBits }
        let user = try fields.text(bytes, count: 1...WireLimits.userBytesMax)
        self.init(sequence: sequence, kind: kind, user: user, body: fields.rest())
    }
}

extension ClientFrame.Hello {
    /// Bits of the flags; all others are reserved.
    static let sendOnlyFlag: UInt8 = 1
    /// Presented state follows.
    static let stateFlag: UInt8 = 2

    fileprivate init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        let version = try fields.byte(bytes)
        // Another version may lay out the rest differently: nothing behind it is looked at (REQ-OPEN-6).
        if version != WireLimits.version { throw .unsupportedVersion }
        let flags = try fields.byte(bytes)
        if flags & ~(Self.sendOnlyFlag | Self.stateFlag) != 0 { throw .reservedBits }
        let token = try fields.opaque(bytes, max: WireLimits.tokenBytesMax)
        let device = try fields.text(bytes, count: 1...WireLimits.deviceBytesMax)
        let user = try fields.text(bytes, count: 0...WireLimits.userBytesMax)
        var state: PresentedState?
        if flags & Self.stateFlag != 0 {
            let session = SessionID(rawValue: try fields.integer(bytes, byteCount: 8))
            state = try fields.state(bytes, of: session)
        }
        self.init(
            version: version, isSendOnly: flags & Self.sendOnlyFlag != 0, token: token, device: device, user: user, state: state,
            capabilities: try fields.capabilities(bytes))
    }
}

extension ClientFrame.Resume {
    fileprivate init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        let version = try fields.byte(bytes)
        if version != WireLimits.version { throw .unsupportedVersion }
        let ticket = try fields.opaque(bytes, max: WireLimits.ticketBytesMax)
        // The session is in the ticket: 0 stands in for it here.
        let state = try fields.state(bytes, of: SessionID(rawValue: 0))
        try fields.skipExtensions(bytes)
        self.init(
            version: version, ticket: ticket, attach: state.attach, position: state.position, lastSequence: state.lastSequence)
    }
}

extension FieldReader {
    fileprivate mutating func state(_ bytes: Span<UInt8>, of session: SessionID) throws(CloseCode) -> PresentedState {
        let attach = AttachNumber(rawValue: UInt32(truncatingIfNeeded: try integer(bytes, byteCount: 4)))
        let position = Position(rawValue: try integer(bytes, byteCount: 8))
        let lastSequence = try sequence(bytes)
        return PresentedState(session: session, attach: attach, position: position, lastSequence: lastSequence)
    }
}

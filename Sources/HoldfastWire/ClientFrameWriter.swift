/// Appends frames of a client, byte for byte as SPEC 3 has them. What a caller passes is trusted to be within the limits.
package enum ClientFrameWriter {
    /// `PING`: a heartbeat.
    @inlinable package static func ping(to out: inout [UInt8]) { out.append(FrameKind.ping) }

    /// `HELLO`; with the state that the client kept, if any. An empty `user` asks for no check of the token's user (REQ-OPEN-8).
    package static func hello(
        isSendOnly: Bool, token: Span<UInt8>, device: Span<UInt8>, user: Span<UInt8>, state: PresentedState?,
        capabilities: Capabilities = [], to out: inout [UInt8]
    ) {
        var payload = 2 + counted(token) + counted(device) + counted(user) + capabilities.extensionBytes
        if let state { payload += 8 + bytes(of: state) }
        out.appendFrame(FrameKind.hello, payload: payload) { out in
            out.append(WireLimits.version)
            out.append((isSendOnly ? ClientFrame.Hello.sendOnlyFlag : 0) | (state == nil ? 0 : ClientFrame.Hello.stateFlag))
            out.append(varint: UInt64(token.count))
        }
        out.append(copying: token)
        out.appendFields { $0.append(varint: UInt64(device.count)) }
        out.append(copying: device)
        out.appendFields { $0.append(varint: UInt64(user.count)) }
        out.append(copying: user)
        out.appendFields { out in
            if let state {
                out.append(bigEndian: state.session.rawValue, byteCount: 8)
                append(state, to: &out)
            }
            out.append(capabilities)
        }
    }

    /// `state.session` isn't sent: it is in the ticket.
    package static func resume(ticket: Span<UInt8>, state: PresentedState, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.resume, payload: 1 + counted(ticket) + bytes(of: state)) { out in
            out.append(WireLimits.version)
            out.append(varint: UInt64(ticket.count))
        }
        out.append(copying: ticket)
        out.appendFields { append(state, to: &$0) }
    }

    /// `AUTHENTICATE`: a new token.
    package static func authenticate(token: Span<UInt8>, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.authenticate, payload: token.count) { _ in }
        out.append(copying: token)
    }

    /// `CLOSE`: the client closes.
    package static func close(_ intent: CloseIntent, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.close, payload: 1) { $0.append(intent.rawValue) }
    }

    /// `ACK`: what is safe with the client.
    @inlinable package static func acknowledge(_ position: Position, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.acknowledge, payload: 5) { $0.append(bigEndian: position.rawValue, byteCount: 5) }
    }

    /// `CREDIT`: the window.
    package static func credit(messages: UInt32, bytes: UInt32, to out: inout [UInt8]) {
        let payload = FieldWriter.varintBytes(UInt64(messages)) + FieldWriter.varintBytes(UInt64(bytes))
        out.appendFrame(FrameKind.credit, payload: payload) { out in
            out.append(varint: UInt64(messages))
            out.append(varint: UInt64(bytes))
        }
    }

    /// `LOOKUP`: who is in a conversation?
    package static func lookup(_ conversation: ConversationNumber, to out: inout [UInt8]) {
        let payload = FieldWriter.varintBytes(conversation.rawValue)
        out.appendFrame(FrameKind.lookup, payload: payload) { $0.append(varint: conversation.rawValue) }
    }

    /// `PACE`: how far apart frames may be.
    package static func pace(seconds: UInt32, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.pace, payload: FieldWriter.varintBytes(UInt64(seconds))) { $0.append(varint: UInt64(seconds)) }
    }

    /// `SEND`: a message in a conversation.
    @inlinable package static func send(
        _ sequence: MessageSequence, kind: MessageKind, conversation: ConversationNumber, body: Span<UInt8>, to out: inout [UInt8]
    ) {
        let payload = 1 + FieldWriter.varintBytes(conversation.rawValue) + body.count
        out.appendFrame(FrameKind.send | kind.rawValue, payload: payload) { out in
            out.append(ShortSequence(sequence).rawValue)
            out.append(varint: conversation.rawValue)
        }
        out.append(copying: body)
    }

    /// `SEND_TO`: a message to a user by name.
    package static func sendTo(
        _ sequence: MessageSequence, kind: MessageKind, user: Span<UInt8>, body: Span<UInt8>, to out: inout [UInt8]
    ) {
        out.appendFrame(FrameKind.sendTo, payload: 2 + counted(user) + body.count) { out in
            out.append(ShortSequence(sequence).rawValue)
            out.append(kind.rawValue)
            out.append(varint: UInt64(user.count))
        }
        out.append(copying: user)
        out.append(copying: body)
    }

    /// `SEND_HEADED`: a message with a head, in a conversation. `fields` is a run of tags and values.
    package static func sendHeaded(
        _ sequence: MessageSequence, kind: MessageKind, conversation: ConversationNumber, headFlags: UInt64, fields: Span<UInt8>,
        body: Span<UInt8>, to out: inout [UInt8]
    ) {
        let head = FieldWriter.headBytes(flags: headFlags, fields: fields)
        let payload = 2 + FieldWriter.varintBytes(conversation.rawValue) + head + body.count
        out.appendFrame(FrameKind.sendHeaded, payload: payload) { out in
            out.append(ShortSequence(sequence).rawValue)
            out.append(kind.rawValue)
            out.append(varint: conversation.rawValue)
        }
        out.append(headFlags: headFlags, fields: fields)
        out.append(copying: body)
    }

    /// `SEND_TO_HEADED`: a message with a head, to a user by name. `fields` is a run of tags and values.
    package static func sendToHeaded(
        _ sequence: MessageSequence, kind: MessageKind, user: Span<UInt8>, headFlags: UInt64, fields: Span<UInt8>, body: Span<UInt8>,
        to out: inout [UInt8]
    ) {
        let head = FieldWriter.headBytes(flags: headFlags, fields: fields)
        out.appendFrame(FrameKind.sendToHeaded, payload: 2 + counted(user) + head + body.count) { out in
            out.append(ShortSequence(sequence).rawValue)
            out.append(kind.rawValue)
            out.append(varint: UInt64(user.count))
        }
        out.append(copying: user)
        out.append(headFlags: headFlags, fields: fields)
        out.append(copying: body)
    }

    /// `OPERATION`. `fields` is a run of tags and values.
    package static func operation(_ sequence: MessageSequence, kind: UInt64, fields: Span<UInt8>, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.operation, payload: 1 + FieldWriter.varintBytes(kind) + fields.count) { out in
            out.append(ShortSequence(sequence).rawValue)
            out.append(varint: kind)
        }
        out.append(copying: fields)
    }

    /// `QUESTION`. `fields` is a run of tags and values.
    package static func question(request: UInt32, kind: UInt64, fields: Span<UInt8>, to out: inout [UInt8]) {
        let numbers = FieldWriter.varintBytes(UInt64(request)) + FieldWriter.varintBytes(kind)
        out.appendFrame(FrameKind.question, payload: numbers + fields.count) { out in
            out.append(varint: UInt64(request))
            out.append(varint: kind)
        }
        out.append(copying: fields)
    }

    private static func counted(_ bytes: Span<UInt8>) -> Int { FieldWriter.varintBytes(UInt64(bytes.count)) + bytes.count }

    private static func bytes(of state: PresentedState) -> Int { 12 + FieldWriter.varintBytes(state.lastSequence.rawValue) }

    private static func append(_ state: PresentedState, to out: inout OutputSpan<UInt8>) {
        out.append(bigEndian: UInt64(state.attach.rawValue), byteCount: 4)
        out.append(bigEndian: state.position.rawValue, byteCount: 8)
        out.append(varint: state.lastSequence.rawValue)
    }
}

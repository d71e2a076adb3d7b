/// Appends frames of a gateway, byte for byte as SPEC 3 has them; `DELIVER` is written by `DeliverWriter`.
package enum ServerFrameWriter {
    /// `PONG`: the answer to `PING`.
    @inlinable package static func pong(to out: inout [UInt8]) { out.append(FrameKind.pong) }

    /// `WELCOME`: the session is open.
    package static func welcome(_ welcome: ServerFrame.Welcome, to out: inout [UInt8]) {
        let varints = [
            welcome.lastSequence.rawValue, UInt64(welcome.heartbeatSecondsMin), UInt64(welcome.heartbeatSecondsMax),
            UInt64(welcome.frameBytesMax), UInt64(welcome.creditMessages), UInt64(welcome.creditBytes),
        ]
        let payload = 29 + varints.reduce(0) { $0 + FieldWriter.varintBytes($1) } + welcome.capabilities.extensionBytes
        out.appendFrame(FrameKind.welcome, payload: payload) { out in
            out.append(welcome.outcome.rawValue)
            out.append(bigEndian: welcome.session.rawValue, byteCount: 8)
            out.append(bigEndian: UInt64(welcome.attach.rawValue), byteCount: 4)
            out.append(bigEndian: welcome.cursor.rawValue, byteCount: 8)
            out.append(welcome.era)
            out.append(varint: welcome.lastSequence.rawValue)
            out.append(bigEndian: welcome.serverTime, byteCount: 6)
            out.append(varint: UInt64(welcome.heartbeatSecondsMin))
            out.append(varint: UInt64(welcome.heartbeatSecondsMax))
            out.append(varint: UInt64(welcome.frameBytesMax))
            out.append(welcome.sendsInFlightMax)
            out.append(varint: UInt64(welcome.creditMessages))
            out.append(varint: UInt64(welcome.creditBytes))
            out.append(welcome.capabilities)
        }
    }

    /// `TICKET`: for the next `RESUME`.
    package static func ticket(expiresIn: UInt32, _ ticket: Span<UInt8>, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.ticket, payload: FieldWriter.varintBytes(UInt64(expiresIn)) + ticket.count) { out in
            out.append(varint: UInt64(expiresIn))
        }
        out.append(copying: ticket)
    }

    /// `SENT`: stored up to here.
    @inlinable package static func sent(through: MessageSequence, position: Position, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.sent, payload: 6) { out in
            out.append(ShortSequence(through).rawValue)
            out.append(bigEndian: position.rawValue, byteCount: 5)
        }
    }

    /// `REFUSED`: one message was not stored.
    package static func refused(
        _ sequence: MessageSequence, _ code: RefusalCode, retryAfterMilliseconds: UInt32, to out: inout [UInt8]
    ) {
        out.appendFrame(FrameKind.refused, payload: 3 + FieldWriter.varintBytes(UInt64(retryAfterMilliseconds))) { out in
            out.append(ShortSequence(sequence).rawValue)
            out.append(bigEndian: UInt64(code.rawValue), byteCount: 2)
            out.append(varint: UInt64(retryAfterMilliseconds))
        }
    }

    /// `GAP`: messages that will not come.
    package static func gap(
        predecessor: Position, through: Position, count: UInt32, reason: GapReason, to out: inout [UInt8]
    ) {
        out.appendFrame(FrameKind.gap, payload: 14 + FieldWriter.varintBytes(UInt64(count))) { out in
            out.append(bigEndian: predecessor.rawValue, byteCount: 5)
            out.append(bigEndian: through.rawValue, byteCount: 8)
            out.append(varint: UInt64(count))
            out.append(reason.rawValue)
        }
    }

    /// `SKIP`: the stream goes on further up.
    package static func skip(predecessor: Position, through: Position, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.skip, payload: 13) { out in
            out.append(bigEndian: predecessor.rawValue, byteCount: 5)
            out.append(bigEndian: through.rawValue, byteCount: 8)
        }
    }

    /// `CONVERSATION`: its number and peer.
    package static func conversation(
        _ number: ConversationNumber, _ type: ConversationType, peer: Span<UInt8>, to out: inout [UInt8]
    ) {
        let payload = FieldWriter.varintBytes(number.rawValue) + 1 + FieldWriter.varintBytes(UInt64(peer.count)) + peer.count
        out.appendFrame(FrameKind.conversation, payload: payload) { out in
            out.append(varint: number.rawValue)
            out.append(type.rawValue)
            out.append(varint: UInt64(peer.count))
        }
        out.append(copying: peer)
    }

    /// `GO_AWAY`: the gateway will close soon.
    package static func goAway(delayMilliseconds: UInt32, address: Span<UInt8>, to out: inout [UInt8]) {
        let sizes = FieldWriter.varintBytes(UInt64(delayMilliseconds)) + FieldWriter.varintBytes(UInt64(address.count))
        out.appendFrame(FrameKind.goAway, payload: sizes + address.count) { out in
            out.append(varint: UInt64(delayMilliseconds))
            out.append(varint: UInt64(address.count))
        }
        out.append(copying: address)
    }

    /// `CLOSED`: the gateway closes, and why.
    package static func closed(
        _ code: CloseCode, retryAfterMilliseconds: UInt32, text: Span<UInt8>, to out: inout [UInt8]
    ) {
        let payload = 2 + FieldWriter.varintBytes(UInt64(retryAfterMilliseconds)) + text.count
        out.appendFrame(FrameKind.closed, payload: payload) { out in
            out.append(bigEndian: UInt64(code.rawValue), byteCount: 2)
            out.append(varint: UInt64(retryAfterMilliseconds))
        }
        out.append(copying: text)
    }

    /// `TOKEN_EXPIRING`: a fresh token is wanted.
    package static func tokenExpiring(seconds: UInt32, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.tokenExpiring, payload: FieldWriter.varintBytes(UInt64(seconds))) { $0.append(varint: UInt64(seconds)) }
    }

    /// `AUTHENTICATED`: the fresh token is good.
    package static func authenticated(expiresIn: UInt32, to out: inout [UInt8]) {
        let payload = FieldWriter.varintBytes(UInt64(expiresIn))
        out.appendFrame(FrameKind.authenticated, payload: payload) { $0.append(varint: UInt64(expiresIn)) }
    }

    /// `ANSWER`. `fields` is a run of tags and values.
    package static func answer(request: UInt32, _ status: AnswerStatus, fields: Span<UInt8>, to out: inout [UInt8]) {
        let payload = FieldWriter.varintBytes(UInt64(request)) + 1 + fields.count
        out.appendFrame(FrameKind.answer, payload: payload) { out in
            out.append(varint: UInt64(request))
            out.append(status.rawValue)
        }
        out.append(copying: fields)
    }

    /// `STATE`. `fields` is a run of tags and values.
    package static func state(kind: UInt64, fields: Span<UInt8>, to out: inout [UInt8]) {
        out.appendFrame(FrameKind.state, payload: FieldWriter.varintBytes(kind) + fields.count) { $0.append(varint: kind) }
        out.append(copying: fields)
    }

    /// `PREVIOUS`: what is known of the presented session.
    package static func previous(_ session: SessionID, lastSequence: MessageSequence?, to out: inout [UInt8]) {
        let payload = 9 + (lastSequence.map { FieldWriter.varintBytes($0.rawValue) } ?? 0)
        out.appendFrame(FrameKind.previous, payload: payload) { out in
            out.append(bigEndian: session.rawValue, byteCount: 8)
            out.append(lastSequence == nil ? 0 : 1)
            if let lastSequence { out.append(varint: lastSequence.rawValue) }
        }
    }
}

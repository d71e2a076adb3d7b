import HoldfastWire

// Frames from a fuzzer's bytes. Random bytes almost never make a frame that passes the decoder with a number at an edge of its range: so
// frames are written by their writers, from numbers that are small, usual or at an edge.
extension FuzzInput {
    /// A number near 0, near a power of two, near the largest one, or any.
    mutating func extreme() -> UInt64 {
        let choice = byte()
        let small = UInt64(byte())
        switch choice & 7 {
        case 0, 1: return small
        case 2: return UInt64.max - small
        case 3: return (1 << 63) &+ small &- 128
        case 4: return (1 << UInt64(choice >> 3)) &+ small &- 128
        case 5: return (1 << UInt64(32 + (choice >> 3))) &+ small &- 128
        case 6: return 1_000 + small
        default: return number(8)
        }
    }

    /// The same of 32 bits.
    mutating func extreme32() -> UInt32 { UInt32(truncatingIfNeeded: extreme()) }

    /// A user, a device or a peer.
    mutating func name() -> [UInt8] { Array(["alice", "bob", "carol", "\u{FEFF}bob"][Int(byte() & 3)].utf8) }

    mutating func presentedState() -> PresentedState {
        PresentedState(
            session: SessionID(rawValue: byte() & 1 == 0 ? 1 << 24 | 1 : extreme()), attach: AttachNumber(rawValue: extreme32()),
            position: Position(rawValue: extreme()), lastSequence: MessageSequence(rawValue: extreme()))
    }

    /// A frame of a client.
    mutating func clientFrame(to out: inout [UInt8]) {
        let body = take(Int(byte() & 15))
        let kind = MessageKind(rawValue: byte() % 9) ?? .text
        let token: [UInt8] = [1, 2]
        switch byte() % 16 {
        case 0: ClientFrameWriter.ping(to: &out)
        case 1:
            let (device, user) = (name(), byte() & 1 == 0 ? [] : name())
            ClientFrameWriter.hello(
                isSendOnly: byte() & 3 == 0, token: token.span, device: device.span, user: user.span,
                state: byte() & 1 == 0 ? nil : presentedState(),
                capabilities: Capabilities(rawValue: byte() & 3 == 0 ? extreme() : 0), to: &out)
        case 2: ClientFrameWriter.resume(ticket: token.span, state: presentedState(), to: &out)
        case 3: ClientFrameWriter.authenticate(token: token.span, to: &out)
        case 4: ClientFrameWriter.close(byte() & 1 == 0 ? .keep : .logout, to: &out)
        case 5: ClientFrameWriter.acknowledge(Position(rawValue: extreme()), to: &out)
        case 6: ClientFrameWriter.credit(messages: extreme32(), bytes: extreme32(), to: &out)
        case 7: ClientFrameWriter.lookup(ConversationNumber(rawValue: extreme()), to: &out)
        case 8: ClientFrameWriter.pace(seconds: extreme32(), to: &out)
        case 11:
            let (flags, fields) = (extreme(), taggedFields())
            ClientFrameWriter.sendHeaded(
                MessageSequence(rawValue: extreme()), kind: kind, conversation: ConversationNumber(rawValue: extreme()), headFlags: flags,
                fields: fields.span, body: body.span, to: &out)
        case 12:
            let (user, flags, fields) = (name(), extreme(), taggedFields())
            ClientFrameWriter.sendToHeaded(
                MessageSequence(rawValue: extreme()), kind: kind, user: user.span, headFlags: flags, fields: fields.span, body: body.span,
                to: &out)
        case 13:
            let (kind, fields) = (extreme(), taggedFields())
            ClientFrameWriter.operation(MessageSequence(rawValue: extreme()), kind: kind, fields: fields.span, to: &out)
        case 14:
            let (kind, fields) = (extreme(), taggedFields())
            ClientFrameWriter.question(request: extreme32(), kind: kind, fields: fields.span, to: &out)
        case 9, 10:
            ClientFrameWriter.send(
                MessageSequence(rawValue: extreme()), kind: kind, conversation: ConversationNumber(rawValue: extreme()), body: body.span,
                to: &out)
        default:
            let user = name()
            ClientFrameWriter.sendTo(MessageSequence(rawValue: extreme()), kind: kind, user: user.span, body: body.span, to: &out)
        }
    }

    /// A run of tags and values; most fit a head, and some end early.
    mutating func taggedFields() -> [UInt8] {
        var out: [UInt8] = []
        for _ in 0..<byte() & 3 {
            let (tag, value) = (extreme(), take(Int(byte() & 127)))
            out.appendFields { out in
                out.append(varint: tag)
                out.append(varint: UInt64(value.count))
            }
            out += value
        }
        return byte() & 7 == 0 ? Array(out.dropLast()) : out
    }

    /// A `WELCOME` whose fields are usual but for those that the input chooses: with all of them at an edge none would be valid.
    mutating func welcome() -> ServerFrame.Welcome {
        let edges = byte()
        var welcome = ServerFrame.Welcome(
            outcome: WelcomeOutcome(rawValue: byte() % 6) ?? .resumed, session: SessionID(rawValue: 1 + UInt64(byte() & 1)),
            attach: AttachNumber(rawValue: 1 + UInt32(byte())), cursor: Position(rawValue: 1_000), era: 0,
            lastSequence: MessageSequence(rawValue: UInt64(byte() & 7)), serverTime: 1_700_000_000_000, heartbeatSecondsMin: 30,
            heartbeatSecondsMax: 300, frameBytesMax: 65_536, sendsInFlightMax: 127, creditMessages: 256, creditBytes: 1 << 20)
        if edges & 1 != 0 { welcome.lastSequence = MessageSequence(rawValue: extreme()) }
        if edges & 2 != 0 { (welcome.cursor, welcome.era) = (Position(rawValue: extreme()), byte()) }
        if edges & 4 != 0 { (welcome.heartbeatSecondsMin, welcome.heartbeatSecondsMax) = (extreme32(), extreme32()) }
        if edges & 8 != 0 { (welcome.creditMessages, welcome.creditBytes) = (extreme32(), extreme32()) }
        if edges & 16 != 0 { (welcome.session, welcome.attach) = (SessionID(rawValue: extreme()), AttachNumber(rawValue: extreme32())) }
        if edges & 32 != 0 { (welcome.frameBytesMax, welcome.sendsInFlightMax) = (extreme32(), byte()) }
        if edges & 128 != 0 { welcome.capabilities = Capabilities(rawValue: extreme()) }
        if edges & 64 != 0 { welcome.serverTime = extreme() & 0xFFFF_FFFF_FFFF }
        return welcome
    }

    /// A frame of a gateway. `end` is the end of the client's stream: most frames of the stream go on from there.
    mutating func serverFrame(end: inout Position, to out: inout [UInt8]) {
        let choice = byte()
        let predecessor = choice & 0x80 == 0 ? end : Position(rawValue: extreme())
        let sequence = MessageSequence(rawValue: extreme())
        switch choice % 16 {
        case 0:
            let welcome = welcome()
            end = welcome.cursor
            ServerFrameWriter.welcome(welcome, to: &out)
        case 1:
            let ticket: [UInt8] = [7]
            ServerFrameWriter.ticket(expiresIn: extreme32(), ticket.span, to: &out)
        case 2: ServerFrameWriter.sent(through: sequence, position: Position(rawValue: extreme()), to: &out)
        case 3:
            let code = RefusalCode.allCases[Int(byte()) % RefusalCode.allCases.count]
            ServerFrameWriter.refused(sequence, code, retryAfterMilliseconds: extreme32(), to: &out)
        case 4, 5: deliver(predecessor, &end, to: &out)
        case 6:
            end = through(end)
            ServerFrameWriter.gap(predecessor: predecessor, through: end, count: extreme32(), reason: .expired, to: &out)
        case 7:
            end = through(end)
            ServerFrameWriter.skip(predecessor: predecessor, through: end, to: &out)
        case 8:
            let peer = name()
            ServerFrameWriter.conversation(ConversationNumber(rawValue: UInt64(byte() & 3)), .oneToOne, peer: peer.span, to: &out)
        case 9:
            let address = Array("other:7443".utf8)
            ServerFrameWriter.goAway(delayMilliseconds: extreme32(), address: address.span, to: &out)
        case 10:
            let code = CloseCode.allCases[Int(byte()) % CloseCode.allCases.count]
            let text = name()
            ServerFrameWriter.closed(code, retryAfterMilliseconds: extreme32(), text: text.span, to: &out)
        case 13:
            let (status, fields) = (AnswerStatus(rawValue: byte() % 3) ?? .answered, taggedFields())
            ServerFrameWriter.answer(request: extreme32(), status, fields: fields.span, to: &out)
        case 14:
            let (kind, fields) = (extreme(), taggedFields())
            ServerFrameWriter.state(kind: kind, fields: fields.span, to: &out)
        case 11: ServerFrameWriter.tokenExpiring(seconds: extreme32(), to: &out)
        case 12: ServerFrameWriter.previous(SessionID(rawValue: 1), lastSequence: byte() & 1 == 0 ? nil : sequence, to: &out)
        default: ServerFrameWriter.pong(to: &out)
        }
    }

    private mutating func through(_ end: Position) -> Position {
        byte() & 1 == 0 ? Position(rawValue: end.rawValue &+ 1 &+ UInt64(byte())) : Position(rawValue: extreme())
    }

    private mutating func deliver(_ predecessor: Position, _ end: inout Position, to out: inout [UInt8]) {
        let count = 1 + Int(byte() & 3)
        var position = through(end)
        var time = Int64(bitPattern: extreme())
        var writer = DeliverWriter(
            predecessor: predecessor, first: position, conversation: ConversationNumber(rawValue: UInt64(byte() & 3)), timeOffset: time,
            entries: count, bodyBytes: count, to: &out)
        for index in 0..<count {
            let body = take(Int(byte() & 7))
            if byte() & 3 == 0 {
                let (flags, fields) = (extreme(), taggedFields())
                writer.entry(
                    position: position, timeOffset: time, kind: .text, isOwn: false, isLast: index == count - 1, headFlags: flags,
                    fields: fields.span, body: body.span, to: &out)
            } else {
                writer.entry(
                    position: position, timeOffset: time, kind: .text, isOwn: byte() & 3 == 0, isLast: index == count - 1,
                    body: body.span, to: &out)
            }
            end = position
            position = through(position)
            time = Int64(bitPattern: extreme())
        }
        writer.end(to: &out)
    }
}

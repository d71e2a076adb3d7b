import HoldfastTestSupport
import HoldfastWire

/// Random valid frames, as a client and as a gateway would write them.
struct RandomFrames {
    var random: SeededRandom
    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func appendClientFrame(to out: inout [UInt8]) {
        let token = random.bytes(1...60)
        let name = random.text(1...40)
        let user = random.text(0...40)
        let body = random.bytes(0...300)
        switch Int.random(in: 0..<15, using: &random) {
        case 13:
            let fields = fields()
            ClientFrameWriter.operation(sequence(), kind: random.wide(), fields: fields.span, to: &out)
        case 14:
            let fields = fields()
            ClientFrameWriter.question(request: random.wide32(), kind: random.wide(), fields: fields.span, to: &out)
        case 11:
            let fields = fields()
            ClientFrameWriter.sendHeaded(
                sequence(), kind: kind(), conversation: conversation(), headFlags: random.wide(), fields: fields.span, body: body.span,
                to: &out)
        case 12:
            let fields = fields()
            ClientFrameWriter.sendToHeaded(
                sequence(), kind: kind(), user: name.span, headFlags: random.wide(), fields: fields.span, body: body.span, to: &out)
        case 0: ClientFrameWriter.ping(to: &out)
        case 1:
            ClientFrameWriter.hello(
                isSendOnly: Bool.random(using: &random), token: token.span, device: name.span, user: user.span,
                state: Bool.random(using: &random) ? state() : nil, capabilities: capabilities(), to: &out)
        case 2: ClientFrameWriter.resume(ticket: token.span, state: state(), to: &out)
        case 3: ClientFrameWriter.authenticate(token: token.span, to: &out)
        case 4: ClientFrameWriter.close(Bool.random(using: &random) ? .logout : .keep, to: &out)
        case 5: ClientFrameWriter.acknowledge(position(), to: &out)
        case 6: ClientFrameWriter.credit(messages: random.wide32() | 1, bytes: random.wide32() | 1, to: &out)
        case 7: ClientFrameWriter.lookup(conversation(), to: &out)
        case 8: ClientFrameWriter.pace(seconds: random.wide32(), to: &out)
        case 9: ClientFrameWriter.send(sequence(), kind: kind(), conversation: conversation(), body: body.span, to: &out)
        default: ClientFrameWriter.sendTo(sequence(), kind: kind(), user: name.span, body: body.span, to: &out)
        }
    }

    mutating func appendServerFrame(to out: inout [UInt8]) {
        let bytes = random.bytes(1...60)
        let text = random.text(1...60)
        switch Int.random(in: 0..<16, using: &random) {
        case 14:
            let fields = fields()
            ServerFrameWriter.answer(
                request: random.wide32(), AnswerStatus.allCases.randomElement(using: &random) ?? .answered, fields: fields.span, to: &out)
        case 15:
            let fields = fields()
            ServerFrameWriter.state(kind: random.wide(), fields: fields.span, to: &out)
        case 0: ServerFrameWriter.pong(to: &out)
        case 1: ServerFrameWriter.welcome(welcome(), to: &out)
        case 2: ServerFrameWriter.ticket(expiresIn: random.wide32(), bytes.span, to: &out)
        case 3: ServerFrameWriter.sent(through: sequence(), position: position(), to: &out)
        case 4:
            ServerFrameWriter.refused(
                sequence(), RefusalCode.allCases.randomElement(using: &random) ?? .overloaded, retryAfterMilliseconds: random.wide32(),
                to: &out)
        case 5: appendDeliver(to: &out)
        case 6: ServerFrameWriter.gap(predecessor: position(), through: position(), count: random.wide32() | 1, reason: .erased, to: &out)
        case 7: ServerFrameWriter.skip(predecessor: position(), through: position(), to: &out)
        case 8: ServerFrameWriter.conversation(conversation(), .oneToOne, peer: text.span, to: &out)
        case 9: ServerFrameWriter.goAway(delayMilliseconds: random.wide32(), address: text.span, to: &out)
        case 10:
            ServerFrameWriter.closed(
                CloseCode.allCases.randomElement(using: &random) ?? .fenced, retryAfterMilliseconds: random.wide32(), text: text.span,
                to: &out)
        case 11: ServerFrameWriter.tokenExpiring(seconds: random.wide32(), to: &out)
        case 12: ServerFrameWriter.authenticated(expiresIn: random.wide32(), to: &out)
        default:
            ServerFrameWriter.previous(
                SessionID(rawValue: random.next()), lastSequence: Bool.random(using: &random) ? sequence() : nil, to: &out)
        }
    }

    /// A batch whose estimate is exact, too small or too large.
    mutating func appendDeliver(to out: inout [UInt8]) {
        var position = position()
        var time = Int64(bitPattern: random.wide(bits: 40)) * (Bool.random(using: &random) ? 1 : -1)
        let bodies = (0..<Int.random(in: 1...6, using: &random)).map { _ in random.bytes(0...200) }
        let total = bodies.reduce(0) { $0 + $1.count }
        let estimate = [0, total, 20 * total + 100_000].randomElement(using: &random) ?? total
        var writer = DeliverWriter(
            predecessor: self.position(), first: position, conversation: conversation(), timeOffset: time, entries: bodies.count,
            bodyBytes: estimate, to: &out)
        for (index, body) in bodies.enumerated() {
            let (isOwn, isLast) = (Bool.random(using: &random), index == bodies.count - 1)
            if Bool.random(using: &random) {
                writer.entry(
                    position: position, timeOffset: time, kind: kind(), isOwn: isOwn, isLast: isLast, body: body.span, to: &out)
            } else {
                let fields = fields()
                writer.entry(
                    position: position, timeOffset: time, kind: kind(), isOwn: isOwn, isLast: isLast, headFlags: random.wide(),
                    fields: fields.span, body: body.span, to: &out)
            }
            position = Position(rawValue: position.rawValue &+ max(1, random.wide(bits: 40)))
            time += Int64(bitPattern: random.wide(bits: 40)) * (Bool.random(using: &random) ? 1 : -1)
        }
        writer.end(to: &out)
    }

    /// A run of tags and values, as long as a head may have at most.
    private mutating func fields() -> [UInt8] {
        var out: [UInt8] = []
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            let value = random.bytes(0...40)
            out.appendFields { out in
                out.append(varint: random.wide())
                out.append(varint: UInt64(value.count))
            }
            out += value
        }
        return out
    }

    private mutating func position() -> Position { Position(rawValue: random.wide()) }
    private mutating func sequence() -> MessageSequence { MessageSequence(rawValue: random.wide(bits: 63)) }
    private mutating func conversation() -> ConversationNumber { ConversationNumber(rawValue: random.wide()) }
    private mutating func kind() -> MessageKind { MessageKind.allCases.randomElement(using: &random) ?? .text }

    private mutating func state() -> PresentedState {
        PresentedState(
            session: SessionID(rawValue: random.next()), attach: AttachNumber(rawValue: random.wide32()), position: position(),
            lastSequence: sequence())
    }

    private mutating func welcome() -> ServerFrame.Welcome {
        let heartbeat = UInt32.random(in: 1...10_000, using: &random)
        return ServerFrame.Welcome(
            outcome: WelcomeOutcome.allCases.randomElement(using: &random) ?? .begun, session: SessionID(rawValue: random.next() | 1),
            attach: AttachNumber(rawValue: random.wide32() | 1), cursor: position(), era: UInt8.random(in: 0...255, using: &random),
            lastSequence: sequence(), serverTime: random.wide(bits: 48), heartbeatSecondsMin: heartbeat,
            heartbeatSecondsMax: heartbeat + UInt32.random(in: 0...10_000, using: &random),
            frameBytesMax: UInt32.random(in: 1024...UInt32(WireLimits.frameBytesCeiling), using: &random),
            sendsInFlightMax: UInt8.random(in: 1...127, using: &random), creditMessages: random.wide32() | 1,
            creditBytes: random.wide32() | 1, capabilities: capabilities())
    }

    private mutating func capabilities() -> Capabilities {
        Bool.random(using: &random) ? [] : Capabilities(rawValue: random.wide())
    }
}

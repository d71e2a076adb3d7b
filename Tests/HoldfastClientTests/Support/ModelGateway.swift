import HoldfastTestSupport
import HoldfastWire

/// A gateway in a hundred lines: one user's session, his stream, and what he sent. It keeps what it acknowledged.
struct ModelGateway {
    struct Stored: Equatable {
        var position: UInt64
        var text: String
        var conversation: UInt64
        /// Sent by this session: collapsed to a skip.
        var isOwn: Bool
    }

    private(set) var stream: [Stored] = []
    /// What the client sent and was stored, in order.
    private(set) var taken: [String] = []
    /// What was refused for good.
    private(set) var refused: [String] = []
    private(set) var cursor: UInt64 = 100
    private(set) var errors: [String] = []
    private var lastPosition: UInt64 = 100
    private var attach: UInt32 = 0
    private var storedAttach: UInt32 = 0
    private var peers: [String] = []
    private var hasTicket = false
    /// The outcome for a client that presents no state.
    var outcomeWithoutState = WelcomeOutcome.begun
    // Of the connection.
    private var isOpen = false
    private var delivered: UInt64 = 0
    private var discardsUntil: UInt64?
    private var input: [UInt8] = []
    let credit = 12
    private let refusalPercent: Int
    private let session = SessionID(rawValue: 42)

    init(refusalPercent: Int = 12) { self.refusalPercent = refusalPercent }

    mutating func push(_ text: String, from peer: String, _ random: inout SeededRandom) {
        lastPosition += UInt64.random(in: 1...9, using: &random)
        stream.append(Stored(position: lastPosition, text: text, conversation: conversation(peer), isOwn: false))
    }

    mutating func connect() {
        isOpen = false
        discardsUntil = nil
        input = []
    }

    /// Takes bytes of the client; false: the connection is closed.
    mutating func receive(_ bytes: [UInt8], _ random: inout SeededRandom, to out: inout [UInt8]) -> Bool {
        input += bytes
        if !isOpen && input.starts(with: [0x8C]) {
            guard input.count >= Preface.byteCount else { return true }
            input.removeFirst(Preface.byteCount)
        }
        var offset = 0
        var ended = false
        while !ended {
            do throws(CloseCode) {
                guard let decoded = try ClientFrame.decode(input.span, at: offset, limits: .standard) else { break }
                offset += decoded.byteCount
                if let frame = decoded.frame { ended = !handle(frame, &random, to: &out) }
            } catch {
                errors.append("a frame that is none: \(error)")
                ended = true
            }
        }
        input.removeFirst(offset)
        return !ended
    }

    /// Sends what the credit allows.
    mutating func deliver(_ random: inout SeededRandom, to out: inout [UInt8]) {
        guard isOpen else { return }
        for message in stream where message.position > delivered {
            if message.isOwn {
                ServerFrameWriter.skip(
                    predecessor: Position(rawValue: delivered), through: Position(rawValue: message.position), to: &out)
            } else {
                guard stream.count(where: { $0.position > cursor && $0.position <= delivered && !$0.isOwn }) < credit else { return }
                MachineRig.deliver(
                    after: delivered, [(message.position, message.text)], conversation: message.conversation, to: &out)
            }
            delivered = message.position
            if random.chance(0.3) { return }
        }
    }

    private mutating func handle(_ frame: ClientFrame, _ random: inout SeededRandom, to out: inout [UInt8]) -> Bool {
        switch frame {
        case .hello(let hello): welcome(hello.state?.attach.rawValue, hello.state?.position.rawValue, &random, to: &out)
        case .resume(let resume):
            if random.chance(0.1) {
                let text: [UInt8] = []
                ServerFrameWriter.closed(.ticketExpired, retryAfterMilliseconds: 0, text: text.span, to: &out)
                return false
            }
            welcome(resume.attach.rawValue, resume.position.rawValue, &random, to: &out)
        case .ping: ServerFrameWriter.pong(to: &out)
        case .acknowledge(let short):
            guard let position = short.expanded(upTo: Position(rawValue: delivered))?.rawValue, position > cursor else {
                errors.append("an acknowledgement of nothing")
                return false
            }
            cursor = position
            storedAttach = attach
        case .lookup(let number):
            ServerFrameWriter.conversation(number, .oneToOne, peer: Array(peers[Int(number.rawValue) - 1].utf8).span, to: &out)
        case .send(let send):
            return take(send.sequence, peers[Int(send.conversation.rawValue) - 1], send.body, &random, to: &out)
        case .sendTo(let send):
            let user = String(decoding: input[send.user], as: UTF8.self)
            let number = ConversationNumber(rawValue: conversation(user))
            ServerFrameWriter.conversation(number, .oneToOne, peer: Array(user.utf8).span, to: &out)
            return take(send.sequence, user, send.body, &random, to: &out)
        case .close, .credit, .pace, .authenticate, .sendHeaded, .sendToHeaded, .operation, .question: break
        }
        return true
    }

    private mutating func welcome(_ presented: UInt32?, _ position: UInt64?, _ random: inout SeededRandom, to out: inout [UInt8]) {
        if let presented, presented < storedAttach { errors.append("the client's state went back: \(presented) < \(storedAttach)") }
        attach = max(attach, presented ?? 0) + 1
        if let position {
            if position > lastPosition { errors.append("a cursor from nowhere") }
            cursor = max(cursor, position)
        }
        delivered = cursor
        isOpen = true
        ServerFrameWriter.welcome(
            .usual(
                presented == nil ? outcomeWithoutState : .resumed, session: 42, attach: attach, cursor: cursor,
                lastSequence: UInt64(taken.count), sendsInFlightMax: 5, credit: UInt32(credit)), to: &out)
        if random.chance(0.6) {
            ServerFrameWriter.ticket(expiresIn: 60, Array("ticket".utf8).span, to: &out)
        }
    }

    private mutating func take(
        _ short: ShortSequence, _ user: String, _ body: ByteRange, _ random: inout SeededRandom, to out: inout [UInt8]
    ) -> Bool {
        let expected = UInt64(taken.count) + 1
        let sequence = short.expanded(near: MessageSequence(rawValue: expected)).rawValue
        let text = String(decoding: input[body], as: UTF8.self)
        if sequence < expected {
            if taken[Int(sequence) - 1] != text { errors.append("number \(sequence) used for '\(text)' too") }
            return true
        }
        if let until = discardsUntil {
            guard sequence == until else { return true }
            discardsUntil = nil
            // REQ-ATTACH-9
            attach += 1
        } else if sequence != expected {
            errors.append("a hole in the sequence: \(sequence), not \(expected)")
            return false
        }
        if random.chance(Double(refusalPercent) / 100) {
            let isFinal = random.chance(0.5)
            if isFinal && !refused.contains(text) { refused.append(text) }
            ServerFrameWriter.refused(
                MessageSequence(rawValue: sequence), isFinal ? .kindUnsupported : .inboxFull,
                retryAfterMilliseconds: isFinal ? 0 : 500, to: &out)
            discardsUntil = sequence
            return true
        }
        lastPosition += 1
        taken.append(text)
        // The refusal was lost on the way, and this time there is no objection.
        refused.removeAll { $0 == text }
        storedAttach = attach
        stream.append(Stored(position: lastPosition, text: text, conversation: conversation(user), isOwn: true))
        ServerFrameWriter.sent(through: MessageSequence(rawValue: sequence), position: Position(rawValue: lastPosition), to: &out)
        return true
    }

    private mutating func conversation(_ peer: String) -> UInt64 {
        if let index = peers.firstIndex(of: peer) { return UInt64(index) + 1 }
        peers.append(peer)
        return UInt64(peers.count)
    }
}

import HoldfastTestSupport
import HoldfastWire

@testable import HoldfastClient

/// A machine, what it asked for, and hand-made frames of a gateway.
final class MachineRig {
    var machine: ClientMachine
    var file: ClientStateFile?
    var now: UInt64 = 1_000_000
    var random = SeededRandom(seed: 7)
    var actions = ClientActions()
    /// Everything that was asked for, in order.
    var history: [ClientAction] = []
    var isTransportOpen = false
    var timerAt: UInt64?
    var wantsToken = false
    /// Bytes that the client has sent on this connection.
    var sent: [UInt8] = []
    var handed: [(delivery: ClientDelivery, body: [UInt8])] = []
    var resolved: [UInt64: SendOutcome] = [:]
    var states: [ConnectionState] = []
    var notices: [ClientNotice] = []
    var outcomes: [WelcomeOutcome] = []
    private var unconsumed: [UInt8] = []

    init(settings: ClientSettings = ClientSettings(device: "phone"), file: ClientStateFile? = nil) {
        self.file = file
        machine = ClientMachine(settings: settings, state: file?.state)
    }

    static func persistent(_ storage: FaultyStorage, settings: ClientSettings? = nil) throws -> MachineRig {
        let file = try ClientStateFile.open(storage, user: "alice", device: "phone").file
        return MachineRig(settings: settings ?? ClientSettings(device: "phone", isPersistent: true), file: file)
    }

    var moment: ClientNow { ClientNow(milliseconds: now, random: random.next()) }

    func step(_ body: (inout ClientMachine, ClientNow, inout ClientActions) -> Void) {
        body(&machine, moment, &actions)
        for action in actions.items { carryOut(action) }
        actions.removeAll()
        try? file?.flush()
    }

    private func carryOut(_ action: ClientAction) {
        history.append(action)
        switch action {
        case .openTransport:
            sent = []
            unconsumed = []
            isTransportOpen = true
        case .closeTransport: isTransportOpen = false
        case .write(let range): sent += actions.bytes[range]
        case .armTimer(let at): timerAt = at
        case .needToken: wantsToken = true
        case .handOver(let range):
            for delivery in actions.deliveries[range] {
                if case .message(let message) = delivery {
                    handed.append((delivery, Array(actions.bodies[message.body])))
                } else {
                    handed.append((delivery, []))
                }
            }
        case .resolved(let id, let outcome): resolved[id] = outcome
        case .persist(let record): file?.append(record)
        case .sync: try? file?.sync()
        case .stateChanged(let state): states.append(state)
        case .welcomed(let outcome): outcomes.append(outcome)
        case .notice(let notice): notices.append(notice)
        }
    }

    // MARK: events

    func connect() { step { $0.connectRequested($1, &$2) } }
    func provideToken(_ token: String = "token") {
        wantsToken = false
        step { $0.tokenProvided(Array(token.utf8), $1, &$2) }
    }
    func openTransport() { step { $0.transportOpened($1, &$2) } }
    func closeTransport() { step { $0.transportClosed(.closedByPeer, $1, &$2) } }
    func flush() { step { $0.flush($1, &$2) } }

    func receive(_ bytes: [UInt8]) {
        let all = unconsumed + bytes
        step { machine, now, actions in
            let consumed = machine.received(all.span, now, &actions)
            unconsumed = Array(all[consumed...])
        }
    }

    func receive(_ write: (inout [UInt8]) -> Void) {
        var bytes: [UInt8] = []
        write(&bytes)
        receive(bytes)
    }

    @discardableResult func send(
        _ text: String, to recipient: Recipient = .user("bob"), waitsForRoom: Bool = true, tag: SendTag? = nil, flushes: Bool = true
    ) -> UInt64 {
        var id: UInt64 = 0
        step { machine, now, actions in
            id =
                (try? machine.send(
                    to: recipient, kind: .text, body: Array(text.utf8), waitsForRoom: waitsForRoom, tag: tag, &actions)) ?? 0
            if flushes { machine.flush(now, &actions) }
        }
        return id
    }

    func acknowledge(_ position: UInt64) {
        step { machine, now, actions in
            machine.acknowledge(through: Position(rawValue: position), now, &actions)
            machine.flush(now, &actions)
        }
    }

    /// Lets time pass, firing the timer as often as it is due.
    func advance(by milliseconds: UInt64) {
        let end = now + milliseconds
        var firings = 0
        while let at = timerAt, at <= end {
            firings += 1
            precondition(firings < 10_000, "a deadline that has passed is armed again and again")
            now = max(now, at)
            timerAt = nil
            step { $0.timerFired($1, &$2) }
        }
        now = end
    }

    /// Lets the pause before the next attempt pass, and no more.
    func waitOut() {
        if case .waiting(let milliseconds) = states.last { advance(by: milliseconds) }
    }

    // MARK: a gateway's part

    /// From anything to open, with the answer of a gateway.
    func open(_ welcome: ServerFrame.Welcome = .usual()) {
        if !isTransportOpen { connect() }
        if wantsToken { provideToken() }
        openTransport()
        receive { ServerFrameWriter.welcome(welcome, to: &$0) }
    }

    func deliver(
        after predecessor: UInt64, _ messages: [(position: UInt64, text: String)], conversation: UInt64 = 5, isOwn: Bool = false
    ) {
        receive { Self.deliver(after: predecessor, messages, conversation: conversation, isOwn: isOwn, to: &$0) }
    }

    static func deliver(
        after predecessor: UInt64, _ messages: [(position: UInt64, text: String)], conversation: UInt64 = 5, isOwn: Bool = false,
        to out: inout [UInt8]
    ) {
        var writer = DeliverWriter(
            predecessor: Position(rawValue: predecessor), first: Position(rawValue: messages[0].position),
            conversation: ConversationNumber(rawValue: conversation), timeOffset: 20, entries: messages.count,
            bodyBytes: messages.reduce(0) { $0 + $1.text.utf8.count }, to: &out)
        for (index, message) in messages.enumerated() {
            writer.entry(
                position: Position(rawValue: message.position), timeOffset: 20 + Int64(index), kind: .text, isOwn: isOwn,
                isLast: index == messages.count - 1, body: Array(message.text.utf8).span, to: &out)
        }
        writer.end(to: &out)
    }

    func learn(_ conversation: UInt64 = 5, _ peer: String = "bob") {
        receive {
            ServerFrameWriter.conversation(
                ConversationNumber(rawValue: conversation), .oneToOne, peer: Array(peer.utf8).span, to: &$0)
        }
    }

    func confirm(through sequence: UInt64) {
        receive {
            ServerFrameWriter.sent(through: MessageSequence(rawValue: sequence), position: Position(rawValue: 9), to: &$0)
        }
    }

    func refuse(_ sequence: UInt64, _ code: RefusalCode, retryAfter: UInt32 = 0) {
        receive {
            ServerFrameWriter.refused(MessageSequence(rawValue: sequence), code, retryAfterMilliseconds: retryAfter, to: &$0)
        }
    }

    func closeByServer(_ code: CloseCode, retryAfter: UInt32 = 0) {
        let text: [UInt8] = []
        receive { ServerFrameWriter.closed(code, retryAfterMilliseconds: retryAfter, text: text.span, to: &$0) }
    }

    // MARK: what was sent

    /// The frames that the client sent on this connection, as text; those taken before are left out.
    func takeFrames() -> [String] {
        defer { sent = [] }
        return Self.describe(sent)
    }

    static func describe(_ bytes: [UInt8]) -> [String] {
        var frames: [String] = []
        var offset = 0
        if bytes.starts(with: [0x8C, 0x48, 0x46, 0x44]) {
            frames.append("preface")
            offset = Preface.byteCount
        }
        while offset < bytes.count {
            guard let decoded = try? ClientFrame.decode(bytes.span, at: offset, limits: .standard) else { return frames + ["?"] }
            offset += decoded.byteCount
            if let frame = decoded.frame { frames.append(describe(frame, bytes)) }
        }
        return frames
    }

    private static func describe(_ frame: ClientFrame, _ bytes: [UInt8]) -> String {
        func text(_ range: ByteRange) -> String { String(decoding: bytes[range], as: UTF8.self) }
        func describe(_ state: PresentedState?) -> String {
            state.map { "\($0.attach.rawValue)/\($0.position.rawValue)/\($0.lastSequence.rawValue)" } ?? "-"
        }
        switch frame {
        case .ping: return "ping"
        case .hello(let hello):
            let user = hello.user.isEmpty ? "" : "as \(text(hello.user)) "
            return "hello \(text(hello.token)) \(text(hello.device)) \(user)\(hello.isSendOnly ? "sendOnly " : "")\(describe(hello.state))"
        case .resume(let resume):
            return "resume \(text(resume.ticket)) \(resume.attach.rawValue)/\(resume.position.rawValue)/\(resume.lastSequence.rawValue)"
        case .authenticate(let token): return "authenticate \(text(token))"
        case .close(let intent): return "close \(intent)"
        case .acknowledge(let position): return "ack \(position.rawValue)"
        case .credit(let messages, let bytes): return "credit \(messages) \(bytes)"
        case .lookup(let number): return "lookup \(number.rawValue)"
        case .pace(let seconds): return "pace \(seconds)"
        case .send(let send): return "send \(send.sequence.rawValue) #\(send.conversation.rawValue) \(text(send.body))"
        case .sendTo(let send): return "sendTo \(send.sequence.rawValue) \(text(send.user)) \(text(send.body))"
        case .sendHeaded, .sendToHeaded, .operation, .question: return "no client does this yet"
        }
    }

    var handedTexts: [String] {
        handed.map { entry in
            switch entry.delivery {
            case .message(let message):
                return "\(message.position.rawValue) \(message.peer ?? "?") \(String(decoding: entry.body, as: UTF8.self))"
                    + (message.isRepeat ? " repeat" : "") + (message.isOwn ? " own" : "")
            case .gap(let through, let count, let reason): return "gap \(through.rawValue) \(count) \(reason)"
            }
        }
    }
}

extension ServerFrame.Welcome {
    static func usual(
        _ outcome: WelcomeOutcome = .begun, session: UInt64 = 77, attach: UInt32 = 1, cursor: UInt64 = 100, era: UInt8 = 0,
        lastSequence: UInt64 = 0, heartbeat: ClosedRange<UInt32> = 20...240, frameBytesMax: UInt32 = 65536, sendsInFlightMax: UInt8 = 127,
        credit: UInt32 = 256
    ) -> Self {
        Self(
            outcome: outcome, session: SessionID(rawValue: session), attach: AttachNumber(rawValue: attach),
            cursor: Position(rawValue: cursor), era: era, lastSequence: MessageSequence(rawValue: lastSequence),
            serverTime: 1_700_000_000_000, heartbeatSecondsMin: heartbeat.lowerBound, heartbeatSecondsMax: heartbeat.upperBound,
            frameBytesMax: frameBytesMax, sendsInFlightMax: sendsInFlightMax, creditMessages: credit, creditBytes: 1 << 20)
    }
}

import Foundation

/// A NATS client: publishes into a JetStream stream, and reads its own subject of it.
final class NATSMachine: PeerMachine {
    /// What a client is for.
    enum Purpose {
        /// Makes the stream, once for a server.
        case setup
        /// Only publishes.
        case sender
        /// Reads by a durable push consumer of its own, with explicit acknowledgements.
        case consumer
        /// Reads by a plain subscription: it gets what is published while it is there, and nothing else.
        case subscription
    }

    private enum Phase { case away, greeted, connecting, requesting, open }

    private let name: String
    private let purpose: Purpose
    private var phase = Phase.away
    /// The consumer, or the stream, is made: a reconnect finds it.
    private var isMade = false
    private var publishes = PublishQueue()
    /// Published when nobody took it: the server's JetStream wasn't there yet.
    private var untaken: Set<UInt64> = []

    private static let stream = "HOLDFAST"
    private static let retryMilliseconds: UInt32 = 500
    // Subscriptions of a connection.
    private static let replies = 1
    private static let messages = 2

    init(name: String, _ purpose: Purpose) {
        self.name = name
        self.purpose = purpose
    }

    // The server speaks first.
    func opened(_ now: PeerNow, _ output: inout PeerOutput) { phase = .greeted }

    func received(_ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) -> Int {
        var next = 0
        do throws(NATSError) {
            while phase != .away, let (message, end) = try NATSReader.read(bytes, from: next) {
                next = end
                handle(message, bytes, now, &output)
            }
        } catch {
            breakOff("NATS: \(error)", &output)
        }
        return phase == .away ? bytes.count : next
    }

    func closed(_ now: PeerNow, _ output: inout PeerOutput) {
        phase = .away
        untaken.removeAll()
        output.events.append(.armTimer(at: .max))
        output.events.append(.open(afterMilliseconds: Self.retryMilliseconds))
    }

    func publish(_ id: UInt64, to name: String, _ body: [UInt8], _ now: PeerNow, _ output: inout PeerOutput) {
        publishes.append(id, to: name, body)
        write(id, to: name, body, &output)
    }

    func timerFired(_ now: PeerNow, _ output: inout PeerOutput) {
        switch phase {
        case .requesting: request(&output)
        case .open:
            let again = publishes.open.filter { untaken.contains($0.id) }
            untaken.removeAll()
            for entry in again { write(entry.id, to: entry.name, entry.body, &output) }
        default: break
        }
    }

    private func handle(_ message: NATSMessage, _ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) {
        switch (message, phase) {
        case (.info, .greeted): greet(&output)
        // A cluster's news.
        case (.info, _), (.ok, _): break
        case (.ping, _): output.bytes.append(contentsOf: "PONG\r\n".utf8)
        case (.pong, .connecting):
            if isMade || purpose == .sender || purpose == .subscription {
                becomeOpen(resumed: isMade, &output)
            } else {
                phase = .requesting
                request(&output)
            }
        case (.message(let subject, Self.replies, _, let status, let payload), _):
            answered(subject, status, bytes, payload, now, &output)
        // A consumer from before begins as soon as it is subscribed.
        case (.message(_, Self.messages, let reply, nil, let payload), _):
            output.deliver(bytes.extracting(payload))
            guard let reply, purpose == .consumer else { return }
            output.bytes.append(contentsOf: "PUB ".utf8)
            output.bytes.append(bytes.extracting(reply))
            output.bytes.append(contentsOf: " 0\r\n\r\n".utf8)
        // Signs of life of a push consumer.
        case (.message(_, Self.messages, _, .some(100), _), _): break
        case (.error(let text), _): breakOff("NATS: -ERR\(NATSReader.text(bytes, text).prefix(60))", &output)
        default: breakOff("NATS: a message out of turn", &output)
        }
    }

    private func greet(_ output: inout PeerOutput) {
        phase = .connecting
        var text = """
            CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"swift","version":"1","protocol":1}\r
            SUB _INBOX.\(name).* \(Self.replies)\r\n
            """
        switch purpose {
        case .consumer: text += "SUB inbox.\(name) \(Self.messages)\r\n"
        case .subscription: text += "SUB user.\(name) \(Self.messages)\r\n"
        case .setup, .sender: break
        }
        output.bytes.append(contentsOf: (text + "PING\r\n").utf8)
    }

    /// Asks for what has to be made.
    private func request(_ output: inout PeerOutput) {
        let (subject, body) =
            purpose == .setup
            ? ("STREAM.CREATE.\(Self.stream)", #"{"name":"\#(Self.stream)","subjects":["user.*"],"storage":"file","num_replicas":1}"#)
            : (
                "CONSUMER.DURABLE.CREATE.\(Self.stream).\(name)",
                #"{"stream_name":"\#(Self.stream)","config":{"durable_name":"\#(name)","deliver_subject":"inbox.\#(name)","#
                    + #""filter_subject":"user.\#(name)","deliver_policy":"all","ack_policy":"explicit","ack_wait":10000000000,"#
                    + #""max_ack_pending":1000,"replay_policy":"instant"}}"#
            )
        output.bytes.append(contentsOf: "PUB $JS.API.\(subject) _INBOX.\(name).r \(body.utf8.count)\r\n\(body)\r\n".utf8)
    }

    private func write(_ id: UInt64, to name: String, _ body: [UInt8], _ output: inout PeerOutput) {
        output.bytes.append(contentsOf: "PUB user.\(name) _INBOX.\(self.name).\(id) \(body.count)\r\n".utf8)
        output.bytes.append(contentsOf: body)
        output.bytes.append(contentsOf: "\r\n".utf8)
    }

    /// A reply came: to what was asked for, or to a message.
    private func answered(
        _ subject: Range<Int>, _ status: Int?, _ bytes: Span<UInt8>, _ payload: Range<Int>, _ now: PeerNow, _ output: inout PeerOutput
    ) {
        // _INBOX.name.what
        let what = subject.lowerBound + "_INBOX.".utf8.count + name.utf8.count + 1
        guard what < subject.upperBound else { return breakOff("NATS: a reply to nobody", &output) }
        let isUntaken = status == 503
        if phase == .requesting, bytes[what] == UInt8(ascii: "r") {
            guard !isUntaken else { return retry(now, &output) }
            if let reason = Self.error(bytes, payload) { return breakOff("NATS: refused: \(reason)", &output) }
            isMade = true
            becomeOpen(resumed: false, &output)
            return
        }
        guard phase == .open, let id = NATSReader.number(bytes, what..<subject.upperBound).map(UInt64.init) else {
            return breakOff("NATS: a reply out of turn", &output)
        }
        if isUntaken {
            untaken.insert(id)
            return retry(now, &output)
        }
        // Sent again after a reconnect, a message may be acknowledged twice.
        guard publishes.remove(id) else { return }
        output.events.append(Self.error(bytes, payload) == nil ? .acknowledged(id) : .rejected(id))
    }

    private func becomeOpen(resumed: Bool, _ output: inout PeerOutput) {
        phase = .open
        for entry in publishes.open { write(entry.id, to: entry.name, entry.body, &output) }
        output.events.append(.ready(resumed: resumed))
    }

    private func retry(_ now: PeerNow, _ output: inout PeerOutput) {
        output.events.append(.armTimer(at: now.milliseconds + UInt64(Self.retryMilliseconds)))
    }

    private func breakOff(_ trouble: String, _ output: inout PeerOutput) {
        phase = .away
        output.events.append(.trouble(trouble))
        output.events.append(.close)
    }

    /// Why JetStream has refused something; nil if it hasn't.
    private static func error(_ bytes: Span<UInt8>, _ payload: Range<Int>) -> String? {
        // The short answer to a message that was taken.
        let good = Array(#"{"stream":"#.utf8)
        if payload.count >= good.count, good.indices.allSatisfy({ bytes[payload.lowerBound + $0] == good[$0] }) { return nil }
        let answer = try? JSONDecoder().decode(Answer.self, from: Data(NATSReader.text(bytes, payload).utf8))
        guard let answer else { return "an answer that isn't JSON" }
        return answer.error.map { String(($0.description ?? "no reason").prefix(80)) }
    }

    private struct Answer: Decodable {
        var error: Refusal?

        struct Refusal: Decodable { var description: String? }
    }
}

/// Makes NATS clients.
struct NATSClients: PeerClients {
    /// How phones read.
    let inbox: NATSMachine.Purpose
    /// What the names of this run's users begin with.
    let run = "l" + String(UInt32.random(in: .min ... .max), radix: 36)

    func name(_ index: Int) -> String { "\(run)-\(index)" }

    func machine(_ index: Int, _ role: PeerRole) -> any PeerMachine {
        NATSMachine(name: name(index), role == .phone ? inbox : .sender)
    }
}

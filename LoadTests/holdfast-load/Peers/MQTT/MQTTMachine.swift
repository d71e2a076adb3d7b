/// What the MQTT clients of a run share.
final class MQTTSettings: Sendable {
    let version: MQTTVersion
    /// 0: sent and forgotten. 1: until it is acknowledged.
    let qos: UInt8
    /// Without anything to say for so long, a client pings.
    let keepAliveSeconds: UInt16
    /// The pause after a connection was lost.
    let retryMilliseconds: UInt32

    init(version: MQTTVersion, qos: UInt8 = 1, keepAliveSeconds: UInt16 = 240, retryMilliseconds: UInt32 = 500) {
        self.version = version
        self.qos = qos
        self.keepAliveSeconds = keepAliveSeconds
        self.retryMilliseconds = retryMilliseconds
    }

    /// As long as our own sessions live.
    static let sessionExpirySeconds: UInt32 = 30 * 86_400
}

/// An MQTT client with a session that outlives its connections: one subscription, its inbox.
final class MQTTMachine: PeerMachine {
    private enum Phase {
        case away
        /// CONNECT is out.
        case connecting
        /// SUBSCRIBE is out.
        case subscribing
        case open
    }

    private struct Flight {
        var id: UInt64
        var topic: String
        var body: [UInt8]
    }

    private let settings: MQTTSettings
    private let clientID: String
    /// Nil: nothing is subscribed.
    private let inbox: String?
    private var phase = Phase.away
    /// Published and not acknowledged, the oldest first; those before `flightStart` are done.
    private var flights: [Flight] = []
    private var flightStart = 0
    /// So many of them are out on this connection; more wait for the server's window.
    private var sentCount = 0
    private var window = Int(UInt16.max)
    private var keepAliveSeconds: UInt16
    private var lastWriteAt: UInt64 = 0
    private var pingedAt: UInt64?

    /// Of SUBSCRIBE; PUBLISH uses those below.
    private static let subscribePacketID: UInt16 = .max

    init(_ settings: MQTTSettings, clientID: String, inbox: String?) {
        self.settings = settings
        self.clientID = clientID
        self.inbox = inbox
        keepAliveSeconds = settings.keepAliveSeconds
    }

    private var writer: MQTTWriter { MQTTWriter(version: settings.version) }

    func opened(_ now: PeerNow, _ output: inout PeerOutput) {
        phase = .connecting
        sentCount = 0
        pingedAt = nil
        writer.connect(
            .init(
                clientID: clientID, cleanSession: false, keepAliveSeconds: settings.keepAliveSeconds,
                sessionExpirySeconds: MQTTSettings.sessionExpirySeconds, receiveMaximum: .max), &output.bytes)
        lastWriteAt = now.milliseconds
        armTimer(now, &output)
    }

    func received(_ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) -> Int {
        let reader = MQTTReader(version: settings.version)
        var next = 0
        do throws(MQTTError) {
            while phase != .away, let (packet, end) = try reader.read(bytes, from: next) {
                next = end
                handle(packet, bytes, now, &output)
            }
        } catch {
            breakOff("MQTT: \(error)", &output)
        }
        return phase == .away ? bytes.count : next
    }

    func closed(_ now: PeerNow, _ output: inout PeerOutput) {
        phase = .away
        output.events.append(.armTimer(at: .max))
        output.events.append(.open(afterMilliseconds: settings.retryMilliseconds))
    }

    func publish(_ id: UInt64, to name: String, _ body: [UInt8], _ now: PeerNow, _ output: inout PeerOutput) {
        let topic = Self.topic(of: name)
        lastWriteAt = now.milliseconds
        guard settings.qos > 0 else {
            writer.publish(topic: topic, body, packetID: nil, isRepeat: false, &output.bytes)
            return output.events.append(.acknowledged(id))
        }
        flights.append(Flight(id: id, topic: topic, body: body))
        sendWaiting(&output, repeats: 0)
    }

    func timerFired(_ now: PeerNow, _ output: inout PeerOutput) {
        guard phase != .away else { return }
        let interval = UInt64(keepAliveSeconds) * 1000
        if let pingedAt, now.milliseconds - pingedAt >= interval / 2 { return breakOff("MQTT: no PINGRESP", &output) }
        if pingedAt == nil, phase == .open, now.milliseconds - lastWriteAt >= interval {
            writer.ping(&output.bytes)
            lastWriteAt = now.milliseconds
            pingedAt = now.milliseconds
        }
        armTimer(now, &output)
    }

    func leave(_ now: PeerNow, _ output: inout PeerOutput) {
        if phase == .open { writer.disconnect(&output.bytes) }
        phase = .away
    }

    /// The topic of a user's inbox.
    static func topic(of name: String) -> String { "u/" + name }

    private func handle(_ packet: MQTTPacket, _ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) {
        switch (packet, phase) {
        case (.connectAcknowledged(let sessionPresent, let code, let properties), .connecting):
            guard code == 0 else { return breakOff("MQTT: CONNACK \(code)", &output) }
            window = Int(properties.receiveMaximum)
            keepAliveSeconds = properties.keepAliveSeconds ?? settings.keepAliveSeconds
            if let inbox, !sessionPresent {
                phase = .subscribing
                writer.subscribe(Self.subscribePacketID, topic: inbox, qos: settings.qos, &output.bytes)
            } else {
                becomeOpen(resumed: sessionPresent, &output)
            }
        case (.subscribeAcknowledged(Self.subscribePacketID, let code), .subscribing):
            guard code == settings.qos else { return breakOff("MQTT: SUBACK \(code)", &output) }
            becomeOpen(resumed: false, &output)
        case (.publish(let qos, _, let packetID, let payload), .open), (.publish(let qos, _, let packetID, let payload), .subscribing):
            guard qos < 2 else { return breakOff("MQTT: QoS 2 was not asked for", &output) }
            output.deliver(bytes.extracting(payload))
            guard qos == 1 else { return }
            writer.acknowledge(packetID, &output.bytes)
            lastWriteAt = now.milliseconds
        case (.publishAcknowledged(let packetID, let code), .open): acknowledged(packetID, code, &output)
        case (.pong, .open): pingedAt = nil
        case (.disconnect(let code), _): breakOff("MQTT: DISCONNECT \(code)", &output)
        default: breakOff("MQTT: a packet out of turn", &output)
        }
    }

    private func becomeOpen(resumed: Bool, _ output: inout PeerOutput) {
        phase = .open
        // Section 4.4: what wasn't acknowledged goes out again, in its order and under its numbers.
        sendWaiting(&output, repeats: flights.count - flightStart)
        output.events.append(.ready(resumed: resumed))
    }

    /// Sends as much as the server's window lets it; the first `repeats` were sent on an earlier connection.
    private func sendWaiting(_ output: inout PeerOutput, repeats: Int) {
        while phase == .open && sentCount < min(window, flights.count - flightStart) {
            let flight = flights[flightStart + sentCount]
            writer.publish(
                topic: flight.topic, flight.body, packetID: Self.packetID(flight.id), isRepeat: sentCount < repeats, &output.bytes)
            sentCount += 1
        }
    }

    private func acknowledged(_ packetID: UInt16, _ code: UInt8, _ output: inout PeerOutput) {
        // Servers answer in order, so that the first one matches nearly always.
        guard let index = flights[flightStart..<flightStart + sentCount].firstIndex(where: { Self.packetID($0.id) == packetID }) else {
            return breakOff("MQTT: PUBACK of an unknown number", &output)
        }
        let id = flights[index].id
        if index == flightStart {
            flights[index].body = []
            flightStart += 1
        } else {
            flights.remove(at: index)
        }
        sentCount -= 1
        if flightStart == flights.count {
            flights.removeAll(keepingCapacity: true)
            flightStart = 0
        } else if flightStart >= 256 {
            flights.removeFirst(flightStart)
            flightStart = 0
        }
        output.events.append(code < 0x80 ? .acknowledged(id) : .rejected(id))
        sendWaiting(&output, repeats: 0)
    }

    private func breakOff(_ trouble: String, _ output: inout PeerOutput) {
        phase = .away
        output.events.append(.trouble(trouble))
        output.events.append(.close)
    }

    private func armTimer(_ now: PeerNow, _ output: inout PeerOutput) {
        guard keepAliveSeconds > 0 else { return }
        output.events.append(.armTimer(at: now.milliseconds + UInt64(keepAliveSeconds) * 500))
    }

    /// 1 to 65,534, each again after that many: more than any window holds.
    private static func packetID(_ id: UInt64) -> UInt16 { UInt16((id - 1) % UInt64(UInt16.max - 1)) + 1 }
}

/// Makes MQTT clients.
struct MQTTClients: PeerClients {
    let settings: MQTTSettings
    /// What the names of this run's users begin with.
    let run: String

    /// Those of a new run.
    init(_ settings: MQTTSettings) {
        self.settings = settings
        run = "l" + String(UInt32.random(in: .min ... .max), radix: 36)
    }

    func name(_ index: Int) -> String { "\(run)-\(index)" }

    func machine(_ index: Int, _ role: PeerRole) -> any PeerMachine {
        MQTTMachine(settings, clientID: name(index), inbox: role == .phone ? MQTTMachine.topic(of: name(index)) : nil)
    }
}

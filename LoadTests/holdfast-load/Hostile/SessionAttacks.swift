import HoldfastIO
import HoldfastWire

/// Sessions that are logged in, and then send frames that never end: a byte a second. Half of them begin with as much of a frame as the
/// gateway has to keep.
final class SlowFrames: Attack {
    private let count: Int
    private let bodyBytes: Int
    private var up: [ObjectIdentifier: AttackConnection] = [:]
    private var ticks = 0

    init(count: Int, bodyBytes: Int = 60_000) {
        self.count = count
        self.bodyBytes = bodyBytes
    }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for _ in 0..<min(50, max(0, count - attacker.connectionCount)) {
            attacker.connect(ticks % count)
            ticks += 1
        }
        for connection in up.values where connection.welcome != nil {
            connection.step += 1
            if connection.step % 10 == 0 { attacker.write(connection, [0x61]) }
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        attacker.count(units: 1)
        up[ObjectIdentifier(connection)] = connection
        attacker.hello(connection, token: attacker.tokens[connection.number], device: "slow")
    }

    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        guard case .welcome = frame else { return }
        var whole: [UInt8] = []
        let body = [UInt8](repeating: 0x61, count: bodyBytes)
        let name = Array("nobody".utf8)
        ClientFrameWriter.sendTo(MessageSequence(rawValue: connection.sequence), kind: .text, user: name.span, body: body.span, to: &whole)
        attacker.write(connection, Array(connection.number % 2 == 0 ? whole[..<(whole.count - 1000)] : whole[..<8]))
    }

    func ended(_ attacker: Attacker, _ connection: AttackConnection) { up[ObjectIdentifier(connection)] = nil }
}

/// Receivers whose inboxes are full, and who never read; their heartbeats go on.
final class NeverReading: Attack {
    private let receivers: Int
    private let bodyBytes: Int
    private var filled = 0
    /// Of the filler: the last sequence that is stored.
    private var stored: UInt64 = 0
    private var open: Set<Int> = []
    private var deaf: [Int: AttackConnection] = [:]
    private static let window: UInt64 = 100
    private static let ticksPerBeat = 10

    /// The attacker's user 0 fills the inboxes of users 1 to `receivers`.
    init(receivers: Int, bodyBytes: Int = 1000) {
        self.receivers = receivers
        self.bodyBytes = bodyBytes
    }

    var isPrepared: Bool { filled == receivers }

    func prepare(_ attacker: Attacker) { attacker.connect(0) }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for connection in deaf.values {
            connection.step += 1
            if connection.step % Self.ticksPerBeat == 0 { attacker.write(connection, [FrameKind.ping]) }
        }
        // One connection for each receiver: a second one of the same would only fence the first.
        for number in 1...receivers where !open.contains(number) {
            open.insert(number)
            attacker.connect(number)
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        attacker.hello(connection, token: attacker.tokens[connection.number], device: "deaf", isSendOnly: connection.number == 0)
        if connection.number > 0 {
            attacker.count(units: 1)
            deaf[connection.number] = connection
            attacker.loop.pauseReading(connection.id)
        }
    }

    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        guard connection.number == 0 else { return }
        switch frame {
        case .welcome:
            stored = connection.sequence - 1
            fill(attacker, connection)
        case .sent(let through, _):
            stored = max(stored, through.expanded(near: MessageSequence(rawValue: connection.sequence)).rawValue)
            fill(attacker, connection)
        case .refused(let refused):
            if refused.code == .inboxFull { filled += 1 }
            // What follows it was thrown away, and begins anew with this number, to the next receiver.
            connection.sequence = refused.sequence.expanded(near: MessageSequence(rawValue: connection.sequence)).rawValue
            if isPrepared { return attacker.hangUp(connection) }
            fill(attacker, connection)
        default: break
        }
    }

    func ended(_ attacker: Attacker, _ connection: AttackConnection) {
        open.remove(connection.number)
        deaf[connection.number] = nil
    }

    /// Sends as much as may be unanswered.
    private func fill(_ attacker: Attacker, _ connection: AttackConnection) {
        guard !isPrepared else { return }
        let name = Array(attacker.tokens.name(1 + filled).utf8)
        let body = [UInt8](repeating: 0x61, count: bodyBytes)
        attacker.write(connection) { out in
            while connection.sequence <= stored + Self.window {
                ClientFrameWriter.sendTo(
                    MessageSequence(rawValue: connection.sequence), kind: .text, user: name.span, body: body.span, to: &out)
                connection.sequence += 1
            }
        }
    }
}

/// A sender that floods one inbox, over several connections: as much as the protocol lets it, and when the inbox is full again and again
/// what was refused, without waiting.
final class InboxFlood: Attack {
    private let senders: Int
    private let isPatient: Bool
    private let bodyBytes = 100
    /// Each time that the attack begins it has another victim, with an empty inbox.
    private var victims = 0
    private var up: [AttackConnection] = []
    // What is refused is sent again before `SENT` of what came before it is here: half of what may be unanswered.
    private static let window: UInt64 = 60
    // Enough to keep the gateway's loop busy, and little enough to see its answers soon.
    private static let unsentBytes = 64 << 10

    /// - Parameter isPatient: waits for answers; false: sends a refused window again and again, answers or not.
    init(senders: Int, isPatient: Bool) {
        self.senders = senders
        self.isPatient = isPatient
    }

    func begin(_ attacker: Attacker) { victims += 1 }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for number in attacker.connectionCount..<max(senders, attacker.connectionCount) { attacker.connect(number) }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        attacker.hello(connection, token: attacker.tokens[connection.number], device: "flood", isSendOnly: true)
    }

    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        switch frame {
        case .welcome:
            up.append(connection)
            connection.step = 0
            sendWindow(attacker, connection)
            attacker.pumpSoon()
        case .sent(let through, _):
            let stored = through.expanded(near: MessageSequence(rawValue: connection.sequence)).rawValue
            guard stored >= connection.sequence else { return }
            // The window moves on: what is below is stored, the rest is under way.
            let free = stored + 1 - connection.sequence
            connection.sequence = stored + 1
            if connection.step == 0 {
                send(attacker, connection, connection.sequence + Self.window - free..<connection.sequence + Self.window)
            }
        case .refused(let refused):
            connection.sequence = refused.sequence.expanded(near: MessageSequence(rawValue: connection.sequence)).rawValue
            connection.step = 1
            if isPatient { send(attacker, connection, connection.sequence..<connection.sequence + 1) }
        default: break
        }
    }

    func pumped(_ attacker: Attacker) {
        guard !isPatient, attacker.isAttacking else { return }
        for connection in up where connection.step == 1 && attacker.loop.unsentCount(connection.id) < Self.unsentBytes {
            sendWindow(attacker, connection)
        }
        if !up.isEmpty { attacker.pumpSoon() }
    }

    func ended(_ attacker: Attacker, _ connection: AttackConnection) { up.removeAll { $0 === connection } }

    private func sendWindow(_ attacker: Attacker, _ connection: AttackConnection) {
        send(attacker, connection, connection.sequence..<connection.sequence + Self.window)
    }

    private func send(_ attacker: Attacker, _ connection: AttackConnection, _ sequences: Range<UInt64>) {
        let victim = Array((attacker.tokens.name(0) + "-victim\(victims)").utf8)
        let body = [UInt8](repeating: 0x61, count: bodyBytes)
        attacker.count(units: sequences.count)
        attacker.write(connection) { out in
            for sequence in sequences {
                ClientFrameWriter.sendTo(MessageSequence(rawValue: sequence), kind: .text, user: victim.span, body: body.span, to: &out)
            }
        }
    }
}

/// One user logs in on more and more devices.
final class ManyDevices: Attack {
    private let devices: Int
    private let openMax: Int
    private var next = 0

    init(devices: Int, openMax: Int) {
        self.devices = devices
        self.openMax = openMax
    }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for _ in 0..<min(200, max(0, openMax - attacker.connectionCount)) {
            attacker.connect(next % devices)
            next += 1
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        attacker.count(units: 1)
        attacker.hello(connection, token: attacker.tokens[0], device: "device-\(connection.number)")
    }

    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        if case .closed = frame { attacker.hangUp(connection) }
    }
}

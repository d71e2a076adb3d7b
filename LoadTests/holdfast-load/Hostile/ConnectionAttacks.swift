import HoldfastIO
import HoldfastWire

/// Connections that never become sessions: silent ones, and handshakes that stop half way. Each that ends is replaced.
final class SlowConnections: Attack {
    enum Kind {
        /// Connected, and not a byte.
        case silent
        /// To the TLS port: a ClientHello at one byte a second.
        case trickledHandshake
        /// A whole ClientHello, and nothing more: the gateway has done its part of the handshake by then.
        case halfHandshake
        /// The first frame at one byte a second.
        case trickledHello
    }

    private let kind: Kind
    private let count: Int
    private let clientHello: [UInt8]
    private var up: [ObjectIdentifier: AttackConnection] = [:]
    private var ticks = 0
    // So many connects in a tick that the connections come soon, and the listen queue isn't what is measured.
    private static let connectsPerTick = 200
    private static let ticksPerByte = 10

    init(_ kind: Kind, count: Int, clientHello: [UInt8] = []) {
        self.kind = kind
        self.count = count
        self.clientHello = clientHello
    }

    private var isToTLS: Bool { kind == .trickledHandshake || kind == .halfHandshake }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        let missing = min(Self.connectsPerTick, count - attacker.connectionCount)
        for number in 0..<max(0, missing) { attacker.connect(number, to: isToTLS ? .tlsByHand : .phones) }
        ticks += 1
        guard ticks % Self.ticksPerByte == 0, kind == .trickledHandshake || kind == .trickledHello else { return }
        for connection in up.values { trickle(attacker, connection) }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        attacker.count(units: 1)
        up[ObjectIdentifier(connection)] = connection
        switch kind {
        case .silent: break
        case .halfHandshake: attacker.write(connection, clientHello)
        case .trickledHandshake, .trickledHello: trickle(attacker, connection)
        }
    }

    func ended(_ attacker: Attacker, _ connection: AttackConnection) { up[ObjectIdentifier(connection)] = nil }

    private func trickle(_ attacker: Attacker, _ connection: AttackConnection) {
        // A HELLO of 200 bytes: the preface, kind and length are real, the rest never comes to an end.
        let bytes = kind == .trickledHello ? [0x8C, 0x48, 0x46, 0x44, FrameKind.hello, 0xC8, 0x01, 0x01, 0x00, 0x80, 0x01] : clientHello
        guard connection.step < bytes.count else { return }
        attacker.write(connection, [bytes[connection.step]])
        connection.step += 1
    }
}

/// Connects as fast as it is let, and keeps what it gets and what it is refused.
final class ConnectionFlood: Attack {
    private let addresses: Int
    private let toTLS: Bool
    private let openMax: Int
    private var next = 0
    private static let connectsPerTick = 200

    /// - Parameters:
    ///   - addresses: how many addresses it comes from.
    ///   - openMax: connections that it has at most: the load tester's own bound.
    init(addresses: Int, toTLS: Bool = false, openMax: Int) {
        self.addresses = addresses
        self.toTLS = toTLS
        self.openMax = openMax
    }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for _ in 0..<min(Self.connectsPerTick, max(0, openMax - attacker.connectionCount)) {
            next += 1
            attacker.connect(to: toTLS ? .tlsByHand : .phones, from: Attacker.source(next % addresses))
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) { attacker.count(units: 1) }
}

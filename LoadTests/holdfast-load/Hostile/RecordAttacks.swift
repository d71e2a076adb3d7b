import HoldfastIO
import HoldfastWire

/// Sessions over TLS that send records without data, as fast as they can. Each that is closed comes back at once, whatever it was told.
final class KeyUpdates: Attack {
    private let count: Int
    private let tls: TLSClientOptions
    private var up: [AttackConnection] = []
    private var next = 0
    // So many at a time that others have their turn on the attacker's own loop.
    private static let updatesPerTurn = 64
    private static let unsentBytes = 64 << 10

    init(count: Int, tls: TLSClientOptions) {
        self.count = count
        self.tls = tls
    }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for _ in 0..<max(0, count - attacker.connectionCount) {
            attacker.connect(next % count, tls: tls)
            next += 1
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        attacker.hello(connection, token: attacker.tokens[connection.number], device: "keys")
    }

    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        switch frame {
        case .welcome:
            up.append(connection)
            attacker.pumpSoon()
        case .closed: attacker.hangUp(connection)
        default: break
        }
    }

    func pumped(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for connection in up where attacker.loop.unsentCount(connection.id) < Self.unsentBytes {
            attacker.loop.updateKeys(connection.id, count: Self.updatesPerTurn)
            attacker.count(units: Self.updatesPerTurn)
        }
        if !up.isEmpty { attacker.pumpSoon() }
    }

    func ended(_ attacker: Attacker, _ connection: AttackConnection) { up.removeAll { $0 === connection } }
}

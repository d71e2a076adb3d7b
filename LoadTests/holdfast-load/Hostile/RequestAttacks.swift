import HoldfastIO

/// Requests to the control API of which a byte comes each second. Each connection that ends is replaced.
final class SlowRequests: Attack {
    private let count: Int
    private let opening: [UInt8]
    private let rest: [UInt8]
    private var up: [ObjectIdentifier: AttackConnection] = [:]
    private var ticks = 0
    private static let connectsPerTick = 200
    private static let ticksPerByte = 10

    /// - Parameters:
    ///   - count: connections at once.
    ///   - opening: what is sent at once.
    ///   - rest: what comes byte by byte, over and over.
    init(count: Int, opening: String, rest: String) {
        self.count = count
        self.opening = Array(opening.utf8)
        self.rest = Array(rest.utf8)
    }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for number in 0..<max(0, min(Self.connectsPerTick, count - attacker.connectionCount)) { attacker.connect(number, to: .control) }
        ticks += 1
        guard ticks % Self.ticksPerByte == 0 else { return }
        for connection in up.values {
            attacker.write(connection, [rest[connection.step % rest.count]])
            connection.step += 1
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        attacker.count(units: 1)
        up[ObjectIdentifier(connection)] = connection
        attacker.write(connection, opening)
    }

    func ended(_ attacker: Attacker, _ connection: AttackConnection) { up[ObjectIdentifier(connection)] = nil }
}

/// Connections to the control API that send as much as they can: something once, and then one thing over and over. Each that ends is replaced. Units
/// are connections, or answers where one connection gets many.
final class RequestFlood: Attack {
    /// What a connection sends.
    struct Script {
        var opening = ""
        var repeated: String
    }

    private let count: Int
    private let scripts: [(opening: [UInt8], repeated: [UInt8])]
    private let readsAnswers: Bool
    private let countsAnswers: Bool
    private var up: [ObjectIdentifier: AttackConnection] = [:]
    // Enough to keep the gateway busy, and little enough to see its answers soon.
    private static let unsentBytes = 64 << 10
    // A connection that is refused ends at once: without a bound the attack would be one of connects only.
    private static let connectsPerTick = 100

    /// - Parameters:
    ///   - count: connections at once.
    ///   - scripts: each connection has the next one.
    ///   - readsAnswers: whether what is answered is taken.
    ///   - countsAnswers: whether the unit is an answer.
    init(count: Int, _ scripts: [Script], readsAnswers: Bool = true, countsAnswers: Bool = false) {
        self.count = count
        self.scripts = scripts.map { (Array($0.opening.utf8), Array($0.repeated.utf8)) }
        self.readsAnswers = readsAnswers
        self.countsAnswers = countsAnswers
    }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for _ in 0..<max(0, min(Self.connectsPerTick, count - attacker.connectionCount)) {
            attacker.connect(Int.random(in: 0..<scripts.count), to: .control)
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        up[ObjectIdentifier(connection)] = connection
        if !countsAnswers { attacker.count(units: 1) }
        if !readsAnswers { attacker.loop.pauseReading(connection.id) }
        attacker.write(connection, scripts[connection.number].opening)
        attacker.pumpSoon()
    }

    func pumped(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        var hasSent = false
        for connection in up.values where attacker.loop.unsentCount(connection.id) < Self.unsentBytes {
            attacker.write(connection, scripts[connection.number].repeated)
            hasSent = true
        }
        // Where nobody takes anything there is time until the next tick.
        if hasSent { attacker.pumpSoon() }
    }

    func answered(_ attacker: Attacker, _ connection: AttackConnection, _ count: Int) {
        if countsAnswers { attacker.count(units: count) }
    }

    func ended(_ attacker: Attacker, _ connection: AttackConnection) { up[ObjectIdentifier(connection)] = nil }
}

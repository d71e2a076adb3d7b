import Glibc
import HoldfastConnection
import HoldfastGateway
import HoldfastIO
import HoldfastWire

/// Tickets that the gateway never gave out, or that are over: random bytes, a good one with a flipped bit, one of another gateway, an
/// expired one.
final class ForgedTickets: Attack {
    private let ticketKeys: TicketKeys
    private var good: [UInt8] = []
    private var session = SessionID(rawValue: 1)
    private var next = 0
    private static let perTick = 100

    /// - Parameter ticketKeys: the gateway's own, to make an expired ticket that is genuine.
    init(ticketKeys: TicketKeys) { self.ticketKeys = ticketKeys }

    var isPrepared: Bool { !good.isEmpty }

    func prepare(_ attacker: Attacker) { attacker.connect(-1) }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for _ in 0..<Self.perTick {
            attacker.connect(next % 4)
            next += 1
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        guard connection.number >= 0 else { return attacker.hello(connection, token: attacker.tokens[0], device: "forger") }
        attacker.count(units: 1)
        attacker.resume(connection, ticket: forged(connection.number), session: session, attach: AttachNumber(rawValue: 1))
    }

    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        switch frame {
        case .welcome(let welcome) where connection.number < 0: session = welcome.session
        case .ticket where connection.number < 0:
            good = connection.ticket
            attacker.hangUp(connection)
        case .welcome: attacker.count("a forged ticket was taken")
        case .closed: attacker.hangUp(connection)
        default: break
        }
    }

    private func forged(_ kind: Int) -> [UInt8] {
        let day: UInt32 = 86_400
        let now = UInt32(time(nil))
        switch kind {
        case 0: return randomBytes(good.count)
        case 1:
            var flipped = good
            let bit = Int.random(in: 0..<flipped.count * 8)
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            return flipped
        case 2:
            let other = TicketSealer(TicketKeys(firstSecret: randomBytes(32), now: UInt64(now)))
            return other.seal(Ticket(session: session, expires: now + day, flags: []))
        default: return TicketSealer(ticketKeys).seal(Ticket(session: session, expires: now - day, flags: []))
        }
    }
}

/// One good ticket, presented on many connections at once, over and over: each takes the session from the one before.
final class ReplayedTicket: Attack {
    private var ticket: [UInt8] = []
    private var session = SessionID(rawValue: 1)
    private var attach = AttachNumber.none
    private let atOnce: Int

    init(atOnce: Int) { self.atOnce = atOnce }

    var isPrepared: Bool { !ticket.isEmpty }

    func prepare(_ attacker: Attacker) { attacker.connect(-1) }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for _ in attacker.connectionCount..<max(atOnce, attacker.connectionCount) { attacker.connect(0) }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        guard connection.number >= 0 else { return attacker.hello(connection, token: attacker.tokens[0], device: "replayer") }
        attacker.count(units: 1)
        attacker.resume(connection, ticket: ticket, session: session, attach: attach)
    }

    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        switch frame {
        case .welcome(let welcome) where connection.number < 0: (session, attach) = (welcome.session, welcome.attach)
        case .ticket where connection.number < 0:
            ticket = connection.ticket
            attacker.hangUp(connection)
        case .closed: attacker.hangUp(connection)
        default: break
        }
    }
}

/// Acknowledgements and credit against the rules: beyond what was sent, backwards, above the limit, and a window that is changed with every
/// frame.
final class WindowAbuse: Attack {
    private let count: Int
    /// Users that are connected: a second connection would only fence the first.
    private var open: Set<Int> = []
    private var flapping: [ObjectIdentifier: AttackConnection] = [:]
    private static let flapsPerTick = 500

    init(count: Int) { self.count = count }

    func ticked(_ attacker: Attacker) {
        guard attacker.isAttacking else { return }
        for number in 0..<count where open.insert(number).inserted { attacker.connect(number) }
        for connection in flapping.values {
            attacker.count(units: Self.flapsPerTick)
            attacker.write(connection) { out in
                for turn in 0..<Self.flapsPerTick { ClientFrameWriter.credit(messages: turn % 2 == 0 ? 1 : 2, bytes: 1, to: &out) }
            }
        }
    }

    func opened(_ attacker: Attacker, _ connection: AttackConnection) {
        attacker.hello(connection, token: attacker.tokens[connection.number], device: "abuser")
    }

    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        if case .closed = frame { return attacker.hangUp(connection) }
        guard case .welcome(let welcome) = frame else { return }
        attacker.count(units: 1)
        switch connection.number % 5 {
        case 0: acknowledge(attacker, connection, welcome.cursor.rawValue + 1)
        case 1: acknowledge(attacker, connection, welcome.cursor.rawValue &- 1)
        case 2: attacker.write(connection) { ClientFrameWriter.credit(messages: welcome.creditMessages + 1, bytes: 1, to: &$0) }
        case 3: attacker.write(connection) { ClientFrameWriter.credit(messages: 0, bytes: 0, to: &$0) }
        default: flapping[ObjectIdentifier(connection)] = connection
        }
    }

    func ended(_ attacker: Attacker, _ connection: AttackConnection) {
        open.remove(connection.number)
        flapping[ObjectIdentifier(connection)] = nil
    }

    private func acknowledge(_ attacker: Attacker, _ connection: AttackConnection, _ position: UInt64) {
        attacker.write(connection) { ClientFrameWriter.acknowledge(Position(rawValue: position), to: &$0) }
    }
}

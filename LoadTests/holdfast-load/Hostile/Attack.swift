import HoldfastIO
import HoldfastWire

/// What an attacker does. Everything is called on its loop's thread.
protocol Attack: AnyObject {
    /// What there is to do before the measured part; `isPrepared` tells when that is done.
    func prepare(_ attacker: Attacker)
    /// Whether the measured part may begin.
    var isPrepared: Bool { get }
    /// The attack begins, perhaps not for the first time.
    func begin(_ attacker: Attacker)
    /// About every 100 ms, from `prepare` on.
    func ticked(_ attacker: Attacker)
    /// After `Attacker.pumpSoon`.
    func pumped(_ attacker: Attacker)
    /// A connection is up; the preface isn't sent yet.
    func opened(_ attacker: Attacker, _ connection: AttackConnection)
    /// A frame came. `WELCOME` has been looked at already, see `AttackConnection`.
    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>)
    /// The control API has answered so many requests of a connection.
    func answered(_ attacker: Attacker, _ connection: AttackConnection, _ count: Int)
    /// A connection is gone, or didn't come up.
    func ended(_ attacker: Attacker, _ connection: AttackConnection)
}

extension Attack {
    func prepare(_ attacker: Attacker) {}
    var isPrepared: Bool { true }
    func begin(_ attacker: Attacker) {}
    func pumped(_ attacker: Attacker) {}
    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {}
    func answered(_ attacker: Attacker, _ connection: AttackConnection, _ count: Int) {}
    func ended(_ attacker: Attacker, _ connection: AttackConnection) {}
}

/// A connection of an attacker.
final class AttackConnection {
    var id = ConnectionID(rawValue: 0)
    /// Which of the attack's connections; the attack gives it a meaning.
    let number: Int
    let door: AttackDoor
    /// Of the control API: what it answers.
    var answers = StatusScanner()
    var welcome: ServerFrame.Welcome?
    var ticket: [UInt8] = []
    /// The next message's.
    var sequence: UInt64 = 1
    /// For the attack's own use.
    var step = 0
    /// `CLOSED` came, or an answer of the control API.
    var wasTold = false

    init(number: Int, door: AttackDoor) {
        self.number = number
        self.door = door
    }
}

/// Where an attack's connection leads to.
enum AttackDoor {
    /// The gateway's port for phones, or its TLS port with a handshake: what comes is frames.
    case phones
    /// The TLS port, spoken to by hand: what comes isn't looked at.
    case tlsByHand
    /// The control API: what comes is HTTP, of which the status lines are counted.
    case control
}

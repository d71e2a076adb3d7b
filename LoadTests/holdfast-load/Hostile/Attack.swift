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
    /// A connection is gone, or didn't come up.
    func ended(_ attacker: Attacker, _ connection: AttackConnection)
}

extension Attack {
    func prepare(_ attacker: Attacker) {}
    var isPrepared: Bool { true }
    func begin(_ attacker: Attacker) {}
    func pumped(_ attacker: Attacker) {}
    func received(_ attacker: Attacker, _ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {}
    func ended(_ attacker: Attacker, _ connection: AttackConnection) {}
}

/// A connection of an attacker.
final class AttackConnection {
    var id = ConnectionID(rawValue: 0)
    /// Which of the attack's connections; the attack gives it a meaning.
    let number: Int
    /// Bytes that come are no frames: a TLS port that is spoken to by hand.
    let isOpaque: Bool
    var welcome: ServerFrame.Welcome?
    var ticket: [UInt8] = []
    /// The next message's.
    var sequence: UInt64 = 1
    /// For the attack's own use.
    var step = 0
    /// `CLOSED` came.
    var wasTold = false

    init(number: Int, isOpaque: Bool) {
        self.number = number
        self.isOpaque = isOpaque
    }
}

import HoldfastClient
import HoldfastCore

/// One connection between a phone and the gateway, with what is on its way in both directions.
final class Link {
    enum Direction { case up, down }

    enum Item {
        case bytes([UInt8])
        /// The other side has closed, or the connection broke.
        case end(TransportFailure)
    }

    /// What is on its way in one direction, in order.
    struct Pipe {
        var items: [(arrival: UInt64, item: Item)] = []
        /// What is sent goes nowhere, and nobody is told.
        var isDead = false
        /// Nothing follows.
        var hasEnded = false
        var last: UInt64 = 0
    }

    unowned let phone: SimulatedPhone
    let number: Int
    var up = Pipe()
    var down = Pipe()
    /// `none` until the gateway has accepted it, and after it has let go of it.
    var handle = ConnectionHandle.none
    weak var port: SimulatedLoopPort?
    /// When something was last sent.
    var usedAt: UInt64 = 0

    init(_ phone: SimulatedPhone, number: Int, now: UInt64) {
        self.phone = phone
        self.number = number
        usedAt = now
    }
}

import HoldfastClient

/// One simulated phone: what the client library really runs, and what the fleet needs to know of it.
struct Phone {
    var machine: ClientMachine
    /// `ConnectionID.rawValue` of its connection; 0: none. (A generation is never 0.)
    var connection: UInt64 = 0
    /// When its machine wants to be called; `.max`: not.
    var timerAt: UInt64 = .max
    /// Nanoseconds of the monotonic clock at which the present attempt to connect began.
    var attemptedAt: UInt64 = 0
    /// Whose phone it is: the number of the user's token.
    var user: UInt32 = 0
    /// Which of `Fleet.queues` it connects by.
    var queue: UInt8 = 0
    var flags: Flags = []

    /// Small yes-or-no state.
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// Switched off: its timers don't run until it is told to connect.
        static let parked = Flags(rawValue: 1)
        /// Its session is open.
        static let connected = Flags(rawValue: 2)
        /// Counts against the connects in flight.
        static let opening = Flags(rawValue: 4)
        /// Beats outside of its machine, see `Beats`.
        static let beating = Flags(rawValue: 8)
        /// The transport of this attempt is up, and its first frame hasn't been written yet.
        static let introducing = Flags(rawValue: 16)
    }
}

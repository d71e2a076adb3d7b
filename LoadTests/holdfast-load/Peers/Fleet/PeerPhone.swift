extension PeerFleet {
    /// One phone.
    struct Phone {
        let machine: any PeerMachine
        /// `ConnectionID.rawValue` of its connection; 0: none.
        var connection: UInt64 = 0
        /// When its machine wants to be called; `.max`: not.
        var timerAt: UInt64 = .max
        /// When it connects next; `.max`: not.
        var openAt: UInt64 = .max
        /// Nanoseconds of the monotonic clock at which it was told to come online.
        var attemptedAt: UInt64 = 0
        var flags: Flags = [.parked]
    }

    /// Small yes-or-no state of a phone.
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// Switched off.
        static let parked = Flags(rawValue: 1)
        static let ready = Flags(rawValue: 2)
        /// Counts against the connects in flight.
        static let opening = Flags(rawValue: 4)
        /// It is switched off as soon as it is ready.
        static let visiting = Flags(rawValue: 8)
    }

    /// What happened to the connections.
    struct Counters: Sendable {
        /// Phones that are online.
        var ready = 0
        /// Times that a phone came online, with what it had and without.
        var resumed = 0
        var begun = 0
        var connectFailures = 0
        /// Connections that ended without the phone having wanted it.
        var disconnects = 0
        /// What must not happen, by name.
        var troubles: [String: Int] = [:]
    }
}

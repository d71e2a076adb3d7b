package import HoldfastCore
package import HoldfastWire

/// What the table of an event loop counts, as a copy for metrics. The loop's thread owns the counters: they are plain increments.
package struct TableFigures: Sendable {
    /// A count for each transport.
    package struct ByTransport: Equatable, Sendable {
        package var plain = 0
        package var tls = 0

        subscript(isTLS: Bool) -> Int {
            get { isTLS ? tls : plain }
            set { if isTLS { tls = newValue } else { plain = newValue } }
        }
    }

    /// Connections that are up and have no `WELCOME`, that have one, and that are being closed.
    package internal(set) var opening = ByTransport()
    package internal(set) var open = ByTransport()
    package internal(set) var closing = ByTransport()

    /// Openings that ended in a `WELCOME`, by how the client showed who it is.
    package internal(set) var servedByTicket: UInt64 = 0
    package internal(set) var servedByToken: UInt64 = 0
    /// Openings that were told when to come back, that were closed with another code, and whose client went away.
    package internal(set) var openingsDeferred: UInt64 = 0
    package internal(set) var openingsRefused: UInt64 = 0
    package internal(set) var openingsLost: UInt64 = 0

    /// Messages that were handed to the core, repeats included, and bytes of their bodies.
    package internal(set) var messagesIn: UInt64 = 0
    package internal(set) var messageBytesIn: UInt64 = 0
    /// Messages that were confirmed by `SENT`.
    package internal(set) var messagesConfirmed: UInt64 = 0
    /// Messages that were written in `DELIVER`, repeats included, and bytes of their bodies.
    package internal(set) var messagesDelivered: UInt64 = 0
    package internal(set) var messageBytesDelivered: UInt64 = 0
    /// `REFUSED` frames, and `CLOSED` frames.
    package internal(set) var refusals = CountByCode<RefusalCode>()
    package internal(set) var closes = CountByCode<CloseCode>()

    /// As of now.
    package internal(set) var storm = StormFigures()
    /// Command credits and bytes that the loop has left.
    package internal(set) var creditsLeft = 0
    package internal(set) var bytesLeft = 0
    /// Connections that aren't read until there are credits.
    package internal(set) var paused = 0
    /// Tokens of connections of this loop that are being checked.
    package internal(set) var logins = 0

    package init() {}
}

/// Where a storm control stands.
package struct StormFigures: Equatable, Sendable {
    package internal(set) var inFlight = 0
    package internal(set) var inFlightLimit = 0
    package internal(set) var waiting = 0
    /// Openings a second that it reckons with.
    package internal(set) var perSecond = 0
}

extension ConnectionTable {
    /// A copy of what was counted, and how it stands now.
    package var figures: TableFigures {
        var figures = counted
        (figures.messagesIn, figures.messageBytesIn) = (intake.messages, intake.messageBytes)
        figures.storm = StormFigures(
            inFlight: storm.inFlight, inFlightLimit: storm.inFlightLimit, waiting: storm.waiting, perSecond: Int(storm.perSecond))
        (figures.creditsLeft, figures.bytesLeft) = (intake.credits, intake.bytesLeft)
        figures.paused = paused.count - pausedHead
        figures.logins = logins.count
        return figures
    }

    // MARK: - Connections by state

    mutating func countOpened(_ slot: Int, isTLS: Bool) {
        if isTLS { machines[slot].flags.insert(.isTLS) }
        counted.opening[isTLS] += 1
    }

    /// The connection has its `WELCOME`.
    mutating func countWelcome(_ slot: Int) {
        let isTLS = machines[slot].flags.contains(.isTLS)
        machines[slot].flags.insert(.isWelcomed)
        counted.opening[isTLS] -= 1
        counted.open[isTLS] += 1
        if machines[slot].isByTicket { counted.servedByTicket &+= 1 } else { counted.servedByToken &+= 1 }
    }

    /// Nothing more is read or said.
    /// - Parameter code: what the client is told; nil: it leaves by itself.
    mutating func countClosing(_ slot: Int, _ code: CloseCode?) {
        if let code { counted.closes.count(code) }
        guard machines[slot].flags.insert(.isLeft).inserted else { return }
        let isTLS = machines[slot].flags.contains(.isTLS)
        if machines[slot].flags.contains(.isWelcomed) {
            counted.open[isTLS] -= 1
        } else {
            counted.opening[isTLS] -= 1
            countLostOpening(slot, code)
        }
        counted.closing[isTLS] += 1
    }

    /// The connection is gone.
    mutating func countClosed(_ slot: Int) {
        let flags = machines[slot].flags
        if flags.contains(.isLeft) {
            counted.closing[flags.contains(.isTLS)] -= 1
        } else if flags.contains(.isWelcomed) {
            counted.open[flags.contains(.isTLS)] -= 1
        } else {
            counted.opening[flags.contains(.isTLS)] -= 1
            countLostOpening(slot, nil)
        }
    }

    /// Whoever hasn't sent a first frame has opened nothing.
    private mutating func countLostOpening(_ slot: Int, _ code: CloseCode?) {
        guard machines[slot].flags.contains(.hasBegun) else { return }
        switch code {
        case nil: counted.openingsLost &+= 1
        case .overloaded: counted.openingsDeferred &+= 1
        default: counted.openingsRefused &+= 1
        }
    }
}

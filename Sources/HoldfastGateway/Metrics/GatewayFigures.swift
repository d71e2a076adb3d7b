package import HoldfastConnection
package import HoldfastCore
package import HoldfastIO
package import HoldfastWire

/// What the parts of a gateway count, as one copy for metrics. Counters begin at 0 with each start and never fall.
package struct GatewayFigures: Sendable {
    package var loops: [LoopFigures]
    package var core = DriverFigures()
    package var disk = DiskFigures()
    package var storage = StorageFigures()
    package var tokens = TokenFigures()
    package var port = PortFigures()
    package var process = ProcessFigures()
    /// Of the certificate that is shown now; nil: there is none.
    package var certificate: CertificateTimes?
    package var isDraining = false
    /// When this was put together, in monotonic milliseconds.
    package var now: UInt64 = 0
    /// Connections that may be up.
    package var connectionsMax = 0
    /// Sessions that were told when to come back.
    package var slots = 0

    package init(loops: Int) { self.loops = Array(repeating: LoopFigures(), count: loops) }
}

/// Of an event loop.
package struct LoopFigures: Sendable {
    package var table = TableFigures()
    package var io = EventLoopStatistics()
    /// How late a timer's turn came.
    package var lag = Histogram(.latency)
    /// From when a loop took a message in until it wrote the `SENT` for it.
    package var sent = Histogram(.latency)
    /// Connections that ended, by why.
    package var ends = CountByCode<DisconnectReason>()
    /// The thread's time on a CPU.
    package var cpuNanoseconds: UInt64 = 0
    /// When this was counted, in monotonic milliseconds; 0: never.
    package var countedAt: UInt64 = 0

    package init() {}
}

/// Of the core's thread.
package struct DriverFigures: Sendable {
    /// nil before the first answer.
    package var core: CoreFigures?
    /// How long the core's turns take, and how long commands lie in its mailbox before one.
    package var turns = Histogram(.latency)
    package var mailbox = Histogram(.latency)
    /// Records that a reader found damaged, or that an inbox names and the journal lacks.
    package var damagedReads: UInt64 = 0
    /// The next message to expire; nil: none waits on disk.
    package var oldest: OldestUndelivered?
    /// The thread's time on a CPU.
    package var cpuNanoseconds: UInt64 = 0
    /// When this was counted, in monotonic milliseconds; 0: never.
    package var countedAt: UInt64 = 0

    package init() {}
}

/// Of the threads that read and write.
package struct DiskFigures: Sendable {
    /// What a commit takes, its sync included, and what is in it.
    package var commits = Histogram(.latency)
    package var commitRecords = Histogram(.count)
    package var commitBytes = Histogram(.bytes)
    package var checkpoints = Histogram(.latency)
    package var reads = Histogram(.latency)

    package init() {}
}

/// Of the checks of tokens.
package struct TokenFigures: Sendable {
    package var checks = Histogram(.latency)
    package var good: UInt64 = 0
    /// By what the client is told.
    package var refused = CountByCode<CloseCode>()
    /// Checks that were refused because too many waited.
    package var overloaded: UInt64 = 0
    /// Tokens that wait.
    package var waiting = 0

    package init() {}
}

/// Of the door for requests without a connection.
package struct PortFigures: Equatable, Sendable {
    package var creditsLeft = 0
    package var bytesLeft = 0
    /// Requests without credits, and those that have no answer yet.
    package var waiting = 0
    package var underWay = 0
}

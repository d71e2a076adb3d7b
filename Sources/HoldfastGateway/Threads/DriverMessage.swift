internal import HoldfastCore

/// What other threads tell the core's.
enum DriverMessage: Sendable {
    case core(CoreMessage)
    case roomCounted
    /// For the log: whose connection it was.
    case closing(ClosingNote)
    /// For metrics: tell the collector what was counted.
    case count(FigureCollector)
    case foundOldest(OldestUndelivered?)
}

/// What the reader threads do.
enum ReaderJob: Sendable {
    case core(CoreJob)
    case countRoom
    /// A user's name, for the log.
    case name(ClosingNote)
    case checkPlace
    /// For metrics: the next message to expire.
    case findOldest
}

internal import HoldfastCore

/// What other threads tell the core's.
enum CoreMessage: Sendable {
    /// What clients want; `done` is a batch of effects that the loop has carried out, to be used again.
    case commands(CommandBatch, done: EffectBatch?)
    /// The batch in the journal is synced.
    case committed
    case read(ReadResults)
    case checkpointWritten(CheckpointResult)
    case trimPlanned(TrimPlan)
    case expiryPlanned(ExpiryPlan)
    case roomCounted
    /// A stop has begun: write now what would otherwise have to be written at its end.
    case checkpoint
    /// Do what is under way, write a checkpoint if that is quick, and end.
    case finish
    /// For the log: whose connection it was.
    case closing(ClosingNote)
}

/// What the reader threads do.
enum ReadJob: Sendable {
    case rows(ReadRequests)
    case trim(TrimJob)
    case expiry(ExpiryJob)
    /// While room is low.
    case countRoom
    /// A user's name, for the log.
    case name(ClosingNote)
    case checkPlace
    /// After a checkpoint: what its rows took.
    case giveMemoryBack
}

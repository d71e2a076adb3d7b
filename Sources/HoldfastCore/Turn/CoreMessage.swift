package import HoldfastWire

/// What the core is told.
package enum CoreMessage: Sendable {
    /// What clients or backends want; `done` is a batch of effects that the loop has carried out, to be used again.
    case commands(CommandBatch, done: EffectBatch?)
    /// The journal has synced everything up to here: one batch or several.
    case committed(through: Position)
    case read(ReadResults)
    case answered(QueryResult)
    case checkpointWritten(CheckpointResult)
    case trimPlanned(TrimPlan)
    case expiryPlanned(ExpiryPlan)
    case auditSwept(AuditSweepResult)
    case ledgerPlanned(LedgerPlan)
    /// A stop has begun: write now what would otherwise have to be written at its end.
    case requestCheckpoint
    /// Nothing comes any more: write all that there is (see `CoreTurn.isFinished`).
    case finish
}

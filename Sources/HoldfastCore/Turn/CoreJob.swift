import Synchronization

/// What the core wants of a disk, to be done by another thread: the core is told the message that `run` returns.
package enum CoreJob: Sendable {
    case commit(JournalBatch)
    case read(ReadRequests)
    case writeCheckpoint(CheckpointJob)
    case planTrim(TrimJob)
    case planExpiry(ExpiryJob)
    case query(QueryJob)
    case sweepAudit(AuditSweep)
    case sweepLedger(LedgerJob)
    case giveMemoryBack(ReleasedMemory)

    /// Jobs of one lane run one after the other; of readers there may be several.
    package enum Lane: Sendable {
        case journal, readers, checkpoints
    }

    package var lane: Lane {
        switch self {
        case .commit: .journal
        case .writeCheckpoint: .checkpoints
        case .read, .planTrim, .planExpiry, .query, .sweepAudit, .sweepLedger, .giveMemoryBack: .readers
        }
    }

    /// - Returns: what the core is to be told; nil when it waits for no answer.
    package func run(on storage: any Storage) throws(StorageError) -> CoreMessage? {
        switch self {
        case .commit(let batch):
            try storage.commitUntilSynced(batch)
            return .committed(through: batch.lastPosition)
        case .read(let requests): return .read(try requests.run(on: storage))
        case .writeCheckpoint(let job): return .checkpointWritten(try job.run(on: storage))
        case .planTrim(let job): return .trimPlanned(try job.run(on: storage))
        case .planExpiry(let job): return .expiryPlanned(try job.run(on: storage))
        case .query(let job): return .answered(try job.run(on: storage))
        case .sweepAudit(let job): return .auditSwept(try job.run(on: storage))
        case .sweepLedger(let job): return .ledgerPlanned(try job.run(on: storage))
        case .giveMemoryBack(let released):
            released.free()
            try storage.giveMemoryBack()
            return nil
        }
    }
}

/// Tables that the core has let go of. To free their rows takes milliseconds, which a thread has that nobody waits for.
package final class ReleasedMemory: Sendable {
    private let tables: Mutex<[any Sendable]>

    init(_ tables: [any Sendable]) { self.tables = Mutex(tables) }

    func free() { tables.withLock { $0 = [] } }
}

internal import HoldfastCore
internal import Synchronization

/// What the threads that read and write measure. A lock for each commit, checkpoint and read, beside which it is nothing; never one for a message.
final class DiskMeter: Sendable {
    private let figures = Mutex(DiskFigures())

    var current: DiskFigures { figures.withLock { $0 } }

    /// A job of the core's was carried out.
    func note(_ job: CoreJob, microseconds: UInt64) {
        figures.withLock { figures in
            switch job {
            case .commit(let batch):
                figures.commits.observe(microseconds)
                figures.commitRecords.observe(UInt64(batch.entries.count))
                figures.commitBytes.observe(UInt64(batch.byteCount))
            case .writeCheckpoint: figures.checkpoints.observe(microseconds)
            case .giveMemoryBack: break
            default: figures.reads.observe(microseconds)
            }
        }
    }
}

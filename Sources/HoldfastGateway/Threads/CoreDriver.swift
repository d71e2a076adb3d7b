internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastWire
internal import Logging
internal import Synchronization

/// The core's thread: takes what the loops, the journal and the readers have for the core, and carries what it wants to them.
///
/// It never waits for anybody but its own mailbox. Confined to its thread once that runs; made on another, hence `@unchecked Sendable`.
final class CoreDriver: @unchecked Sendable {
    private var turn: CoreTurn
    private let mailbox: ThreadMailbox<DriverMessage>
    private let loops: [LoopMailbox]
    /// Its door comes after those of the loops.
    private let port: CorePort
    /// Where operators' acts are written for log collectors; nil: nowhere.
    private let audit: AuditFile?
    private let load: GatewayLoad
    private let logger: Logger
    private let journal: WorkerPool<CoreJob>
    private let readers: WorkerPool<ReaderJob>
    private let checkpoints: WorkerPool<CoreJob>
    private var room: RoomWatch
    /// When the place of the files is looked at next, in monotonic milliseconds.
    private var nextPlaceCheck: UInt64 = 0
    /// Set by `finish`: when to stop waiting, in monotonic milliseconds.
    private var finishBy: UInt64?
    /// For metrics; what the core counts is added when somebody asks.
    private var counted = DriverFigures()

    /// What the last checkpoint of a stop may take, then the last commit, and then the threads that read and write. Together with the time for
    /// clients to leave, a stop takes less than the 10 seconds that container runtimes wait: what is missing is replayed at the next start.
    private static let checkpointMilliseconds: UInt64 = 1_500
    private static let commitMilliseconds: UInt64 = 500
    private static let threadsMilliseconds: UInt64 = 500
    private static let placeCheckMilliseconds: UInt64 = 1_000
    /// At a stop: an acknowledgement's record and a checkpoint wait for time.
    private static let finishWaitMilliseconds: UInt64 = 10

    /// - Parameter failed: told of an error that ends the process, from any thread.
    init(
        _ turn: consuming CoreTurn, storage: any Storage, mailbox: ThreadMailbox<DriverMessage>, loops: [LoopMailbox], port: CorePort,
        audit: AuditFile?, load: GatewayLoad, meter: DiskMeter, readers: Int, nearFullBytes: Int, logger: Logger,
        failed: @escaping @Sendable (StorageError) -> Void
    ) throws(IOError) {
        self.turn = turn
        self.mailbox = mailbox
        self.loops = loops
        self.port = port
        self.audit = audit
        self.load = load
        self.logger = logger
        room = RoomWatch(storage, nearBytes: nearFullBytes, logger)
        journal = try WorkerPool(name: "journal", count: 1) { job in
            Self.attempt(failed) { () throws(StorageError) in
                let start = SystemClock.monotonicMicroseconds()
                let message = try job.run(on: storage)
                let microseconds = SystemClock.monotonicMicroseconds() - start
                load.committed(microseconds: microseconds)
                if let message { mailbox.post(.core(message)) }
                meter.note(job, microseconds: microseconds)
            }
        }
        self.readers = try WorkerPool(name: "reader", count: readers) { job in
            Self.attempt(failed) { () throws(StorageError) in
                switch job {
                case .core(let job):
                    try Self.run(job, on: storage, mailbox, meter)
                    if case .giveMemoryBack = job { ProcessMemory.giveBack() }
                case .countRoom:
                    try storage.countRoom()
                    mailbox.post(.roomCounted)
                case .name(let closing):
                    // Only the line lacks what can't be read.
                    closing.write((try? Core.userName(closing.user, on: storage)) ?? nil, to: logger)
                case .checkPlace: try storage.checkPlace()
                case .findOldest: mailbox.post(.foundOldest(try OldestUndelivered.read(storage)))
                }
            }
        }
        checkpoints = try WorkerPool(name: "checkpoint", count: 1) { job in
            Self.attempt(failed) { () throws(StorageError) in
                try Self.run(job, on: storage, mailbox, meter)
            }
        }
    }

    private static func run(
        _ job: CoreJob, on storage: any Storage, _ mailbox: ThreadMailbox<DriverMessage>, _ meter: DiskMeter
    ) throws(StorageError) {
        let start = SystemClock.monotonicMicroseconds()
        if let message = try job.run(on: storage) { mailbox.post(.core(message)) }
        meter.note(job, microseconds: SystemClock.monotonicMicroseconds() - start)
    }

    /// Runs until `finish`, or until `isStopped` says that somebody failed.
    func run(isStopped: () -> Bool) {
        var messages = ContiguousArray<DriverMessage>()
        readers.post(.findOldest)
        while !isStopped() {
            mailbox.take(into: &messages, waitingMilliseconds: waitMilliseconds())
            let now = SystemClock.coreTime()
            let start = SystemClock.monotonicMicroseconds()
            // From the back, so that each is taken out of the array and its buffers can be used again.
            messages.reverse()
            while let message = messages.popLast() { handle(message, now, microseconds: start) }
            turn.run(now: now) { room.bytes(checkpoint: $0, now: now.monotonic) }
            carryOut(now)
            counted.turns.observe(SystemClock.monotonicMicroseconds() - start)
            if isFinished(now) { break }
        }
        let end = SystemClock.monotonicMilliseconds() + Self.threadsMilliseconds
        let areStopped = [journal.stop(until: end), readers.stop(until: end), checkpoints.stop(until: end)]
        if areStopped.contains(false) {
            logger.warning("the disk isn't done in time: the process ends all the same, and the next start replays what the store lacks")
        }
    }

    private static func attempt(
        _ failed: (StorageError) -> Void, _ body: () throws(StorageError) -> Void
    ) {
        do throws(StorageError) {
            try body()
        } catch {
            failed(error)
        }
    }

    private func waitMilliseconds() -> Int {
        let milliseconds = turn.waitMilliseconds(now: SystemClock.coreTime())
        return Int(finishBy == nil ? milliseconds : min(milliseconds, Self.finishWaitMilliseconds))
    }

    private func handle(_ message: consuming DriverMessage, _ now: CoreTime, microseconds: UInt64) {
        switch consume message {
        case .core(let message):
            switch message {
            case .commands(let batch, _):
                room.isUsed(now: now.monotonic)
                if batch.takenAt > 0 { counted.mailbox.observe(microseconds - min(microseconds, batch.takenAt)) }
            // It alone changes what inboxes on disk hold.
            case .checkpointWritten: readers.post(.findOldest)
            case .read(let results): report(results)
            case .finish: finishBy = now.monotonic + Self.checkpointMilliseconds
            default: break
            }
            turn.take(message, now: now)
        case .roomCounted: room.counted()
        case .count(let collector): count(for: collector, now)
        case .foundOldest(let oldest): counted.oldest = oldest
        case .closing(let closing):
            guard let name = turn.userName(closing.user) else { return readers.post(.name(closing)) }
            closing.write(name, to: logger)
        }
    }

    private func count(for collector: FigureCollector, _ now: CoreTime) {
        var figures = counted
        figures.core = turn.figures
        figures.cpuNanoseconds = ProcessFigures.threadNanoseconds()
        figures.countedAt = now.monotonic
        collector.take(figures)
    }

    private func report(_ results: ReadResults) {
        counted.damagedReads &+= UInt64(results.damaged.count + results.missing.count)
        for position in results.damaged {
            logger.error(
                "damaged record", metadata: ["position": "\(position.rawValue)", "do": "run holdfast verify; the recipient gets a GAP"])
        }
        for position in results.missing {
            logger.error(
                "an inbox names a record that the journal doesn't have",
                metadata: [
                    "position": "\(position.rawValue)", "do": "stop the gateway and run holdfast repair --dry-run; the inbox waits",
                ])
        }
    }

    private func report(_ notice: HoldNotice) {
        logger.warning(
            "a hold on the journal gave way",
            metadata: [
                "hold": "\(notice.name)", "cause": "\(notice.cause)", "from": "\(notice.from.rawValue)", "to": "\(notice.to.rawValue)",
                "do": "what lies between is lost to who has the hold: let it keep up, or raise its limit or the disk's room",
            ])
    }

    private func carryOut(_ now: CoreTime) {
        while let job = turn.takeJob(now: now) {
            switch job.lane {
            case .journal: journal.post(job)
            case .readers: readers.post(.core(job))
            case .checkpoints: checkpoints.post(job)
            }
        }
        for loop in loops.indices {
            if let (effects, spare) = turn.takeEffects(door: loop) { loops[loop].post(.effects(effects, spare: spare)) }
        }
        if let (effects, _) = turn.takeEffects(door: loops.count) { port.take(effects) }
        port.committed(through: turn.committedThrough)
        if turn.takeGiveBack() { for loop in loops { loop.post(.giveMemoryBack) } }
        load.setTimeOffset(turn.timeOffset)
        if let notice = turn.takeClockNotice() { ClockLog.write(notice, to: logger) }
        for notice in turn.takeHoldNotices() { report(notice) }
        let acts = turn.takeAuditNotices()
        if !acts.isEmpty { audit?.write(acts) }
        if room.takeCount() { readers.post(.countRoom) }
        if now.monotonic >= nextPlaceCheck {
            nextPlaceCheck = now.monotonic + Self.placeCheckMilliseconds
            readers.post(.checkPlace)
        }
    }

    /// At a stop: whether everything is stored, or the time is over. What was acknowledged is safe either way.
    private func isFinished(_ now: CoreTime) -> Bool {
        guard let finishBy else { return false }
        if turn.isFinished { return true }
        guard now.monotonic >= finishBy else { return false }
        return turn.isStored || now.monotonic >= finishBy + Self.commitMilliseconds
    }
}

internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastWire
internal import Logging
internal import Synchronization

/// The core's thread: takes what the loops, the journal and the readers have for the core, and carries what it wants to them.
///
/// It never waits for anybody but its own inbox. Confined to its thread once that runs; made on another, hence `@unchecked Sendable`.
final class CoreDriver: @unchecked Sendable {
    private var core: Core
    private let storage: any Storage
    private let inbox: Inbox<CoreMessage>
    private let loops: [LoopMailbox]
    private let load: GatewayLoad
    private let logger: Logger
    private let journal: WorkerPool<JournalBatch>
    private let readers: WorkerPool<ReadJob>
    private let checkpoints: WorkerPool<CheckpointJob>
    /// Emptied batches, whose room the loops use again.
    private var spares: [CommandBatch] = []
    private var nextTick: UInt64 = 0
    /// When the room is counted next while it is low, in monotonic milliseconds.
    private var nextRoomCount: UInt64 = 0
    private var roomNotices: RoomNotices
    private var readerNotices = ReaderNotices()
    /// A reader counts the room, or will: on a slow disk one count at a time.
    private var isCountingRoom = false
    /// When the place of the files is looked at next, in monotonic milliseconds.
    private var nextPlaceCheck: UInt64 = 0
    /// Commands have been handled or a checkpoint has let go of rows since freed memory was given back.
    private var holdsFreedMemory = false
    /// The loops have been told to let go of theirs: the allocator comes after them.
    private var isGivingBack = false
    /// When the last commands came, in monotonic milliseconds.
    private var lastCommands: UInt64 = 0
    /// Set by `finish`: when to stop waiting, in monotonic milliseconds.
    private var finishBy: UInt64?

    private static let tickMilliseconds = 50
    /// What the last checkpoint of a stop may take, then the last commit, and then the threads that read and write. Together with the time for
    /// clients to leave, a stop takes less than the 10 seconds that container runtimes wait: what is missing is replayed at the next start.
    private static let checkpointMilliseconds: UInt64 = 1_500
    private static let commitMilliseconds: UInt64 = 500
    private static let threadsMilliseconds: UInt64 = 500

    /// - Parameter failed: told of an error that ends the process, from any thread.
    init(
        _ core: consuming Core, storage: any Storage, inbox: Inbox<CoreMessage>, loops: [LoopMailbox], load: GatewayLoad, readers: Int,
        nearFullBytes: Int, logger: Logger,
        failed: @escaping @Sendable (StorageError) -> Void
    ) throws(IOError) {
        self.core = core
        self.storage = storage
        self.inbox = inbox
        self.loops = loops
        self.load = load
        self.logger = logger
        roomNotices = RoomNotices(nearBytes: nearFullBytes)
        journal = try WorkerPool(name: "journal", count: 1) { batch in
            Self.attempt(failed) { () throws(StorageError) in
                let start = SystemClock.monotonicMicroseconds()
                try storage.commit(batch)
                load.committed(microseconds: SystemClock.monotonicMicroseconds() - start)
                inbox.post(.committed)
            }
        }
        self.readers = try WorkerPool(name: "reader", count: readers) { job in
            Self.attempt(failed) { () throws(StorageError) in
                switch job {
                case .rows(let requests): inbox.post(.read(try requests.run(on: storage)))
                case .trim(let job): inbox.post(.trimPlanned(try job.run(on: storage)))
                case .expiry(let job): inbox.post(.expiryPlanned(try job.run(on: storage)))
                case .countRoom:
                    try storage.countRoom()
                    inbox.post(.roomCounted)
                case .name(let closing):
                    // Only the line lacks what can't be read.
                    closing.write((try? Core.userName(closing.user, on: storage)) ?? nil, to: logger)
                case .checkPlace: try storage.checkPlace()
                case .giveMemoryBack:
                    try storage.giveMemoryBack()
                    ProcessMemory.giveBack()
                }
            }
        }
        checkpoints = try WorkerPool(name: "checkpoint", count: 1) { job in
            Self.attempt(failed) { () throws(StorageError) in inbox.post(.checkpointWritten(try job.run(on: storage))) }
        }
    }

    /// Runs until `finish`, or until `isStopped` says that somebody failed.
    func run(isStopped: () -> Bool) {
        var messages = ContiguousArray<CoreMessage>()
        while !isStopped() {
            inbox.take(into: &messages, waitingMilliseconds: waitMilliseconds())
            let now = SystemClock.coreTime()
            // From the back, so that each is taken out of the array and its buffers can be used again.
            messages.reverse()
            while let message = messages.popLast() {
                handle(message, now)
                // Journal and readers don't wait until all the others are handled.
                submit(now)
            }
            tick(now)
            if core.hasCheckpointSlices { core.continueCheckpoint() }
            carryOut(now)
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
        // A stop goes through the slices of a checkpoint without a pause.
        if finishBy != nil { return 1 }
        // Neither do its slices wait for the next tick: whoever sends may be waiting for the checkpoint.
        if core.hasCheckpointSlices { return 0 }
        let now = SystemClock.monotonicMilliseconds()
        return nextTick > now ? Int(nextTick - now) : 0
    }

    private func handle(_ message: consuming CoreMessage, _ now: CoreTime) {
        switch consume message {
        case .commands(var batch, let done):
            if let done { core.reuse(done, of: batch.loop) }
            core.handle(batch, now: now)
            lastCommands = now.monotonic
            if batch.commands.count >= Self.busyCommands { holdsFreedMemory = true }
            batch.commands.removeAll(keepingCapacity: true)
            batch.bytes.removeAll(keepingCapacity: batch.bytes.capacity <= Self.spareBytesMax)
            if spares.count < 2 * loops.count { spares.append(batch) }
        case .committed: core.committed(now: now)
        case .read(let results):
            core.read(results)
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
        case .checkpointWritten(let result):
            core.checkpointWritten(result)
            holdsFreedMemory = true
        case .trimPlanned(let plan): core.trimPlanned(plan)
        case .expiryPlanned(let plan): core.expiryPlanned(plan)
        case .finish:
            finishBy = now.monotonic + Self.checkpointMilliseconds
            core.requestCheckpoint()
        case .checkpoint: core.requestCheckpoint()
        case .roomCounted: isCountingRoom = false
        case .closing(let closing):
            guard let name = core.userName(closing.user) else { return readers.post(.name(closing)) }
            closing.write(name, to: logger)
        }
    }

    private static let spareBytesMax = 1 << 20
    /// A batch of so many leaves room behind that is worth giving back.
    private static let busyCommands = 64
    private static let quietMilliseconds: UInt64 = 1_000

    private func tick(_ now: CoreTime) {
        guard now.monotonic >= nextTick || finishBy != nil else { return }
        nextTick = now.monotonic + UInt64(Self.tickMilliseconds)
        tickRoom(now)
        if now.monotonic >= nextPlaceCheck {
            nextPlaceCheck = now.monotonic + Self.placeCheckMilliseconds
            readers.post(.checkPlace)
        }
        load.setTimeOffset(core.timeOffset)
        if let notice = core.takeClockNotice() { ClockLog.write(notice, to: logger) }
        // The allocator is locked meanwhile: not while there is traffic, which would use that memory again anyway.
        if isGivingBack {
            isGivingBack = false
            readers.post(.giveMemoryBack)
        }
        if holdsFreedMemory, now.monotonic &- lastCommands >= Self.quietMilliseconds, core.isQuiet, !core.isCheckpointing {
            holdsFreedMemory = false
            core.giveMemoryBack()
            spares = []
            for loop in loops { loop.post(.giveMemoryBack) }
            isGivingBack = true
        }
    }

    /// Room is counted by a reader: every second while it is low, because nothing may be committed then that would lead to it; and now and then
    /// while messages come, so that views of commands that died are let go of, and those that stand still are seen.
    private func tickRoom(_ now: CoreTime) {
        let roomBytes = storage.roomBytes(checkpointRows: core.checkpointRows)
        core.ticked(now: now, isSpaceLow: roomBytes == 0, roomBytes: roomBytes)
        let holder = storage.pageHolder
        // Also for as long as somebody is named: nobody else would see the end of it.
        let isWatched = holder != nil || lastCommands &+ Self.watchMilliseconds >= now.monotonic
        if now.monotonic >= nextRoomCount, roomBytes == 0 || isWatched, !isCountingRoom {
            isCountingRoom = true
            nextRoomCount = now.monotonic + (roomBytes == 0 ? Self.roomCountMilliseconds : Self.watchMilliseconds)
            readers.post(.countRoom)
        }
        if let notice = readerNotices.update(holder, now: now.monotonic) { ReaderNotices.write(notice, to: logger) }
        switch roomNotices.update(roomBytes == 0 ? storage.lowRoom.cause : nil, roomBytes: roomBytes, now: now.monotonic) {
        case .refusing: logger.warning("new messages are refused with storageFull: \(storage.lowRoom.text)")
        case .nearlyFull:
            logger.warning(
                "there is little room left: new messages will be refused with storageFull when recipients that are away have filled it",
                metadata: ["roomBytes": "\(roomBytes)", "narrowest": "\(storage.lowRoom.text)"])
        case .takingAgain: logger.notice("there is room again: new messages are taken")
        case nil: break
        }
    }

    private static let roomCountMilliseconds: UInt64 = 1_000
    private static let watchMilliseconds: UInt64 = 5_000
    private static let placeCheckMilliseconds: UInt64 = 1_000

    private func submit(_ now: CoreTime) {
        if let batch = core.takeBatch(now: now) { journal.post(batch) }
        while let requests = core.takeReads() { readers.post(.rows(requests)) }
    }

    private func carryOut(_ now: CoreTime) {
        submit(now)
        if let job = core.takeCheckpoint() { checkpoints.post(job) }
        if let job = core.takeTrim() { readers.post(.trim(job)) }
        if let job = core.takeExpiry() { readers.post(.expiry(job)) }
        for loop in loops.indices {
            guard let effects = core.takeEffects(loop: loop) else { continue }
            loops[loop].post(.effects(effects, spare: takeSpare(loop)))
        }
    }

    private func takeSpare(_ loop: Int) -> CommandBatch {
        guard var spare = spares.popLast() else { return CommandBatch(loop: loop) }
        spare.loop = loop
        return spare
    }

    /// At a stop: whether everything is stored, or the time is over. What was acknowledged is safe either way.
    private func isFinished(_ now: CoreTime) -> Bool {
        guard let finishBy else { return false }
        if !core.hasWork && core.isCheckpointed { return true }
        // What changed after the last one began, the goodbyes of connections for instance.
        if !core.isCheckpointing { core.requestCheckpoint() }
        guard now.monotonic >= finishBy else { return false }
        return !core.hasWork || now.monotonic >= finishBy + Self.commitMilliseconds
    }
}

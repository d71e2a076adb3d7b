package import HoldfastWire

// The one driver of the core: messages go in, jobs and effects come out.
//
//     take(message) ──►  run(now:) ──►  takeJob(now:)       -> a disk, answered by a message
//                            │          takeEffects(door:)  -> an event loop, answered by a batch of commands
//                            └─ again while `hasMore`, else after `waitMilliseconds`
//
// The gateway's thread, the simulator, the fuzz targets and the tests all run this and nothing else of the core, so that what is proven is what
// serves. A run is bounded: commands, what follows from a commit, answers of the readers and checkpoints are done in slices, and new messages
// are taken in between. How long one takes is counted in steps of work, because the core has no clock.

/// The core, and what waits for it.
package struct CoreTurn: ~Copyable {
    var core: Core
    /// Commands that haven't run, of each loop, then of each port.
    private var doors: ContiguousArray<Door>
    /// The door that is served next.
    private var nextDoor = 0
    /// Answers of the readers: the first may be half taken.
    private var answers = ContiguousArray<ReadAnswer>()
    private var memory: MemoryState
    private var lastTick: UInt64?
    private var isFinishing = false

    /// - Parameter ports: how many of the core's doors are ports.
    package init(_ core: consuming Core, ports: Int = 0) {
        let loops = core.outbox.doors.count - ports
        doors = ContiguousArray((0..<core.outbox.doors.count).map { Door(weight: $0 < loops ? Door.loopWeight : Door.portWeight) })
        memory = MemoryState(doors: core.outbox.doors.count)
        self.core = core
    }

    package var doorCount: Int { doors.count }

    // MARK: In

    /// Takes a message; what follows from it is done by `run`.
    package mutating func take(_ message: consuming CoreMessage, now: CoreTime) {
        switch consume message {
        case .commands(let batch, let done):
            precondition(doors.indices.contains(batch.door), "commands come by a door")
            if let done { core.reuse(done, of: batch.door) }
            memory.tookCommands(batch.commands.count, now: now)
            doors[batch.door].batches.append(batch)
        case .committed(let position): core.committed(through: position)
        case .read(let results): answers.append(ReadAnswer(results))
        case .answered(let result): core.answered(result)
        case .checkpointWritten(let result):
            core.checkpointWritten(result)
            memory.freedRows()
        case .trimPlanned(let plan): core.trimPlanned(plan)
        case .expiryPlanned(let plan): core.expiryPlanned(plan)
        case .auditSwept(let result): core.auditSwept(result)
        case .ledgerPlanned(let plan): core.ledgerPlanned(plan)
        case .requestCheckpoint: core.requestCheckpoint()
        case .finish:
            isFinishing = true
            core.requestCheckpoint()
        }
    }

    // MARK: Work

    /// Does a slice of each kind of work, and what the time brings about.
    /// - Parameter room: asked at a tick: how many bytes of records may be stored before new messages have to be refused, with a checkpoint of
    ///   these rows to come; 0: they have to be.
    package mutating func run(now: CoreTime, room: (CheckpointRows) -> Int) {
        core.advance(now)
        tick(now, room)
        core.settleSlice(steps: core.configuration.turnSteps)
        runAnswers(steps: core.configuration.turnSteps)
        runCommands(steps: core.configuration.turnSteps)
        core.scanUsers(steps: core.configuration.turnSteps)
        core.continueCheckpoint()
        core.trimCache()
        // What changed after the last one began, the goodbyes of connections for instance.
        if isFinishing, !core.isCheckpointing { core.requestCheckpoint() }
    }

    private mutating func tick(_ now: CoreTime, _ room: (CheckpointRows) -> Int) {
        guard now.monotonic >= nextTick else { return }
        lastTick = now.monotonic
        let bytes = room(core.checkpointRows)
        core.ticked(isSpaceLow: bytes == 0, roomBytes: bytes)
        memory.tick(&core, isQuiet: isQuiet, now: now)
    }

    private mutating func runAnswers(steps: Int) {
        var left = steps
        while left > 0, !answers.isEmpty {
            if core.take(&answers[0], steps: &left) { answers.removeFirst() }
        }
        core.runReady(steps: &left)
    }

    /// The doors take turns by their weights, so that one with much to say holds up no other.
    private mutating func runCommands(steps: Int) {
        var left = steps
        var idle = 0
        while left > 0, idle < doors.count {
            let count = doors[nextDoor].run(&core, memory: &memory, steps: min(left, doors[nextDoor].stepsAtOnce))
            left -= count
            idle = count == 0 ? idle + 1 : 0
            nextDoor = nextDoor + 1 == doors.count ? 0 : nextDoor + 1
        }
    }

    // MARK: Out

    /// What a disk is to do next; to be called until there is nothing.
    package mutating func takeJob(now: CoreTime) -> CoreJob? {
        if let batch = core.takeBatch(now: now) { return .commit(batch) }
        if let requests = core.takeReads() { return .read(requests) }
        if let job = core.takeCheckpoint() { return .writeCheckpoint(job) }
        if let job = core.takeTrim() { return .planTrim(job) }
        if let job = core.takeExpiry() { return .planExpiry(job) }
        if let job = core.takeQuery() { return .query(job) }
        if let job = core.takeAuditSweep() { return .sweepAudit(job) }
        if let job = core.takeLedgerJob() { return .sweepLedger(job) }
        return memory.takeReleased().map(CoreJob.giveMemoryBack)
    }

    /// What a door is to do, in order, and an empty batch for its next commands; nil when there is nothing.
    package mutating func takeEffects(door: Int) -> (effects: EffectBatch, spare: CommandBatch)? {
        guard let effects = core.takeEffects(door: door) else { return nil }
        return (effects, memory.takeSpare(door))
    }

    /// Whether the loops are to let go of memory that they hold for traffic; once.
    package mutating func takeGiveBack() -> Bool { memory.takeGiveBack() }

    /// What the log is to say of the machine's clock.
    package mutating func takeClockNotice() -> ClockNotice? { core.takeClockNotice() }

    /// Holds that gave way to a limit or to a full disk, for the log.
    package mutating func takeHoldNotices() -> [HoldNotice] { core.takeHoldNotices() }

    /// Acts of operators that are synced, for the file that log collectors read.
    package mutating func takeAuditNotices() -> [AuditEntry] { core.takeAuditNotices() }

    // MARK: Time

    /// Whether `run` has something to do now.
    package var hasMore: Bool {
        !answers.isEmpty || !core.ready.isEmpty || core.isSettling || core.hasCheckpointSlices || !core.userScans.isEmpty
            || doors.contains { !$0.batches.isEmpty }
    }

    /// How long nothing has to be done unless a message comes; 0 while `hasMore`.
    package func waitMilliseconds(now: CoreTime) -> UInt64 {
        if hasMore { return 0 }
        return nextTick > now.monotonic ? nextTick - now.monotonic : 0
    }

    /// Of a core that has nothing to do only time itself is told, now and then.
    private var nextTick: UInt64 {
        guard let lastTick else { return 0 }
        let isIdle = isQuiet && !memory.isHolding && !isFinishing && !core.isSpaceLow
        return lastTick + (isIdle ? Self.idleTickMilliseconds : Self.tickMilliseconds)
    }

    private static let tickMilliseconds: UInt64 = 50
    private static let idleTickMilliseconds: UInt64 = 1_000

    /// Nothing is under way, and nothing has been stored for a while.
    private var isQuiet: Bool { !hasMore && !core.hasWork && core.isQuiet && !core.isCheckpointing }

    /// After `finish`: whether everything is stored.
    package var isFinished: Bool { isFinishing && isStored && core.isCheckpointed }

    /// Whether nothing waits for the journal.
    package var isStored: Bool { !hasMore && !core.hasWork }

    // MARK: Questions

    /// Everything up to here is synced.
    package var committedThrough: Position { core.committedThrough }

    /// Milliseconds since 1970, as far as the machine's clock is believed, less the monotonic clock's: what loops reckon the time by.
    package var timeOffset: Int64 { core.timeOffset }
    /// For whom something waits, as far as it is known.
    package var undelivered: UndeliveredUsers { core.undelivered }
    /// What must hold between the core's rows and doesn't; nil: all does. It walks over all of them.
    package var violation: String? { core.violation }
    package var counts: CoreCounts { core.counts }
    /// For metrics.
    package var figures: CoreFigures {
        var figures = core.figures
        figures.doorCommands = doors.map(\.waitingCount)
        figures.answers = answers.count
        return figures
    }

    /// See `Core.inspectUsers`.
    package func inspectUsers(from snapshot: any StorageSnapshot, _ body: (InspectedUser) -> Bool) throws(StorageError) {
        try core.inspectUsers(from: snapshot, body)
    }

    /// A user's name, if it is in memory. One that is not on the disk yet is.
    package func userName(_ number: UInt64) -> [UInt8]? { core.userName(number) }
}

/// The commands of a loop or a port, in their order.
private struct Door {
    var batches = ContiguousArray<CommandBatch>()
    /// How many of the first batch have run.
    private var done = 0

    /// So many steps before the next door has its turn: phones come first.
    let stepsAtOnce: Int

    static let loopWeight = 4
    static let portWeight = 1

    init(weight: Int) { stepsAtOnce = 32 * weight }

    var waitingCount: Int { batches.reduce(-done) { $0 + $1.commands.count } }

    /// - Returns: the steps that were made.
    mutating func run(_ core: inout Core, memory: inout MemoryState, steps: Int) -> Int {
        var made = 0
        while made < steps, let count = batches.first?.commands.count {
            var end = done
            var cost = 0
            while end < count, made + cost < steps {
                cost += 2 * batches[0].commands[end].credits
                end += 1
            }
            assert(end > done || count == 0, "each turn of a door runs something")
            core.handle(batches[0], done..<end)
            made += max(1, cost)
            done = end
            guard done == count else { break }
            done = 0
            memory.keep(batches.removeFirst())
        }
        return made
    }
}

import HoldfastConnection
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// One life of the gateway's process: what its threads do, in one thread. What they hand to each other keeps its order and comes late.
final class GatewayRun {
    /// Where a crash hurts most.
    enum Step: CaseIterable {
        case commitUnderWay, commitStored, checkpointUnderWay, checkpointStored
    }

    let world: World
    unowned let gateway: SimulatedGateway
    let storage: MemoryStorage
    private(set) var core: CoreTurn
    private(set) var journal: SimulatedJournal!
    private(set) var ports: [SimulatedLoopPort] = []
    private(set) var tables: [TableOwner] = []
    private(set) var backend: SimulatedBackend!
    /// When the tokens were issued of connections that came with one.
    private var tokens: [ConnectionHandle: UInt32] = [:]
    var admission: Admission
    let load: GatewayLoad
    private(set) var isAlive = true
    private var isAccepting = true
    /// Until then the process gets no time from its machine.
    private(set) var stalledUntil: UInt64 = 0
    /// Connections for which something has come meanwhile.
    private var heldLinks: [Link] = []
    private let monotonicStart: UInt64
    private var inbox: [CoreMessage] = []
    private var isTurnDue = false
    private var turnCount = 0
    /// Invariants are looked at after so many turns.
    #if DEBUG
        private static let checkedTurns = 1
    #else
        private static let checkedTurns = 1_000
    #endif
    /// When the process wakes if nothing comes before, in the world's time; nil: nothing is set.
    private var wakesAt: UInt64?
    /// What a crash may lose: taken from the core and not stored yet.
    private var checkpoint: CheckpointJob?
    /// At which step of a transaction the process is to be killed.
    private var crashPoint: (step: Step, action: () -> Void)?
    private let startedAt: UInt64
    private var acceptedCount = 0

    /// Recovers from what the disk has.
    init(_ world: World, _ gateway: SimulatedGateway, storage: MemoryStorage) throws(StorageError) {
        self.world = world
        self.gateway = gateway
        self.storage = storage
        startedAt = world.time
        // A machine that was started again counts from its own beginning.
        monotonicStart = world.random.within(0...1 << 33)
        let profile = world.profile
        admission = Admission(connectionsMax: profile.connectionsMax, connectionsPerAddressMax: profile.connectionsPerAddressMax)
        core = CoreTurn(
            try Core.recover(
                storage: storage, configuration: profile.core, loops: profile.loops, ports: 1,
                now: CoreTime(wall: world.wall, monotonic: monotonicStart), writesCheckpoints: true), ports: 1)
        load = GatewayLoad(slotsMax: 4, undelivered: core.undelivered, timeOffset: core.timeOffset)
        journal = SimulatedJournal(self)
        for index in 0..<profile.loops {
            ports.append(SimulatedLoopPort(self, index: index, keys: gateway.keys))
            tables.append(TableOwner(ports[index], profile))
        }
        backend = SimulatedBackend(self, door: profile.loops, gateway.oracle)
        turnSoon()
    }

    var network: Network { gateway.network }

    var consumer: SimulatedConsumer { gateway.consumer }

    var monotonic: UInt64 { monotonicStart + world.time - startedAt }

    private var now: CoreTime { CoreTime(wall: world.wall, monotonic: monotonic) }

    /// Something that the process does later, if it lives then.
    func after(_ milliseconds: UInt64, _ action: @escaping () -> Void) {
        world.after(milliseconds) { [self] in perform(action) }
    }

    private func perform(_ action: @escaping () -> Void) {
        guard isAlive else { return }
        guard stalledUntil <= world.time else { return world.at(stalledUntil) { [self] in perform(action) } }
        action()
    }

    /// Takes a connection; false when nobody listens.
    func accept(_ link: Link) -> Bool {
        guard isAlive, isAccepting else { return false }
        acceptedCount += 1
        ports[acceptedCount % ports.count].accept(link)
        return true
    }

    // MARK: - The core's thread

    func post(_ message: CoreMessage) {
        if case .commands(let batch, _) = message { noteTokens(batch) }
        inbox.append(message)
        turnSoon()
    }

    private func noteTokens(_ batch: CommandBatch) {
        for case .hello(let connection, _, _, _, _, _, let issuedAt, _) in batch.commands { tokens[connection] = issuedAt }
    }

    private func noteLetIn(_ effects: EffectBatch) {
        let time = UInt64(Int64(monotonic) + core.timeOffset)
        for case .welcome(let connection, let attached) in effects.effects {
            gateway.oracle.letIn(attached, issuedAt: tokens.removeValue(forKey: connection), at: time)
        }
    }

    private func turnSoon() {
        guard !isTurnDue else { return }
        isTurnDue = true
        after(world.random.within(0...1)) { [unowned self] in turn() }
    }

    private func turn() {
        isTurnDue = false
        let messages = inbox
        inbox = []
        for message in messages { core.take(message, now: now) }
        core.run(now: now) { storage.roomBytes(checkpoint: $0) }
        turnCount += 1
        if turnCount.isMultiple(of: Self.checkedTurns), let violation = core.violation { world.fail("the core: \(violation)") }
        load.setTimeOffset(core.timeOffset)
        while let job = core.takeJob(now: now) { start(job) }
        if core.counts.unsyncedBatches > journal.count { world.coverage.count(.batchWaits) }
        for loop in ports.indices {
            guard let (effects, _) = core.takeEffects(door: loop) else { continue }
            noteLetIn(effects)
            ports[loop].take(effects)
        }
        if let (effects, _) = core.takeEffects(door: backend.door) { backend.take(effects) }
        for notice in core.takeHoldNotices() { gateway.oracle.gaveWay(notice) }
        for entry in core.takeAuditNotices() { world.note("noted: \(entry.record.act) at \(entry.position.rawValue)") }
        if core.takeGiveBack() { for table in tables { table.table.giveMemoryBack() } }
        if core.isFinished { return gateway.drained() }
        if core.hasMore {
            world.coverage.count(.turnSliced)
            turnSoon()
        } else {
            wakeLater()
        }
    }

    /// Of a gateway without connections nothing is looked at more often than each half minute: such a time may be days.
    private func wakeLater() {
        let wait = core.waitMilliseconds(now: now)
        let isAlone = wait > 50 && ports.allSatisfy { $0.connectionCount == 0 }
        let time = world.time + (isAlone ? 30_000 : wait)
        if let wakesAt, wakesAt <= time { return }
        wakesAt = time
        after(time - world.time) { [unowned self] in
            guard wakesAt == time else { return }
            wakesAt = nil
            turn()
        }
    }

    // MARK: - The other threads

    var diskMilliseconds: UInt64 { world.random.within(world.profile.commitMilliseconds) * gateway.diskFactor }

    private func start(_ job: CoreJob) {
        switch job {
        case .commit(let batch): journal.start(batch)
        case .writeCheckpoint(let job): start(job)
        case .read, .planTrim, .planExpiry, .query, .sweepAudit, .sweepLedger, .giveMemoryBack: runReader(job)
        }
    }

    /// A job of a reader: it sees the storage at one moment, and is heard of at a later one.
    private func runReader(_ job: CoreJob) {
        after(world.random.within(0...diskMilliseconds)) { [unowned self] in
            attempt { [unowned self] () throws(StorageError) in
                guard let message = try job.run(on: storage) else { return }
                after(world.random.within(0...10)) { [unowned self] in post(message) }
            }
        }
    }

    /// Has something done when the next transaction is at a step.
    func atNext(_ step: Step, _ action: @escaping () -> Void) { crashPoint = (step, action) }

    func reached(_ step: Step) {
        guard let point = crashPoint, point.step == step else { return }
        crashPoint = nil
        after(0, point.action)
    }

    private func start(_ job: CheckpointJob) {
        checkpoint = job
        reached(.checkpointUnderWay)
        after(1 + diskMilliseconds * 4) { [unowned self] in
            attempt { [unowned self] () throws(StorageError) in
                checkpoint = nil
                let result = try job.run(on: storage)
                world.note("checkpoint through \(job.through.rawValue)")
                reached(.checkpointStored)
                after(world.random.within(0...10)) { [unowned self] in post(.checkpointWritten(result)) }
            }
        }
    }

    func attempt(_ body: () throws(StorageError) -> Void) {
        do throws(StorageError) {
            try body()
        } catch {
            world.note("the gateway's disk failed: \(error)")
            gateway.failed(error)
        }
    }

    // MARK: - The end

    /// The process is gone. Of what was on its way to the disk, each transaction is there or not.
    func die() {
        guard isAlive else { return }
        isAlive = false
        journal.die()
        if let job = checkpoint {
            if world.random.chance(0.5) { world.coverage.count(.crashLosesCheckpoint) } else { _ = try? job.run(on: storage) }
        }
    }

    /// The process gets no time from its machine. When it goes on, it finds in its sockets what has come meanwhile, and reads one socket after the
    /// other, in any order, before it looks at its timers.
    func stall(_ milliseconds: UInt64) {
        guard milliseconds > 0, !isStalled else { return }
        stalledUntil = world.time + milliseconds
        world.after(milliseconds) { [self] in
            var links = heldLinks
            heldLinks = []
            links.shuffle(using: &world.random)
            for link in links where isAlive { network.deliverHeld(link) }
        }
    }

    var isStalled: Bool { isAlive && stalledUntil > world.time }

    /// Something has come for a process that stands still.
    func holdArrivals(of link: Link) {
        if !heldLinks.contains(where: { $0 === link }) { heldLinks.append(link) }
    }

    func requestCheckpoint() { post(.requestCheckpoint) }

    func replaceKeys(_ keys: TicketKeys) {
        for port in ports { after(world.random.within(0...5)) { port.replaceKeys(keys) } }
    }

    /// A stop in order, as SIGTERM brings it about.
    func drain(_ milliseconds: UInt64) {
        isAccepting = false
        for port in ports { port.drain(UInt32(milliseconds)) }
        after(milliseconds) { [unowned self] in
            for port in ports { port.closeAll() }
            after(4_000) { [unowned self] in
                post(.finish)
            }
        }
    }
}

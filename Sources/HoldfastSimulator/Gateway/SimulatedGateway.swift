import HoldfastConnection
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// The gateway's machine: its disk, its process when there is one, its backups, and the operator who starts it again.
final class SimulatedGateway {
    private struct Backup {
        var storage: MemoryStorage
        var time: UInt64
    }

    unowned let world: World
    let oracle: Oracle
    /// Follows the feed, whatever becomes of the gateway.
    let consumer: SimulatedConsumer
    private(set) var network: Network!
    private(set) var storage: MemoryStorage
    private(set) var keys: TicketKeys
    private(set) var run: GatewayRun?
    private(set) var diskFactor: UInt64 = 1
    /// Until then, at most, the disk is slow.
    private var slowUntil: UInt64 = 0
    private var isSpaceLow = false
    /// A commit failed: the next start looks at every record.
    private var mustVerify = false
    private var backup: Backup
    private var rotatedAt: UInt64 = 0

    init(_ world: World, _ oracle: Oracle) {
        self.world = world
        self.oracle = oracle
        consumer = SimulatedConsumer(oracle)
        storage = MemoryStorage(window: world.profile.journal.window, isFenced: world.profile.journal.isReplicated)
        keys = TicketKeys(firstSecret: Self.secret(&world.random), now: world.wall / 1000)
        backup = Backup(storage: storage.crashCopy(), time: 0)
        network = Network(world, self)
    }

    private static func secret(_ random: inout SeededRandom) -> [UInt8] { (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) } }

    // MARK: - Life

    func start() {
        guard run == nil else { return }
        if mustVerify && hasDamage {
            world.note("verification after a failed commit finds damage")
            if world.random.chance(0.5) { repair() } else { restore() }
        }
        mustVerify = false
        for _ in 0..<2 {
            do throws(StorageError) {
                storage.setSpaceLow(isSpaceLow)
                run = try GatewayRun(world, self, storage: storage)
                oracle.gatewayStarts += 1
                world.note("the gateway is up, next position \(storage.nextPosition.rawValue)")
                return
            } catch {
                guard error.code == .damaged, oracle.hasDamage else { return world.fail("the gateway doesn't start: \(error)") }
                world.note("the gateway doesn't start: \(error)")
                if world.random.chance(0.5) { repair() } else { restore() }
            }
        }
    }

    private var hasDamage: Bool {
        var isDamaged = false
        try? storage.read { (snapshot) throws(StorageError) in
            try snapshot.records(after: .zero) { _, bytes in
                isDamaged = !Record.isIntact(bytes)
                return !isDamaged
            }
        }
        return isDamaged
    }

    /// The process is gone, at once; with `losesPower` its machine too, so that no connection hears of it.
    func crash(losesPower: Bool) {
        guard let run else { return }
        world.note(losesPower ? "POWER CUT of the gateway" : "CRASH of the gateway")
        run.die()
        ended(heard: losesPower ? .nobody : .phone)
        startLater()
    }

    private func ended(heard witness: Network.Witness) {
        for phone in oracle.phones {
            if let link = phone.link, link.port != nil { network.cut(link, heard: witness) }
        }
        run = nil
        let isFull = storage.isFull
        storage = storage.crashCopy()
        storage.setSpaceLow(isSpaceLow)
        if isFull { storage.fill() }
    }

    private func startLater() {
        world.after(world.isHealed ? 500 : world.random.within(100...60_000)) { [unowned self] in start() }
    }

    /// The disk failed: the process has to end.
    func failed(_ error: StorageError) {
        guard let run else { return }
        run.die()
        mustVerify = true
        ended(heard: .phone)
        startLater()
    }

    func drain() {
        guard let run else { return }
        world.note("the gateway drains")
        world.coverage.count(.drained)
        run.drain(world.random.within(1_000...20_000))
    }

    func drained() {
        world.note("the gateway has stopped in order")
        run?.die()
        ended(heard: .phone)
        startLater()
    }

    // MARK: - The disk

    func failNextCommit() {
        let isStored = world.random.chance(0.5)
        world.coverage.count(isStored ? .commitFailsStored : .commitFails)
        storage.failNextCommit(isStored ? .stored : .lost)
    }

    func failNextCheckpoint() {
        world.coverage.count(.checkpointFails)
        storage.failNextCheckpoint(atOperation: 1 + world.random.below(12))
    }

    func setSpaceLow(for milliseconds: UInt64) {
        world.coverage.count(.diskFull)
        isSpaceLow = true
        storage.setSpaceLow(true)
        world.after(milliseconds) { [unowned self] in
            isSpaceLow = false
            storage.setSpaceLow(false)
        }
    }

    /// The disk is full of what may be trimmed: nobody but the gateway makes room, and it has to, soon.
    func fill() {
        world.coverage.count(.diskFull)
        storage.fill()
        if let run { expectRoom(run, since: world.time) }
    }

    /// How long it takes depends on how much is to be trimmed, and on how much is at a time: each while some of it has to go.
    private func expectRoom(_ run: GatewayRun, since begun: UInt64) {
        let count = storage.trimmableCount
        world.after(Self.roomMilliseconds) { [unowned self] in
            guard self.run === run, slowUntil < begun, run.stalledUntil < begun, storage.isFull else { return }
            let left = storage.trimmableCount
            if left == 0 || left < count { return expectRoom(run, since: begun) }
            world.fail("\(Self.roomMilliseconds / 1000) s after the disk was full nothing has gone, although what fills it may be trimmed")
        }
    }

    /// A gateway without connections ticks every 30 s.
    private static let roomMilliseconds: UInt64 = 180_000

    func slowDown(factor: UInt64, for milliseconds: UInt64) {
        world.coverage.count(.slowDisk)
        slowUntil = max(slowUntil, world.time + milliseconds)
        diskFactor = factor
        world.after(milliseconds) { [unowned self] in diskFactor = 1 }
    }

    /// One bit of a record is another.
    func flipBit() {
        guard let position = storage.flipBit(record: world.random.next(), bit: world.random.next()) else { return }
        world.note("a bit of the record at \(position.rawValue) flips")
        world.coverage.count(.bitFlip)
        oracle.damaged(position)
    }

    /// A backup that doesn't pass its verification is none.
    func backUp() {
        guard !hasDamage else { return }
        world.note("backup of the gateway, next position \(storage.nextPosition.rawValue)")
        backup = Backup(storage: storage.crashCopy(), time: world.time)
    }

    /// The operator puts the last backup in place of what there is.
    func restore() {
        if let run {
            run.die()
            ended(heard: .phone)
        }
        world.coverage.count(.gatewayRestored)
        let lost = storage.nextPosition
        let restored = backup.storage.crashCopy()
        oracle.restored(backup.storage.nextPosition)
        do throws(StorageError) {
            try restored.raiseEra(above: lost.era)
        } catch {
            world.fail("no further era: \(error)")
        }
        world.note("RESTORE of the gateway to \(backup.storage.nextPosition.rawValue), era \(restored.nextPosition.era)")
        storage = restored
        storage.setSpaceLow(isSpaceLow)
        keys = TicketKeys(firstSecret: Self.secret(&world.random), now: world.wall / 1000)
        // What is in the backup may be damaged too.
        backup = Backup(storage: storage.crashCopy(), time: world.time)
    }

    /// The operator has the damaged directory repaired: what can't be read is left out, and its recipients are told.
    private func repair() {
        world.coverage.count(.gatewayRepaired)
        let copy = storage.crashCopy()
        do throws(StorageError) {
            let (plan, findings) = try RepairPlan.make(for: copy, unreadable: .init(), nameSuffix: "repaired")
            world.note("REPAIR of the gateway: \(findings.count) findings, \(plan.losses.count) losses")
            try plan.apply(to: copy, now: CoreTime(wall: world.wall, monotonic: 0))
            let left = try Verification.run(on: copy).findings
            if !left.isEmpty { world.fail("a repair leaves \(left.count) findings: \(left[0])") }
        } catch {
            world.fail("a repair fails: \(error)")
        }
        oracle.repaired()
        storage = copy
        storage.setSpaceLow(isSpaceLow)
        keys = TicketKeys(firstSecret: Self.secret(&world.random), now: world.wall / 1000)
        backup = Backup(storage: storage.crashCopy(), time: world.time)
    }

    func restoreAndStart() {
        restore()
        startLater()
    }

    func rotateKeys() {
        guard !keys.generations.isEmpty else { return }
        world.coverage.count(.ticketKeysRotated)
        let kept = TicketKeys.keptMax(
            lifetimeSeconds: UInt64(world.profile.connection.ticketSeconds), periodSeconds: world.profile.ticketKeySeconds)
        keys.rotate(secret: Self.secret(&world.random), now: world.wall / 1000, keptMax: min(kept, 3))
        run?.replaceKeys(keys)
    }

    /// Nothing is wrong with the machine any more.
    func heal() {
        isSpaceLow = false
        diskFactor = 1
        storage.setSpaceLow(false)
        start()
    }

    func end() {
        run?.die()
        run = nil
    }
}

import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// The gateway's thread that writes the journal, and what lies between it and the disk or the log.
final class SimulatedJournal {
    private unowned let run: GatewayRun
    private let profile: JournalProfile
    private var writer: JournalWriter
    /// What a crash may lose of a disk's: given to it and not stored yet.
    private var commit: JournalBatch?
    /// Another gateway has the journal.
    private var isShutOut = false
    /// When the writer is asked again if nothing comes before, in the world's time.
    private var wakesAt: UInt64?

    init(_ run: GatewayRun) {
        self.run = run
        profile = run.world.profile.journal
        writer = JournalWriter(
            window: run.storage.window, answerMilliseconds: profile.answerMilliseconds, pauseMilliseconds: profile.pauseMilliseconds)
    }

    private var world: World { run.world }

    /// Batches that aren't known to be synced.
    var count: Int { writer.count }

    func start(_ batch: JournalBatch) {
        writer.take(batch)
        if writer.count > 1 { world.coverage.count(.batchesInFlight) }
        drive()
    }

    private func drive() {
        while let step = writer.nextStep(now: run.monotonic) {
            switch step {
            case .offer(let batch, let number): if profile.isReplicated { offer(batch, number) } else { write(batch, number) }
            case .look(let batch, let number): look(for: batch, number)
            }
        }
        wakeLater()
    }

    private func wakeLater() {
        guard profile.isReplicated, writer.wakesAt < .max else { return }
        let time = world.time + max(writer.wakesAt, run.monotonic + 1) - run.monotonic
        if let wakesAt, wakesAt <= time { return }
        wakesAt = time
        run.after(time - world.time) { [unowned self] in
            guard wakesAt == time else { return }
            wakesAt = nil
            drive()
        }
    }

    private func answered(_ answer: CommitAnswer, _ number: UInt64) {
        let count = writer.count
        heard(writer.answered(answer, number: number, now: run.monotonic), before: count)
    }

    private func heard(_ through: Position?, before count: Int) {
        if let through {
            if count - writer.count > 1 { world.coverage.count(.answersJoined) }
            run.post(.committed(through: through))
        }
        drive()
    }

    // MARK: - A disk

    private func write(_ batch: JournalBatch, _ number: UInt64) {
        commit = batch
        run.reached(.commitUnderWay)
        run.after(1 + run.diskMilliseconds) { [unowned self] in
            run.attempt { [unowned self] () throws(StorageError) in
                commit = nil
                _ = try store(batch)
                run.reached(.commitStored)
                run.after(world.random.within(0...1)) { [unowned self] in answered(.synced, number) }
            }
        }
    }

    /// The process is gone. Of what was on its way to the disk, the transaction is there or not; what is on its way to a log gets there later.
    func die() {
        guard let batch = commit else { return }
        if world.random.chance(0.5) {
            world.coverage.count(.crashLosesCommit)
        } else {
            world.coverage.count(.crashKeepsCommit)
            _ = try? store(batch)
        }
    }

    private func store(_ batch: JournalBatch) throws(StorageError) -> CommitAnswer { try Self.store(batch, in: run.gateway) }

    private static func store(_ batch: JournalBatch, in gateway: SimulatedGateway) throws(StorageError) -> CommitAnswer {
        let storage = gateway.storage
        let isNext = storage.nextPosition == batch.firstPosition
        defer { if isNext, storage.nextPosition == batch.nextPosition { gateway.oracle.committed(batch) } }
        return try storage.commit(batch)
    }

    // MARK: - A log

    private var isLost: Bool { world.random.chance(profile.lossChance) }

    /// One way.
    private var milliseconds: UInt64 {
        guard world.random.chance(profile.lateChance) else { return 1 + run.diskMilliseconds }
        world.coverage.count(.journalLate)
        return world.random.within(1...profile.lateMilliseconds)
    }

    private func offer(_ batch: JournalBatch, _ number: UInt64) {
        run.reached(.commitUnderWay)
        if isLost { return world.coverage.count(.offerLost) }
        if !isShutOut, world.random.chance(profile.takeoverChance) { takeOver() }
        // It is on its way whatever becomes of the process.
        world.after(milliseconds) { [self, unowned gateway = run.gateway, weak run] in
            guard let run, run.isAlive else {
                // The next process has shut it out.
                guard gateway.run == nil, !isShutOut, (try? Self.store(batch, in: gateway)) == .synced else { return }
                return gateway.world.coverage.count(.offerOutlivesProcess)
            }
            run.attempt { () throws(StorageError) in answer(isShutOut ? .refused : try Self.store(batch, in: gateway), number) }
        }
    }

    /// Another gateway opens the journal, which shuts this one out, and writes: this one must find out, and end.
    private func takeOver() {
        isShutOut = true
        var batch = JournalBatch()
        Record.cursors([], time: 0).encode(into: &batch.bytes)
        batch.firstPosition = run.storage.nextPosition
        batch.nextPosition = Position(rawValue: batch.firstPosition.rawValue + 1)
        batch.entries = [.init(position: batch.firstPosition, offset: 0, count: batch.bytes.count)]
        run.attempt { () throws(StorageError) in _ = try run.storage.commit(batch) }
    }

    private func answer(_ answer: CommitAnswer, _ number: UInt64) {
        if answer == .refused { world.coverage.count(.offerRefused) }
        run.reached(.commitStored)
        if isLost { return world.coverage.count(.answerLost) }
        let isBroken = isLost
        if isBroken { world.coverage.count(.answerUnknown) }
        run.after(milliseconds) { [unowned self] in answered(isBroken ? .unknown : answer, number) }
    }

    private func look(for batch: JournalBatch, _ number: UInt64) {
        if isLost { return }
        run.after(milliseconds) { [unowned self] in
            run.attempt { [unowned self] () throws(StorageError) in
                let place = try run.storage.place(of: batch)
                let isBroken = isLost
                run.after(milliseconds) { [unowned self] in found(isBroken ? nil : place, number) }
            }
        }
    }

    private func found(_ place: JournalPlace?, _ number: UInt64) {
        if place == .batch { world.coverage.count(.doubtSettled) }
        let count = writer.count
        run.attempt { [unowned self] () throws(StorageError) in
            do throws(StorageError) {
                heard(try writer.looked(place, number: number, now: run.monotonic), before: count)
            } catch {
                world.coverage.count(.journalTakenOver)
                throw error
            }
        }
    }
}

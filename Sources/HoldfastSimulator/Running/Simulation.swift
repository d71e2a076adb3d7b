import HoldfastClient
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// One run: a gateway, its phones and what is done to them, then peace, then the account.
package final class Simulation {
    private let plan: Plan
    private let world: World
    private let oracle: Oracle
    private let gateway: SimulatedGateway
    private var absence: UInt64 = 0
    private var isPlanDone = false

    /// - Parameters:
    ///   - isTracing: whether the last events are kept, readable.
    ///   - hashKey: the key of the core's hashes: with another one it may read other rows at other times.
    package init(_ plan: Plan, isTracing: Bool = false, hashKey: UInt64 = 0) {
        self.plan = plan
        var random = SeededRandom(seed: plan.seed ^ 0x5DEE_CE66_D154_21C5)
        var profile = Profile(clients: plan.clients, random: &random)
        profile.core.hash = KeyedHash(low: hashKey, high: 0)
        world = World(profile: profile, seed: random.next(), isTracing: isTracing)
        oracle = Oracle(world)
        gateway = SimulatedGateway(world, oracle)
        for (number, phone) in profile.phones.enumerated() { add(phone, number) }
    }

    private func add(_ profile: PhoneProfile, _ number: Int) {
        oracle.add(SimulatedPhone(number, profile, world: world, network: gateway.network, oracle: oracle))
    }

    /// Runs it.
    package func run() -> SimulationResult {
        gateway.start()
        for phone in oracle.phones {
            if phone.profile.isTwin { world.coverage.count(.twin) }
            world.at(phone.profile.firstUse) { phone.open() }
        }
        performNext(0)
        while world.problems.isEmpty, !isPlanDone { world.run(until: world.time + 60_000) }
        let busy = world.time - min(absence, world.time)
        heal()
        defer { end() }
        return SimulationResult(
            problems: world.problems, trace: world.trace, digest: world.digest, phoneHours: Double(busy) * Double(plan.clients) / 3_600_000,
            acknowledged: oracle.acknowledged, delivered: oracle.delivered, repeats: oracle.repeats, occurrences: world.coverage.occurrences
        )
    }

    // MARK: - Operations

    /// One after the other, because an absence puts off what follows.
    private func performNext(_ index: Int) {
        guard index < plan.operations.count else { return isPlanDone = true }
        world.at(plan.operations[index].time + absence) { [unowned self] in
            perform(plan.operations[index])
            performNext(index + 1)
        }
    }

    private func perform(_ operation: Operation) {
        let phone = oracle.phones[Int(operation.a % UInt64(oracle.phones.count))]
        if operation.kind != .send, operation.kind != .push { world.note("OPERATION \(operation.kind) (\(phone.name))") }
        switch operation.kind {
        case .send: send(phone, operation)
        case .withdraw: phone.withdrawOne()
        case .logOut: phone.logOut()
        case .disconnect: phone.disconnect()
        case .holdAcknowledgements: phone.holdAcknowledgements(for: operation.b % 1_200_000)
        case .cut: cut(phone, operation)
        case .changeAddress: phone.changeAddress()
        case .partition: partition(operation)
        case .kill: phone.kill()
        case .killInMidAction: phone.killInMidAction()
        case .reboot: phone.reboot()
        case .backUpPhone: phone.backUp()
        case .restorePhone: phone.restore()
        case .damageState: phone.damageState()
        case .background: phone.goToBackground(for: operation.b % 1_800_000)
        case .suspend: phone.suspend(for: operation.b % 600_000)
        case .push: push(operation)
        case .hold: hold(operation)
        case .act: act(phone, operation)
        case .feed: if let run = gateway.run { gateway.consumer.act(run, operation.b) }
        case .ask:
            let pushed = oracle.texts.indices.filter { oracle.texts[$0].sender == nil }.suffix(8)
            gateway.run?.backend.ask(
                phone.profile.user, limit: 1 + Int(operation.b % 8),
                text: pushed.isEmpty ? nil : pushed[pushed.startIndex + Int(operation.b >> 8) % pushed.count])
        default: performOnGateway(operation)
        }
    }

    private func performOnGateway(_ operation: Operation) {
        switch operation.kind {
        case .crash: crash(.gatewayCrashed, operation)
        case .powerCut: crash(.gatewayPowerCut, operation)
        case .drain: gateway.drain()
        case .rotateKeys: gateway.rotateKeys()
        case .checkpoint:
            world.coverage.count(.checkpointRequested)
            gateway.run?.requestCheckpoint()
        case .stall:
            world.coverage.count(.gatewayStalled)
            // One in five for longer than a phone waits for anything.
            gateway.run?.stall(operation.b % (operation.b % 5 == 0 ? 300_000 : 20_000))
        case .wallJump:
            world.coverage.count(.wallClockJump)
            jumpWall(operation)
        case .failCommit: gateway.failNextCommit()
        case .failCheckpoint: gateway.failNextCheckpoint()
        case .fillDisk: operation.a.isMultiple(of: 2) ? gateway.setSpaceLow(for: operation.b % 600_000) : gateway.fill()
        case .slowDisk: gateway.slowDown(factor: 5 + operation.b % 60, for: operation.a % 300_000)
        case .flipBit: gateway.flipBit()
        case .backUpGateway: gateway.backUp()
        case .restoreGateway: gateway.restoreAndStart()
        case .absence: everybodyLeaves(operation)
        default: preconditionFailure("an operation on a phone")
        }
    }

    /// By a day at most; or by decades, and the next time it is set right.
    private func jumpWall(_ operation: Operation) {
        let step = Int64(operation.b % 172_800_000) - 86_400_000
        if !world.isWallBelievable {
            world.wallOffset = step
        } else if operation.a % 4 == 0 {
            world.coverage.count("wall clock decades wrong")
            world.wallOffset += (step < 0 ? -30 : 30) * Int64(ClockRule.yearMilliseconds)
        } else {
            world.wallOffset += step
        }
    }

    /// Now, or when the next transaction is at one of its steps.
    private func crash(_ fault: Fault, _ operation: Operation) {
        guard let run = gateway.run else { return }
        let crash = { [unowned self] in
            world.coverage.count(fault)
            gateway.crash(losesPower: fault == .gatewayPowerCut)
        }
        let steps = GatewayRun.Step.allCases
        let choice = Int(operation.b % UInt64(steps.count + 2))
        if choice < steps.count { run.atNext(steps[choice], crash) } else { crash() }
    }

    private func send(_ phone: SimulatedPhone, _ operation: Operation) {
        var random = SeededRandom(seed: operation.b)
        for _ in 0..<(1 + random.below(4)) {
            let size = random.chance(0.1) ? random.below(900) : random.below(60)
            let user = world.profile.users[random.below(world.profile.users.count)]
            let number = oracle.makeText(from: phone, to: user, size: size)
            let isTaken = phone.send(
                number, body: TextBody.bytes(number, size: size), to: .user(user), waitsForRoom: random.chance(0.8))
            if !isTaken, oracle.texts[number].fate == .open { oracle.notTaken(number) }
        }
    }

    private func push(_ operation: Operation) {
        guard let backend = gateway.run?.backend else { return }
        var random = SeededRandom(seed: operation.b)
        let kind = random.below(100)
        let earlier = oracle.texts.indices.filter { oracle.texts[$0].sender == nil && !oracle.texts[$0].isLine }.suffix(6)
        if kind < 35, let number = earlier.randomElement(using: &random) {
            oracle.texts[number].isRepeated = true
            return backend.push(number)
        }
        if kind < 55 {
            if oracle.upload.texts.count >= 8 { oracle.upload = (oracle.upload.number + 1, []) }
            for _ in 0..<1 + random.below(3) { oracle.upload.texts.append(makePush(&random)) }
            // Lines that were on their way may come again.
            for text in oracle.upload.texts {
                oracle.texts[text].isLine = true
                oracle.texts[text].isRepeated = true
            }
            return backend.upload()
        }
        backend.push(makePush(&random))
    }

    private func makePush(_ random: inout SeededRandom) -> Int {
        let names = world.profile.users.shuffled(using: &random).prefix(1 + random.below(world.profile.users.count))
        return oracle.makePush(
            to: Array(names), size: random.below(60), mustExist: random.chance(0.3),
            timeToLive: random.chance(0.1) ? UInt32(60 + random.below(20_000)) : 0)
    }

    /// One of three holds, mostly from somewhere in the last records on; short limits, so that they are reached.
    private func hold(_ operation: Operation) {
        guard let run = gateway.run else { return }
        var random = SeededRandom(seed: operation.b)
        let name = [HoldName(.retention, "all"), HoldName(.consumer, "feed"), HoldName(.backup, "copy")][random.below(3)]
        let back = UInt64(random.below(60))
        let next = run.storage.nextPosition.rawValue
        let hold = Hold(
            floor: Position(rawValue: next - min(next, back + 1)), ageMax: random.chance(0.5) ? UInt32(60 + random.below(100_000)) : 0,
            bytesMax: random.chance(0.3) ? UInt64(500 + random.below(20_000)) : 0)
        run.backend.hold(random.chance(0.25) ? .release(name) : .set(name, hold))
    }

    /// What an operator does to a phone's user, or now and then to somebody who has no phone.
    private func act(_ phone: SimulatedPhone, _ operation: Operation) {
        guard let run = gateway.run else { return }
        var random = SeededRandom(seed: operation.b)
        let user = random.chance(0.1) ? world.profile.users[random.below(world.profile.users.count)] : phone.profile.user
        let session = phone.process?.machine.session ?? SessionID(rawValue: 0)
        // By a clock that is right, or behind: what is issued from now on is good.
        let seconds = UInt32(min(world.issuerWall, UInt64(World.wallStart) + world.time) / 1_000)
        switch random.below(8) {
        case 0: run.backend.act(.revokeSession(session), on: random.chance(0.5) ? user : "")
        case 1: run.backend.act(.revokeDevice(Array(phone.profile.device.utf8)), on: user)
        case 2: run.backend.act(.revokeTokens(before: seconds), on: user)
        case 3: run.backend.act(.block(until: seconds + UInt32(1 + random.below(1_800)), reason: Array("for a while".utf8)), on: user)
        case 4: run.backend.act(.block(until: 0, reason: []), on: user)
        case 5: run.backend.act(.unblock, on: user)
        case 6: run.backend.act(.disconnect(retryAfterMilliseconds: UInt32(random.below(30_000))), on: user)
        default: run.backend.act(.disconnectSession(session, retryAfterMilliseconds: 0), on: "")
        }
        // Nobody is kept out for days: those who are there have something to do.
        guard random.chance(0.5) else { return }
        world.after(random.within(10_000...1_200_000)) { [unowned self] in gateway.run?.backend.act(.unblock, on: user) }
    }

    private func cut(_ phone: SimulatedPhone, _ operation: Operation) {
        guard let link = phone.link else { return }
        switch operation.b % 10 {
        case 0: cut(link, .halfOpenToGateway, heard: .phone)
        case 1: cut(link, .halfOpenToPhone, heard: .gateway)
        default: cut(link, .connectionCut, heard: .both)
        }
    }

    private func cut(_ link: Link, _ fault: Fault, heard witness: Network.Witness) {
        world.coverage.count(fault)
        gateway.network.cut(link, heard: witness)
    }

    private func partition(_ operation: Operation) {
        world.coverage.count(.partition)
        var random = SeededRandom(seed: operation.b)
        let end = world.time + random.within(1_000...300_000)
        for phone in oracle.phones where random.chance(0.5) { phone.partitionedUntil = end }
    }

    /// Apps are closed, and days pass.
    private func everybodyLeaves(_ operation: Operation) {
        world.coverage.count(.longAbsence)
        let milliseconds = (1 + operation.b % 12) * 86_400_000
        absence += milliseconds
        for phone in oracle.phones { phone.leave(for: milliseconds) }
    }

    // MARK: - The end

    /// Nothing goes wrong any more, everybody is there, and everything gets where it belongs.
    private func heal() {
        guard world.problems.isEmpty else { return }
        world.note("HEALED")
        world.isHealed = true
        world.wallOffset = 0
        gateway.heal()
        for user in world.profile.users where !oracle.phones.contains(where: { $0.profile.user == user && !$0.profile.isSendOnly }) {
            add(PhoneProfile(user: user, device: "late", app: .plain), oracle.phones.count)
        }
        for round in 0..<60 where world.problems.isEmpty {
            unblockAll()
            healPhones(round)
            if let run = gateway.run { gateway.consumer.catchUp(run) }
            world.run(until: world.time + 60_000)
            // A connection that is dead and says nothing is found by its heartbeat.
            if round >= 10, isSettled { break }
        }
        world.run(until: world.time + 20_000)
        for _ in 0..<6 where world.problems.isEmpty {
            gateway.run?.requestCheckpoint()
            if let run = gateway.run { gateway.consumer.catchUp(run) }
            world.run(until: world.time + 10_000)
        }
        // A phone may be on its way back just now: its ticket had expired.
        for _ in 0..<10 where world.problems.isEmpty && !isSettled { world.run(until: world.time + 7_000) }
        guard world.problems.isEmpty else { return }
        oracle.checkEnd(gateway)
    }

    /// After a repair nobody knows who is blocked.
    private func unblockAll() {
        let users = oracle.acts?.blocked ?? Set(world.profile.users + oracle.phones.map(\.profile.user)).sorted()
        for user in users { gateway.run?.backend.act(.unblock, on: user) }
    }

    /// Phones with one device id fence each other: they are opened in turn.
    private func healPhones(_ round: Int) {
        var twins: [String: [SimulatedPhone]] = [:]
        for phone in oracle.phones {
            if phone.profile.isTwin {
                twins[phone.profile.user + "/" + phone.profile.device, default: []].append(phone)
            } else {
                phone.heal()
            }
        }
        for (_, group) in twins.sorted(by: { $0.key < $1.key }) { group[round % group.count].heal() }
    }

    private var isSettled: Bool {
        oracle.phones.allSatisfy { phone in
            guard let process = phone.process else { return false }
            return (process.machine.phase == .open || phone.profile.isTwin) && process.machine.outboxCounts == (0, 0)
        }
    }

    private func end() {
        gateway.end()
        for phone in oracle.phones { phone.end() }
        world.end()
    }
}

/// What came of a run.
package struct SimulationResult: Sendable {
    /// What didn't hold; empty when all did.
    package var problems: [String]
    package var trace: [String]
    /// Of all events, if they were traced: the same in every process and on every machine.
    package var digest: UInt64
    /// Phones times the hours in which something went on; days of absence don't count.
    package var phoneHours: Double
    /// Messages whose sender was told that they are stored.
    package var acknowledged: Int
    package var delivered: Int
    package var repeats: Int
    package var occurrences: Occurrences
}

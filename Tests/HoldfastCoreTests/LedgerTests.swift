import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct LedgerTests {
    private func pushed(_ reply: ReplyID, _ scenario: Scenario) throws -> Pushed {
        guard case .pushed(let pushed)? = scenario.harness.answers[reply] else {
            throw Problem("not stored: \(String(describing: scenario.harness.answers[reply]))")
        }
        return pushed
    }

    private struct Problem: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// Pushes to bob and to somebody who doesn't exist, so that the outcome has a refusal.
    private func push(_ key: UInt64, _ scenario: Scenario, fingerprint: UInt64 = 5, _ text: String? = nil) throws -> ReplyID {
        let reply = scenario.harness.push(
            from: "shop", to: ["nobody", "bob"], text ?? "t\(key)", mustExist: true, key: key, fingerprint: fingerprint)
        try scenario.settle()
        return reply
    }

    private func stored(_ scenario: Scenario) throws -> Int {
        var count = 0
        try scenario.harness.storage.read { (snapshot) throws(StorageError) in
            try snapshot.scan(.ledger, from: [UInt8]().span) { _, _ in
                count += 1
                return true
            }
        }
        return count
    }

    enum Meanwhile: CaseIterable { case nothing, crash, checkpoint, checkpointThenCrash, trimmed }

    private func pass(_ meanwhile: Meanwhile, _ scenario: Scenario) throws {
        switch meanwhile {
        case .nothing: break
        case .crash: try scenario.phones.crash()
        case .checkpoint: try scenario.toDisk()
        case .checkpointThenCrash:
            try scenario.toDisk()
            try scenario.phones.crash()
        case .trimmed:
            let bob = try scenario.online("bob")
            bob.acknowledge()
            try scenario.settle()
            bob.drop()
            try scenario.toDisk()
            try scenario.phones.crash()
        }
    }

    @Test(arguments: Meanwhile.allCases) func `a repeat is answered as the request was, and stored once`(meanwhile: Meanwhile) throws {
        let scenario = try Scenario { ($0.cachedUsersMax, $0.cachedLookupsMax) = (1, 1) }
        let bob = try scenario.offline("bob")
        let first = try pushed(try push(1, scenario), scenario)
        #expect(first.refusals == [.invalidRecipient, nil] && !first.isReplay && first.keyKeptUntil > 0)
        try pass(meanwhile, scenario)
        // Somebody has the name by now: the outcome is the one of then.
        _ = try scenario.offline("nobody")
        let again = try pushed(try push(1, scenario), scenario)
        #expect(again.position == first.position && again.refusals == first.refusals && again.isReplay)
        #expect(again.keyKeptUntil / 2_000 == first.keyKeptUntil / 2_000)
        let count = scenario.harness.stored.messages.count
        let other = try push(1, scenario, fingerprint: 6)
        #expect(scenario.harness.answers[other] == .refused(.keyReused))
        #expect(scenario.harness.stored.messages.count == count)
        if meanwhile != .trimmed {
            try bob.comeBack()
            #expect(bob.texts == ["t1"])
        }
        scenario.check()
    }

    @Test func `two requests with one key that are under way at once are one`() throws {
        let scenario = try Scenario { ($0.cachedUsersMax, $0.cachedLookupsMax) = (1, 1) }
        _ = try scenario.offline("bob")
        try scenario.toDisk()
        let replies = (0..<3).map { _ in scenario.harness.push(from: "shop", to: ["bob"], "t1", key: 1) }
        try scenario.settle()
        let all = try replies.map { try pushed($0, scenario) }
        #expect(Set(all.map(\.position)).count == 1 && all.count { $0.isReplay } == 2)
        scenario.check()
    }

    @Test(arguments: 1...40) func `whatever comes in between, a key is stored once`(seed: UInt64) throws {
        let scenario = try Scenario(seed: seed) {
            ($0.cachedUsersMax, $0.cachedLookupsMax, $0.checkpointEntries) = (1, 1, 3)
        }
        var random = SeededRandom(seed: seed)
        var positions: [UInt64: Position] = [:]
        for round in 0..<60 {
            let key = UInt64(random.below(6))
            let reply = scenario.harness.push(from: "shop", to: ["bob"], "t\(round)", key: key)
            for _ in 0..<random.below(12) { try scenario.harness.step() }
            if random.chance(0.1) { try scenario.phones.crash() }
            if random.chance(0.5) { try scenario.settle() }
            guard case .pushed(let pushed)? = scenario.harness.answers[reply] else { continue }
            #expect(positions[key] == nil || positions[key] == pushed.position)
            positions[key] = pushed.position
        }
        try scenario.settle()
        var keys: [RequestKey] = []
        for message in scenario.harness.stored.messages.values { if let key = message.record.key { keys.append(key) } }
        #expect(Set(keys).count == keys.count)
        try scenario.toDisk()
        #expect(try stored(scenario) == scenario.harness.core.ledger.count)
        scenario.check()
    }

    @Test func `a key outlives its promise only`() throws {
        let scenario = try Scenario { ($0.keySeconds, $0.keySecondsMin) = (3 * 86_400, 86_400) }
        _ = try scenario.offline("bob")
        let first = try pushed(try push(1, scenario), scenario)
        try scenario.toDisk()
        scenario.days(2)
        #expect(try pushed(try push(1, scenario), scenario).isReplay)
        scenario.days(1)
        // The request is a new one, whether the sweep has come by or not.
        let second = try pushed(try push(1, scenario, "again"), scenario)
        #expect(second.position > first.position && !second.isReplay)
        scenario.check()
    }

    @Test(arguments: [false, true]) func `keys whose promise is over are swept, and counted down once`(crashes: Bool) throws {
        let scenario = try Scenario { ($0.keySeconds, $0.keySecondsMin, $0.keySweepSliceRows) = (86_400, 86_400, 2) }
        _ = try scenario.offline("bob")
        for key in 1...7 { _ = try push(UInt64(key), scenario) }
        try scenario.toDisk()
        scenario.days(1)
        for key in 8...9 { _ = try push(UInt64(key), scenario) }
        // One that is swept comes again before the checkpoint that deletes it.
        for _ in 0..<20 { scenario.harness.tick(milliseconds: 200); try scenario.settle() }
        #expect(scenario.harness.core.ledger.sweptCount == 7)
        _ = try push(3, scenario, "again")
        if crashes { try scenario.phones.crash() } else { try scenario.toDisk() }
        try scenario.toDisk()
        scenario.harness.tick(milliseconds: 700_000)
        for _ in 0..<20 { scenario.harness.tick(milliseconds: 200); try scenario.settle() }
        try scenario.toDisk()
        #expect(try stored(scenario) == 3)
        #expect(scenario.harness.core.ledger.count == 3)
        #expect(try pushed(try push(3, scenario), scenario).isReplay)
        scenario.check()
    }

    /// The checkpoint between has no record that the one before it didn't have: its position is the same.
    @Test func `a search that began before the last checkpoint doesn't sweep a key again`() throws {
        let scenario = try Scenario { ($0.keySeconds, $0.keySecondsMin) = (86_400, 86_400) }
        _ = try scenario.offline("bob")
        _ = try push(1, scenario)
        try scenario.toDisk()
        scenario.days(1)
        for _ in 0..<20 { scenario.harness.tick(milliseconds: 200); try scenario.settle() }
        #expect(scenario.harness.core.ledger.sweptCount == 1)
        let through = scenario.harness.core.checkpoint.writtenThrough
        scenario.harness.tick(milliseconds: scenario.harness.core.configuration.keySweepMilliseconds)
        let taken = scenario.harness.core.takeLedgerJob()
        let job = try #require(taken)
        let plan = try job.run(on: scenario.harness.storage)
        try scenario.toDisk()
        let isSame = scenario.harness.core.checkpoint.writtenThrough == through
        try #require(isSame)
        scenario.harness.core.ledgerPlanned(plan)
        #expect(scenario.harness.core.ledger.sweptCount == 0 && scenario.harness.core.ledger.count == 0)
        try scenario.toDisk()
        #expect(try stored(scenario) == 0)
        scenario.check()
    }

    @Test(arguments: [false, true]) func `a key that comes while the checkpoint deletes it is counted once`(isWritten: Bool) throws {
        let scenario = try Scenario { ($0.keySeconds, $0.keySecondsMin) = (86_400, 86_400) }
        _ = try scenario.offline("bob")
        _ = try push(1, scenario)
        try scenario.toDisk()
        scenario.days(1)
        for _ in 0..<20 { scenario.harness.tick(milliseconds: 200); try scenario.settle() }
        #expect(scenario.harness.core.ledger.sweptCount == 1)
        // Names are in RAM again, so that nothing has to be read below.
        _ = try push(2, scenario)
        scenario.harness.core.requestCheckpoint()
        #expect(scenario.harness.core.ledger.find(RequestKey(high: 7, low: 1)) == .beingDeleted)
        let reply = scenario.harness.push(from: "shop", to: ["bob"], "again", key: 1)
        if isWritten {
            try scenario.settle()
        } else {
            // The journal gets it, the store nothing.
            while scenario.harness.answers[reply] == nil { try scenario.harness.step(reading: false) }
        }
        try scenario.phones.crash()
        #expect(scenario.harness.core.ledger.count == 2)
        try scenario.toDisk()
        #expect(try stored(scenario) == 2 && scenario.harness.core.ledger.count == 2)
        scenario.check()
    }

    @Test func `a ledger that fills keeps keys for less time, and a full one refuses new keys`() throws {
        let scenario = try Scenario { ($0.idempotencyKeysMax, $0.keySeconds, $0.keySecondsMin) = (8, 7 * 86_400, 86_400) }
        _ = try scenario.offline("bob")
        var promises: [UInt64] = []
        for key in 1...8 { promises.append(try pushed(try push(UInt64(key), scenario), scenario).keyKeptUntil / 3_600_000) }
        let begin = promises[0] - 7 * 24
        #expect(promises[4] == promises[0])
        #expect(promises[5] < promises[4] && promises[7] < promises[5] && promises[7] >= begin + 24)
        let full = try push(9, scenario)
        #expect(scenario.harness.answers[full] == .refused(.keysFull))
        // Repeats are answered all the same.
        #expect(try pushed(try push(8, scenario), scenario).isReplay)
        // The promises hold; the first that end make room.
        try scenario.toDisk()
        scenario.days(3)
        for _ in 0..<20 { scenario.harness.tick(milliseconds: 200); try scenario.settle() }
        #expect(try pushed(try push(1, scenario), scenario).isReplay)
        let late = try pushed(try push(9, scenario), scenario)
        #expect(!late.isReplay)
        scenario.check()
    }

    @Test func `an upload goes on where it was, and a line is stored once`() throws {
        let scenario = try Scenario { ($0.cachedUsersMax, $0.cachedLookupsMax) = (1, 1) }
        let bob = try scenario.offline("bob")
        func line(_ number: UInt32) -> ReplyID {
            scenario.harness.push(
                from: "shop", to: ["bob"], "t\(number)", upload: ReplyID(door: 2, number: 999), key: 1, fingerprint: UInt64(number),
                line: number)
        }
        let first = (1...5).map { line(UInt32($0)) }
        try scenario.settle()
        let positions = try first.map { try pushed($0, scenario).position.rawValue }
        #expect(positions == positions.sorted())
        try scenario.phones.crash()
        let gap = line(7)
        let old = line(5)
        try scenario.settle()
        #expect(scenario.harness.answers[gap] == .refused(.lineExpected(6)))
        #expect(scenario.harness.answers[old] == .refused(.lineExpected(6)))
        try scenario.toDisk()
        let next = line(6)
        let question = scenario.harness.ask { _ in .request(RequestKey(high: 7, low: 1)) }
        try scenario.settle()
        let asked = scenario.harness.ask { _ in .request(RequestKey(high: 7, low: 1)) }
        try scenario.settle()
        guard case .request(let kept?, _)? = scenario.harness.answers[asked] else { throw Problem("the key isn't known") }
        let last = try pushed(next, scenario).position
        #expect(kept.lines == 6 && kept.fingerprint == 6 && kept.position == last)
        #expect(scenario.harness.answers[question] != nil)
        // A single request with the upload's key is another one.
        let single = try push(1, scenario)
        #expect(scenario.harness.answers[single] == .refused(.keyReused))
        try bob.comeBack()
        #expect(bob.texts == ["t1", "t2", "t3", "t4", "t5", "t6"])
        #expect(scenario.harness.core.ledger.count == 1)
        scenario.check()
    }

    @Test(arguments: ["key", "value", "position", "count"]) func `damage of the ledger is found, and a repair mends it`(kind: String) throws
    {
        let scenario = try Scenario()
        _ = try scenario.offline("bob")
        for key in 1...3 { _ = try push(UInt64(key), scenario) }
        try scenario.toDisk()
        let storage = scenario.harness.storage
        #expect(try Verification.run(on: storage).findings.isEmpty)
        let key = RequestKey(high: 7, low: 2).encoded
        try storage.checkpoint { (store) throws(StorageError) in
            switch kind {
            case "key": try store.put(.ledger, [UInt8(1)].span, [UInt8(2)].span)
            case "value": try store.put(.ledger, key.span, [UInt8](repeating: 1, count: 30).span)
            case "position":
                var value: [UInt8] = []
                LedgerRow(until: 1, fingerprint: 2, position: Position(rawValue: 1 << 50), lines: 0, refusals: []).encode(into: &value)
                try store.put(.ledger, key.span, value.span)
            default: try store.put(.meta, Array("ledgerCount".utf8).span, StoreKey.number(9).span)
            }
        }
        let findings = try Verification.run(on: storage).findings
        #expect(findings.map(\.table) == [kind == "count" ? "meta" : "ledger"])
        let (plan, _) = try RepairPlan.make(for: storage, unreadable: .init(), nameSuffix: "repaired")
        #expect(plan.losses.map(\.kind) == (kind == "count" ? [] : [.requestKey]))
        try plan.apply(to: storage, now: CoreTime(wall: 1_700_000_000_000, monotonic: 1))
        #expect(try Verification.run(on: storage).findings.isEmpty)
        if kind == "value" {
            #expect(throws: StorageError.self) {
                try storage.checkpoint { (store) throws(StorageError) in try store.put(.ledger, key.span, [UInt8(1)].span) }
                _ = try CoreJobProbe.read(RequestKey(high: 7, low: 2), storage)
            }
        }
    }

    private enum CoreJobProbe {
        static func read(_ key: RequestKey, _ storage: MemoryStorage) throws -> LedgerRow? {
            var row: LedgerRow?
            try storage.read { (snapshot) throws(StorageError) in row = try LedgerRow.read(key, from: snapshot) }
            return row
        }
    }

    // MARK: Time to live

    @Test(arguments: [false, true]) func `a message that is worth nothing any more is told as a gap`(onDisk: Bool) throws {
        let scenario = try Scenario()
        let bob = try scenario.offline("bob")
        scenario.harness.push(from: "shop", to: ["bob"], "t1")
        scenario.harness.push(from: "shop", to: ["bob"], "t2", timeToLive: 3_600)
        scenario.harness.push(from: "shop", to: ["bob"], "t3", timeToLive: 3 * 86_400)
        try scenario.settle()
        if onDisk { try scenario.toDisk() }
        scenario.days(1)
        try bob.comeBack()
        #expect(bob.texts == ["t1", "t3"])
        #expect(bob.gaps.map(\.reason) == [.expired] && bob.gaps.map(\.count) == [1])
        bob.acknowledge()
        try scenario.settle()
        scenario.check()
    }
}

import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct VerificationTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `whatever happens and whenever it crashes, what is on disk is intact`(seed: UInt64) throws {
        let run = try CoreModelRun(seed: seed)
        var operations = 0
        run.observe = { storage in
            operations += 1
            guard operations.isMultiple(of: 8) else { return }
            let findings = try Verification.run(on: storage).findings
            if let finding = findings.first { run.harness.fail("seed \(seed), operation \(operations): \(finding)") }
        }
        try run.run(operations: 200)
        #expect(run.harness.problems.isEmpty, "\(run.harness.problems.first ?? "")")
        #expect(operations == 200)
    }

    @Test func `what was read is counted`() throws {
        let storage = try DamagedStorage(tail: false).storage
        let (findings, counts) = try Verification.run(on: storage)
        #expect(findings.isEmpty, "\(findings)")
        #expect(counts.users == 3 && counts.conversations == 2 && counts.inboxEntries == 8)
        #expect(counts.records == storage.recordCount)
    }

    @Test(arguments: StorageDamage.allCases) func `each damage is found, and named`(damage: StorageDamage) throws {
        let damaged = try DamagedStorage(tail: damage.isOfTail)
        try damaged.apply(damage)
        let findings = try Verification.run(on: damaged.storage).findings
        #expect(findings.contains { $0.kind == damage.finding }, "\(findings)")
        #expect(findings.allSatisfy { !$0.problem.isEmpty && !$0.effect.isEmpty && !$0.advice.isEmpty })
        let place = damage.place(in: damaged)
        #expect(findings.contains { $0.table == place.table && (place.row == nil || $0.row == place.row) }, "\(findings)")
        #expect(findings.contains { place.position == nil || $0.position == place.position?.rawValue }, "\(findings)")
        // Whom it concerns is said where it can be known.
        if damage.concernsBob { #expect(findings.contains { $0.users.contains("bob") }, "\(findings)") }
    }

    @Test(arguments: StorageDamage.allCases, [1, 2, 5])
    func `what is found doesn't depend on how many entries are looked at together`(damage: StorageDamage, holdingsMax: Int) throws {
        let damaged = try DamagedStorage(tail: damage.isOfTail)
        try damaged.apply(damage)
        let whole = try examine(damaged.storage, holdingsMax: Examination.holdingsMax)
        let parts = try examine(damaged.storage, holdingsMax: holdingsMax)
        #expect(parts.findings == whole.findings && !whole.findings.isEmpty)
        #expect(parts.counts == whole.counts)
        #expect(parts.plan.losses == whole.plan.losses)
        #expect(parts.plan.inboxes == whole.plan.inboxes && parts.plan.names == whole.plan.names && parts.plan.meta == whole.plan.meta)
        #expect(parts.plan.tombstones == whole.plan.tombstones && parts.plan.notices == whole.plan.notices)
        try parts.plan.apply(to: damaged.storage, now: CoreTime(wall: 1_800_000_000_000, monotonic: 0))
        #expect(try Verification.run(on: damaged.storage).findings == [])
    }

    private func examine(_ storage: MemoryStorage, holdingsMax: Int) throws -> Examination {
        var told: [String: Int] = [:]
        var result: Examination?
        try storage.read { (snapshot) throws(StorageError) in
            var examination = try Examination(snapshot, nameSuffix: "x", holdingsMax: holdingsMax)
            try examination.run { stage, count in
                #expect(count >= told["\(stage)", default: 0], "\(stage)")
                told["\(stage)"] = count
            }
            result = examination
        }
        let examination = try #require(result)
        let remadeCount = examination.plan.inboxes.values.reduce(0) { $0 + $1.count }
        if remadeCount == 0 { #expect(told["counts"] == examination.counts.inboxEntries) }
        return examination
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func `parts of the inboxes' entries follow each other and stay small`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let countMax = Int.random(in: 1...20, using: &random)
        // Some positions are held by several users.
        let all = (0..<300).map { (position: Position(rawValue: UInt64.random(in: 1...200, using: &random)), user: UInt64($0)) }
        var passed: [UInt64] = []
        var after: UInt64 = 0
        while after < .max {
            var part = HoldingPart(after: after, countMax: countMax)
            for entry in all.shuffled(using: &random) {
                part.add(entry.position, of: entry.user)
                #expect(part.holdings.count < 2 * countMax + 20)
            }
            part.sort()
            #expect(part.through == .max || part.holdings.count >= countMax)
            passed += part.holdings.map(\.user)
            after = part.through
        }
        #expect(passed == all.sorted { ($0.position, $0.user) < ($1.position, $1.user) }.map(\.user))
    }
}

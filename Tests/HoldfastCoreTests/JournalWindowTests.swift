import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// Several batches in flight, bounded batches, and a journal of which it may be unknown what it has.
@Suite struct JournalWindowTests {
    /// A story over a log that answers as it is told to, with two phones.
    private func makeScenario(window: Int, batchBytesMax: Int = 8 << 20) throws -> (Scenario, ann: Phone, bob: Phone) {
        let storage = MemoryStorage(window: .init(batches: window), isFenced: true)
        let scenario = try Scenario(storage: storage, doubt: 0) { $0.batchBytesMax = batchBytesMax }
        return (scenario, try scenario.online("ann"), try scenario.online("bob"))
    }

    // G1: CoreHarness compares every effect with what is stored.
    @Test(arguments: [1, 4]) func `answers that come late, together, in doubt, or never let nothing leave too early`(window: Int) throws {
        var (joined, settled, refused, crashes) = (0, 0, 0, 0)
        for seed in CoreModelTests.seeds.prefix(40) {
            let run = try CoreModelRun(seed: seed, window: window)
            try run.run(operations: 300)
            if let problem = run.harness.problems.first {
                Issue.record("window \(window), seed \(seed): \(problem)\n\(run.harness.trace.suffix(80).joined(separator: "\n"))")
            }
            joined += run.harness.joinedAnswers
            settled += run.harness.settledDoubts
            refused += run.harness.refusals
            crashes += run.harness.crashes
        }
        #expect(settled > 0 && crashes > 0)
        // With one at a time no batch overtakes another, and none is answered together with another.
        if window > 1 { #expect(joined > 0 && refused > 0) } else { #expect(joined == 0) }
    }

    @Test(arguments: [1, 4]) func `from a journal that says nothing nothing is derived, and all of it when it speaks again`(window: Int)
        throws
    {
        let (scenario, ann, bob) = try makeScenario(window: window)
        let harness = scenario.harness
        let records = harness.storage.recordCount
        harness.isJournalSilent = true
        for text in 1...6 {
            ann.send(text...text, to: "bob")
            for _ in 0..<60 { try harness.step() }
        }
        for _ in 0..<20 {
            harness.tick(milliseconds: 1_000)
            for _ in 0..<20 { try harness.step() }
        }
        // It is stored, and nobody knows.
        #expect(harness.storage.recordCount > records && ann.confirmedThrough == 0 && bob.texts.isEmpty)
        #expect(harness.core.batches.line.givenCount == window)
        harness.isJournalSilent = false
        for _ in 0..<10 { harness.tick(milliseconds: 1_000) }
        try scenario.settle()
        #expect(ann.confirmedThrough == 6 && bob.texts == scenario.texts(1...6))
        #expect(harness.settledDoubts > 0)
        scenario.check()
    }

    @Test func `a batch is closed at its bound, and what the window doesn't let through waits in the line`() throws {
        let (scenario, ann, bob) = try makeScenario(window: 2, batchBytesMax: 400)
        let harness = scenario.harness
        harness.isJournalSilent = true
        ann.send(1...20, to: "bob", size: 100)
        // A record above the bound is a batch of its own.
        ann.send(21...21, to: "bob", size: 500)
        ann.send(22...22, to: "bob")
        for _ in 0..<400 { try harness.step() }
        let line = harness.core.batches.line
        #expect(line.givenCount == 2 && line.batches.count > 5)
        #expect(line.batches.allSatisfy { $0.journal.bytes.count <= 400 || $0.journal.entries.count == 1 })
        #expect(line.batches.contains { $0.journal.entries.count > 1 } && line.batches.contains { $0.journal.bytes.count > 400 })
        harness.isJournalSilent = false
        for _ in 0..<10 { harness.tick(milliseconds: 1_000) }
        try scenario.settle()
        #expect(ann.confirmedThrough == 22 && bob.texts.count == 22)
        scenario.check()
    }

    @Test func `another writer's batch in the place of one that was given out ends the process`() throws {
        let (scenario, ann, _) = try makeScenario(window: 4)
        let storage = scenario.harness.storage
        var batch = JournalBatch()
        Record.cursors([], time: 0).encode(body: [], into: &batch.bytes)
        batch.firstPosition = storage.nextPosition
        batch.nextPosition = Position(rawValue: storage.nextPosition.rawValue + 1)
        batch.entries = [.init(position: batch.firstPosition, offset: 0, count: batch.bytes.count)]
        #expect(try storage.commit(batch) == .synced)
        ann.send(1...1, to: "bob")
        #expect(throws: StorageError.anotherWriter(at: batch.firstPosition)) { try scenario.settle() }
        #expect(ann.confirmedThrough == 0)
    }

    @Test func `what isn't given out can't be synced`() async {
        await #expect(processExitsWith: .failure) {
            let scenario = try Scenario()
            _ = try scenario.online("ann")
            scenario.harness.core.committed(through: scenario.harness.core.nextPosition)
        }
    }
}

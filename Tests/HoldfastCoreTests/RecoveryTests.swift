import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// A start that has more to replay than may be kept, since the limit was lowered or the memory is smaller than in the run before.
@Suite struct RecoveryTests {
    /// A disk on which nothing but the journal has anything.
    private func filled() throws -> (storage: MemoryStorage, scenario: Scenario) {
        let storage = MemoryStorage()
        let scenario = try Scenario(storage: storage)
        let ann = try scenario.online("ann")
        for number in 0..<60 { _ = try scenario.offline("user\(number)") }
        for round in 0..<5 {
            for number in 0..<60 { ann.send("t\(round) for \(number)", to: "user\(number)") }
            try scenario.settle()
        }
        #expect(try applied(storage) == nil)
        #expect(scenario.harness.core.counts.changedEntries > 300)
        return (storage, scenario)
    }

    private static func small() -> CoreConfiguration {
        var configuration = CoreConfiguration()
        configuration.checkpointEntries = 15
        configuration.checkpointEntriesMax = 30
        configuration.cachedUsersMax = 10
        configuration.cachedLookupsMax = 10
        configuration.checkpointMilliseconds = .max
        return configuration
    }

    @Test func `a replay keeps no more than the limits allow, and loses nothing`() throws {
        let (storage, _) = try filled()
        let core = try Core.recover(
            storage: storage, configuration: Self.small(), loops: 1, now: CoreTime(wall: 1, monotonic: 1), writesCheckpoints: true)
        #expect(core.counts.changedEntries < 30)
        #expect(core.counts.users <= 10 + 30)
        #expect(core.counts.entries <= 30)
        #expect(core.nextPosition == storage.nextPosition)
        #expect(try applied(storage) ?? 0 > 300)
        // What the checkpoints have written is what the journal says.
        let (findings, counts) = try Verification.run(on: storage)
        #expect(findings == [])
        #expect(counts.inboxEntries + core.counts.entries >= 300)
    }

    @Test func `who comes after such a start gets everything, once and in order`() throws {
        let (_, scenario) = try filled()
        scenario.harness.configuration = Self.small()
        try scenario.phones.crash()
        #expect(scenario.harness.core.counts.changedEntries < 30)
        let phone = try #require(scenario.phones.all.first { $0.user == "user17" })
        try phone.comeBack()
        #expect(phone.texts == (0..<5).map { "t\($0) for 17" })
        let bert = try scenario.online("bert")
        bert.send(1...3, to: "user17")
        try scenario.settle()
        #expect(phone.texts.suffix(3) == scenario.texts(1...3)[...])
        try scenario.phones.drain()
        scenario.check()
    }

    @Test func `who only looks writes nothing, however much there is`() throws {
        let (storage, _) = try filled()
        let core = try Core.recover(storage: storage, configuration: Self.small(), loops: 1, now: CoreTime(wall: 1, monotonic: 1))
        #expect(core.counts.changedEntries > 300)
        #expect(try applied(storage) == nil)
    }

    @Test func `damage behind such a checkpoint stops the start and leaves what is whole`() throws {
        let (storage, _) = try filled()
        let last = try #require(storage.flipBit(record: UInt64(storage.recordCount - 1), bit: 77))
        do throws(StorageError) {
            _ = try Core.recover(
                storage: storage, configuration: Self.small(), loops: 1, now: CoreTime(wall: 1, monotonic: 1), writesCheckpoints: true)
            Issue.record("a damaged record was taken")
        } catch {
            #expect(error.code == .damaged && error.description.contains("\(last.rawValue)"))
        }
        let findings = try Verification.run(on: storage).findings
        #expect(findings.map(\.kind) == [.recordDamaged])
    }

    /// Up to where the store has applied the journal.
    private func applied(_ storage: MemoryStorage) throws(StorageError) -> UInt64? {
        var applied: UInt64?
        try storage.read { (snapshot) throws(StorageError) in applied = try StoreMeta.read(.appliedThrough, from: snapshot) }
        return applied
    }

    @Test func `a checkpoint stores no cursor without a record`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        bob.acknowledge()
        for _ in 0..<1_000 where scenario.harness.core.unrecordedCursors.isEmpty { try scenario.harness.step() }
        try #require(!scenario.harness.core.unrecordedCursors.isEmpty)
        scenario.harness.core.requestCheckpoint()
        #expect(scenario.harness.core.unrecordedCursors.isEmpty)
        #expect(scenario.harness.core.checkpoint.job?.through == scenario.harness.core.lastPosition)
        try scenario.settle()
        scenario.check()
    }
}

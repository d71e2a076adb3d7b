import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// Stories of wrong clocks, with records, checkpoints and restarts.
@Suite struct CoreClockTests {
    private static let year = ClockRule.yearMilliseconds

    private static func scenario(
        storage: MemoryStorage = MemoryStorage(), _ configure: (inout CoreConfiguration) -> Void = { _ in }
    ) throws -> Scenario {
        try Scenario(storage: storage) {
            $0.clock.earliest = 1_690_000_000_000
            configure(&$0)
        }
    }

    /// The times of the messages in the journal.
    private static func times(_ scenario: Scenario) throws -> [UInt64] {
        var times: [UInt64] = []
        try scenario.harness.storage.read { (snapshot) throws(StorageError) in
            try snapshot.records(after: .zero) { _, bytes in
                if case .message(let message)? = Record.decode(bytes) { times.append(message.time) }
                return true
            }
        }
        return times
    }

    @Test(arguments: [false, true]) func `one wrong clock poisons nothing: with the right one times are right again, after restarts too`(
        isStored: Bool
    ) throws {
        // What was stored before the limit was there: a directory that believed everything.
        let scenario = try Self.scenario { if isStored { $0.clock.aheadMax = 1_000 * Self.year } }
        let right = scenario.harness.now.wall
        scenario.harness.now.wall += 30 * Self.year
        let ann = try scenario.online("ann")
        _ = try scenario.offline("bob")
        ann.send("ahead", to: "bob")
        try scenario.toDisk()
        #expect(try Self.times(scenario).allSatisfy { isStored ? $0 > right + 29 * Self.year : $0 <= right + Self.year })

        scenario.harness.configuration.clock.aheadMax = ClockRule().aheadMax
        scenario.harness.now.wall -= 30 * Self.year
        for round in 1...3 {
            try scenario.phones.crash()
            try ann.comeBack()
            #expect(ann.welcomes.last.map { $0.serverTime < right + Self.year } == true)
            ann.send("right \(round)", to: "bob")
            // Once with a checkpoint, once replayed.
            if round != 2 { try scenario.toDisk() } else { try scenario.settle() }
        }
        let times = try Self.times(scenario)
        #expect(times.count == 4)
        #expect(times.dropFirst().allSatisfy { right <= $0 && $0 < right + 86_400_000 }, "\(times)")
        scenario.check()
    }

    @Test func `while the clock is decades ahead and afterwards, inboxes and sessions expire when they are due`() throws {
        let scenario = try Self.scenario {
            $0.inboxDays = 3
            $0.sessionDays = 20
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...2, to: "bob")
        try scenario.toDisk()
        scenario.harness.now.wall += 30 * Self.year
        try scenario.phones.crash()
        try scenario.toDisk()
        #expect(scenario.harness.stored.evictions.isEmpty, "not early")
        scenario.harness.now.wall -= 30 * Self.year
        try scenario.phones.crash()
        scenario.days(2)
        try scenario.toDisk()
        #expect(scenario.harness.stored.evictions.isEmpty, "not early")
        scenario.days(2)
        try scenario.toDisk()
        #expect(!scenario.harness.stored.evictions.isEmpty, "and not never")
        try bob.comeBack()
        #expect(bob.welcomes.last?.outcome == .resumed)
        #expect(bob.gaps.map(\.reason) == [.expired])
        scenario.check()
    }

    @Test func `a backup with a wrong time has the clock's at its next start, repaired or not`() throws {
        let scenario = try Self.scenario { $0.clock.aheadMax = 1_000 * Self.year }
        let right = scenario.harness.now.wall
        scenario.harness.now.wall += 30 * Self.year
        let ann = try scenario.online("ann")
        ann.send("ahead", to: "bob")
        try scenario.toDisk()
        let backup = scenario.harness.storage.crashCopy()
        let (plan, _) = try RepairPlan.make(for: backup, unreadable: .init(), nameSuffix: "x")
        try plan.apply(to: backup, now: CoreTime(wall: right, monotonic: 0))
        #expect(try Verification.run(on: backup).findings == [])
        let core = try Core.recover(
            storage: backup, configuration: scenario.harness.configuration, loops: 1, now: CoreTime(wall: right + 1, monotonic: 0))
        #expect(core.clock.time == right + 1)
    }
}

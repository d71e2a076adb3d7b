import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// What all inboxes hold together, against a look at every user's row, in memory and on disk.
@Suite struct InboxTotalsTests {
    /// Everybody's inbox counted one by one.
    private static func counted(_ harness: CoreHarness) throws -> InboxTotals {
        var totals = InboxTotals(.init(harness.configuration))
        try harness.storage.read { (snapshot) throws(StorageError) in
            try harness.core.inspectUsers(from: snapshot) { user in
                totals.changed(from: (0, 0), to: (user.inboxMessages, user.inboxBytes))
                return true
            }
        }
        return totals
    }

    private func check(_ scenario: Scenario, _ location: SourceLocation = #_sourceLocation) throws -> InboxTotals {
        let totals = scenario.harness.core.users.totals
        #expect(totals == (try Self.counted(scenario.harness)), sourceLocation: location)
        return totals
    }

    @Test func `an inbox counts as near a limit above 80 % of it, until it is emptied`() throws {
        let scenario = try Scenario {
            $0.inboxMessagesMax = 10
            $0.inboxBytesMax = 200
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        _ = try scenario.offline("cat")
        ann.send(1...8, to: "bob", size: 10)
        ann.send(21...23, to: "cat", size: 60)
        try scenario.settle()
        var totals = try check(scenario)
        #expect(totals.messages == 11 && totals.nearMessages == 0 && totals.nearBytes == 1)
        ann.send(9...9, to: "bob", size: 10)
        try scenario.toDisk()
        totals = try check(scenario)
        #expect(totals.messages == 12 && totals.bytes == 270 && totals.nearMessages == 1 && totals.nearBytes == 1)
        try bob.comeBack()
        bob.acknowledge()
        try scenario.toDisk()
        totals = try check(scenario)
        #expect(totals.messages == 3 && totals.nearMessages == 0 && totals.nearBytes == 1)
        scenario.check()
    }

    @Test func `users on disk stay counted over a restart, and are counted anew when a limit has changed`() throws {
        let scenario = try Scenario { $0.inboxMessagesMax = 10 }
        let ann = try scenario.online("ann")
        for name in ["bob", "cat", "dan"] { _ = try scenario.offline(name) }
        ann.send(1...9, to: "bob")
        ann.send(11...15, to: "cat")
        try scenario.toDisk()
        // Behind the checkpoint: replayed.
        ann.send(21...29, to: "dan")
        try scenario.settle()
        try scenario.phones.crash()
        #expect(try check(scenario).nearMessages == 2)
        scenario.harness.configuration.inboxMessagesMax = 5
        try scenario.phones.crash()
        let totals = try check(scenario)
        #expect(totals.nearMessages == 3 && totals.messages == 23)
        scenario.check()
    }

    @Test func `whoever only looks doesn't count, and says so`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send(1...3, to: "bob")
        try scenario.toDisk()
        var configuration = CoreConfiguration()
        configuration.inboxMessagesMax = 7
        let core = try Core.recover(
            storage: scenario.harness.storage, configuration: configuration, loops: 1, now: scenario.harness.now)
        #expect(!core.users.totals.isKnown)
        let rows = Dictionary(uniqueKeysWithValues: core.users.totals.rows)
        #expect(rows[.inboxLimits] == 0, "the next start counts")
    }

    // The totals of the store must be those of its checkpoint, whatever was under way when the process was killed.
    @Test(arguments: Array(UInt64(1)...40)) func `totals are right after random operations and crashes`(seed: UInt64) throws {
        let run = try CoreModelRun(seed: seed)
        try run.run(operations: 200)
        #expect(run.harness.core.users.totals == (try Self.counted(run.harness)), "seed \(seed)")
        let again = try CoreModelRun(seed: seed)
        again.observe = { _ in
            if again.harness.core.users.totals != (try Self.counted(again.harness)) { again.harness.fail("totals of inboxes are wrong") }
        }
        try again.run(operations: 60)
        #expect(again.harness.problems.isEmpty, "seed \(seed): \(again.harness.problems)")
    }

    @Test func `the oldest undelivered message is the first that an inbox on disk holds`() throws {
        let scenario = try Scenario()
        let storage = { scenario.harness.storage }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        let cat = try scenario.offline("cat")
        try scenario.toDisk()
        #expect(try OldestUndelivered.read(storage()) == nil)
        ann.send(1...1, to: "bob")
        try scenario.settle()
        scenario.days(2)
        ann.send(2...2, to: "cat")
        try scenario.toDisk()
        let age = scenario.harness.core.figures.age
        let first = try #require(try OldestUndelivered.read(storage()))
        #expect(age - first.age >= 2 * 86_400)
        try bob.comeBack()
        bob.acknowledge()
        try scenario.toDisk()
        let second = try #require(try OldestUndelivered.read(storage()))
        #expect(second.position > first.position && second.age >= first.age + 2 * 86_400)
        try cat.comeBack()
        cat.acknowledge()
        try scenario.toDisk()
        #expect(try OldestUndelivered.read(storage()) == nil)
        scenario.check()
    }

    @Test func `what is lost is counted by its reason, and what is refused by its code`() throws {
        let scenario = try Scenario {
            $0.inboxPolicy = .evictWithGap
            $0.inboxMessagesMax = 64
            $0.bodyBytesMax = 50
        }
        let ann = try scenario.online("ann")
        _ = try scenario.offline("bob")
        ann.send(1...74, to: "bob", size: 10)
        try scenario.settle()
        #expect(scenario.harness.core.totals.lost[.evicted] == 10)
        ann.send(75...75, to: "bob", size: 51)
        try scenario.settle()
        let totals = scenario.harness.core.totals
        #expect(totals.refusedToClients[.bodyTooLarge] == 1 && totals.refusedToClients[.inboxFull] == 0)
        #expect(totals.storedForClients == .init(count: 74, bytes: 740) && totals.entries == 74)
        #expect(totals.sessionsBegun == 2)
        scenario.check()
    }
}

import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// A store that has a user's name and has lost the row: whoever names the user hears so, and nothing is asked for again and again.
@Suite struct LostRowTests {
    /// What a gateway left behind that knew bob.
    private func storageWithoutBob() throws -> MemoryStorage {
        let before = try Scenario()
        let ann = try before.online("ann")
        _ = try before.offline("bob")
        ann.send(1...1, to: "bob")
        try before.toDisk()
        let number = before.harness.stored.number(of: "bob")
        let storage = before.harness.storage.crashCopy()
        try storage.checkpoint { (store) throws(StorageError) in try store.delete(.users, StoreKey.inline(number).span) }
        return storage
    }

    @Test func `who names a user without a row is refused, and the user is closed`() throws {
        let scenario = try Scenario(storage: try storageWithoutBob())
        let carl = try scenario.online("carl")
        carl.send("t1", to: "bob")
        try scenario.settle()
        #expect(carl.refusals.map(\.code) == [.invalidRecipient])
        let bob = scenario.phones.add("bob")
        bob.hello()
        try scenario.settle()
        #expect(bob.closes == [.internalError])
        #expect(scenario.harness.core.counts.waitingCommands == 0)
        #expect(scenario.harness.problems.isEmpty, "\(scenario.harness.problems)")
    }

    @Test func `who asks for a user without a row hears so, and not that nobody has the name`() throws {
        let scenario = try Scenario(storage: try storageWithoutBob())
        let sessions = scenario.harness.ask(["bob"]) { .sessions(user: $0[0]) }
        let inbox = scenario.harness.ask(["bob"]) { .inbox(user: $0[0]) }
        let stranger = scenario.harness.ask(["zoe"]) { .inbox(user: $0[0]) }
        try scenario.settle()
        #expect(scenario.harness.answers[sessions] == .userLost && scenario.harness.answers[inbox] == .userLost)
        guard case .inbox(nil, _)? = scenario.harness.answers[stranger] else { return #expect(Bool(false)) }
        #expect(scenario.harness.core.counts.waitingCommands == 0)
        #expect(scenario.harness.problems.isEmpty, "\(scenario.harness.problems)")
    }
}

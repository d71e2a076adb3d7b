import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// A store that has a user's name and has lost the row: whoever names the user hears so, and nothing is asked for again and again.
@Suite struct LostRowTests {
    @Test func `who names a user without a row is refused, and the user is closed`() throws {
        let before = try Scenario()
        let ann = try before.online("ann")
        _ = try before.offline("bob")
        ann.send(1...1, to: "bob")
        try before.toDisk()
        let number = before.harness.ledger.number(of: "bob")
        let storage = before.harness.storage.crashCopy()
        try storage.checkpoint { (store) throws(StorageError) in try store.delete(.users, StoreKey.inline(number).span) }

        let scenario = try Scenario(storage: storage)
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
}

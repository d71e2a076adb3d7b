import HoldfastWire
import Testing

@testable import HoldfastCore

/// What the simulator and the fuzz target ask after each turn must be able to say no.
@Suite struct InvariantTests {
    private func busy() throws -> Scenario {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        _ = try scenario.online("bob")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        #expect(scenario.harness.core.violation == nil)
        return scenario
    }

    @Test func `counts of connections and pins are compared with the rows`() throws {
        let scenario = try busy()
        let found = scenario.harness.core.users.find(1)
        let user = try #require(found)
        scenario.harness.core.users[user].receivingConnections += 1
        #expect(scenario.harness.core.violation?.contains("receiving connections") == true)
        scenario.harness.core.users[user].receivingConnections -= 1
        scenario.harness.core.users.pin(user)
        #expect(scenario.harness.core.violation?.contains("pins") == true)
    }

    @Test func `what is sent and unacknowledged is compared with its counters`() throws {
        let scenario = try busy()
        let found = scenario.harness.core.users.find(2)
        let user = try #require(found)
        let first = scenario.harness.core.users.firstSession(of: user) { _ in true }
        let session = try #require(first)
        var row = scenario.harness.core.users.sessions[session]
        scenario.harness.core.streams.append(
            InboxEntry(position: Position(rawValue: 1 << 40), ordinal: 9, cumulativeBytes: 9), size: 1, kind: .message, to: &row)
        scenario.harness.core.users.sessions[session] = row
        let stream = scenario.harness.core.sessions[session].stream
        scenario.harness.core.streams.rows[stream].sent = Position(rawValue: 1 << 41)
        #expect(scenario.harness.core.violation?.contains("sent up to") == true)
        scenario.harness.core.streams.rows[stream].unacknowledgedCount += 1
        #expect(scenario.harness.core.violation?.contains("aren't counted right") == true)
    }

    @Test func `positions of batches are compared with what is synced`() throws {
        let scenario = try busy()
        scenario.harness.core.batches.settledThrough = scenario.harness.core.nextPosition
        #expect(scenario.harness.core.violation == "positions are out of order")
    }
}

import Foundation
import Testing

@testable import holdfast_load

/// Scenario files: what they mean, and that an error names the file, the key and the limit.
@Suite struct MixPlanTests {
    private static let good = """
        duration: 5
        groups:
          - name: talkers
            behaviour: chat
            clients: 10
            messagesPerSecond: 7.5
          - name: guests
            behaviour: churn
            clients: 4
            usersPerSecond: 2
            leave: reset
        """

    @Test func `a file says what it says`() throws {
        let plan = try MixPlan(yaml: Self.good, source: "x.yaml")
        #expect(
            plan
                == MixPlan(
                    seconds: 5,
                    groups: [
                        .init(name: "talkers", behaviour: .chat, clients: 10, messagesPerSecond: 7.5),
                        .init(name: "guests", behaviour: .churn, clients: 4, eventsPerSecond: 2, leave: .reset),
                    ]))
        #expect(plan.connections == 10 + 4 + MixPlan.helperCount)
    }

    @Test func `the example is good`() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "scenarios/evening.yaml")
        #expect(try MixPlan(file: file.path).groups.map(\.behaviour).count == MixPlan.Behaviour.allCases.count)
    }

    @Test(arguments: [
        ("clients: 10", "clients: 0", ["x.yaml:5", "groups[0].clients", "'0'", "1 to 10000000"]),
        ("clients: 10", "clients: 9", ["groups[0].clients", "'9'", "even"]),
        ("clients: 10", "clients: 1.5", ["groups[0].clients", "'1.5'", "whole"]),
        ("clients: 10", "client: 10", ["groups[0].clients", "missing"]),
        ("behaviour: chat", "behaviour: talk", ["groups[0].behaviour", "'talk'", "idle, heartbeat, chat"]),
        ("messagesPerSecond: 7.5", "messagesPerSecond: fast", ["groups[0].messagesPerSecond", "'fast'"]),
        ("messagesPerSecond: 7.5", "messagesPerSecond: 7.5\n    leave: reset", ["groups[0].leave", "no such key", "messagesPerSecond"]),
        ("leave: reset", "leave: silence", ["groups[1].leave", "'silence'", "logout, close"]),
        ("name: guests", "name: talkers", ["groups[1].name", "'talkers' is taken"]),
        ("duration: 5", "duration: 0", ["x.yaml:1", "duration", "'0'"]),
        ("duration: 5", "durations: 5", ["durations", "no such key"]),
        ("duration: 5", "duration: [", ["x.yaml", "not valid YAML"]),
    ])
    func `a wrong file is refused with what is wrong`(good: String, bad: String, parts: [String]) {
        let text = Self.good.replacingOccurrences(of: good, with: bad)
        let error = #expect(throws: LoadError.self) { try MixPlan(yaml: text, source: "x.yaml") }
        for part in parts { #expect(error?.description.contains(part) == true, "\(error?.description ?? "") lacks \(part)") }
    }

    @Test func `two groups that need the same part are refused`() {
        let guests = Self.good.components(separatedBy: "  - name: guests")[1]
        let error = #expect(throws: LoadError.self) {
            try MixPlan(yaml: Self.good + "\n  - name: others" + guests, source: "x.yaml")
        }
        #expect(error?.description.contains("groups[2].behaviour") == true)
    }

    @Test func `phones, visitors and absent users have numbers of their own`() {
        var plan = MixPlan.evening(clients: 100, rate: 10, seconds: 1)
        plan.groups.reverse()
        let places = MixPlaces(plan)
        #expect(zip(places.phones, places.phones.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(places.phones.last?.upperBound == places.tokenCount && places.visitors.lowerBound == places.tokenCount)
        #expect(places.awayUsers.lowerBound == places.visitors.upperBound && places.awayUsers.count == 50)
    }

    @Test func `a scaled mix keeps its pairs`() {
        let plan = MixPlan.evening(clients: 1_000, rate: 100, seconds: 1).scaled(clients: 1 / 3, rates: 1 / 3)
        #expect(plan.groups.allSatisfy { !$0.behaviour.isInPairs || $0.clients % 2 == 0 })
        #expect(abs(plan.messagesPerSecond - 100 / 3) < 0.01)
    }

    @Test func `clients and rates are scaled apart`() {
        let plan = MixPlan.evening(clients: 1_000, rate: 100, seconds: 1)
        let scaled = plan.scaled(clients: 2, rates: 3)
        #expect(scaled.clients == 2 * plan.clients)
        #expect(scaled.groups.map(\.messagesPerSecond) == plan.groups.map { $0.messagesPerSecond * 3 })
        #expect(scaled.groups.map(\.eventsPerSecond) == plan.groups.map { $0.eventsPerSecond * 3 })
    }
}

import Foundation
import Testing

@testable import holdfast_load

/// Scenarios, small, on a gateway of their own: what their reports say.
@Suite(.serialized, .timeLimit(.minutes(10))) struct GatewayScenarioTests {
    private static func workshop() throws -> Workshop {
        try Workshop(gateway: nil, parent: FileManager.default.temporaryDirectory.path)
    }

    private static func withGateway(_ body: (GatewayProcess) async throws -> Void) async throws {
        let gateway = try GatewayProcess(workshop(), name: "scenario")
        defer { gateway.remove() }
        try await body(gateway)
    }

    @Test func `the same storm comes again, and memory is compared`() async throws {
        try await Self.withGateway { gateway in
            let report = try await StormScenario(
                target: gateway.target(), clients: 40, backlog: 3, senders: 4, rounds: 3, quietSeconds: 0
            ).run()
            #expect(report.isClean, "\(report.faults)")
            #expect(report.roundSeconds?.count == 3)
            #expect(report.delivered == 3 * 40 * 3)
            #expect(report.figures["resumes"] == 120)
            #expect(report.latencyMicroseconds["lastMessage"]?.count == 3 * 40)
            #expect(report.figures["lostConnections"] == 0)
            let (first, last) = (report.figures["serverBytesPerPhoneAfterFirstRound"], report.figures["serverBytesPerPhoneAfterLastRound"])
            let growth = try #require(report.figures["growthBytesPerPhone"])
            #expect(first.flatMap { first in last.map { abs($0 - first - growth) < 0.5 } } == true)
        }
    }

    @Test func `a storm beside others' messages says what these cost`() async throws {
        try await Self.withGateway { gateway in
            let report = try await StormScenario(
                target: gateway.target(), clients: 20, backlog: 2, senders: 2, durableRate: 500, seconds: 0.5
            ).run()
            #expect(report.isClean, "\(report.faults)")
            #expect(report.figures["bystanderServerSeconds"] != nil)
        }
    }

    @Test func `each offered load has a report, with all phones served and all messages checked`() async throws {
        let scenario = OverloadScenario(
            workshop: try Self.workshop(), namespace: nil, clients: 60, seconds: 0.1, backlog: 2, share: 0, isTLS: false, silenceSeconds: 20
        )
        var reports: [Report] = []
        try await scenario.arrivals(control: true, factors: [0.01, 100]) { reports.append($0) }
        #expect(reports.map(\.scenario) == ["overload-capacity", "overload", "overload"])
        for report in reports {
            #expect(report.isClean, "\(report.faults)")
            #expect(report.sent == report.clients * 2 && report.delivered == report.sent)
        }
        for report in reports.dropFirst() { #expect(report.latencyMicroseconds["arrivalToWelcome"]?.count == report.clients) }
        // Few phones in one, all in the other: none shows what another has sent.
        #expect(reports.count == 3 && reports[1].clients < 60 && reports[2].clients == 60)
    }

    @Test func `a service session through the client library has a receipt for each message`() async throws {
        try await Self.withGateway { gateway in
            let report = try await ServiceScenario(target: gateway.target(), recipients: 50, window: 200, seconds: 0.5).run()
            #expect(report.isClean, "\(report.faults)")
            #expect(report.acknowledged > 0 && report.acknowledged == report.sent)
            #expect(report.figures["ratioToProbe"].map { $0 > 0 } == true)
        }
    }

    @Test func `a phone that isn't served makes a report fail`() async throws {
        let scenario = OverloadScenario(
            workshop: try Self.workshop(), namespace: nil, clients: 10, seconds: 0.5, backlog: 0, share: 0, isTLS: false, silenceSeconds: 20
        )
        let seen = Arrivals(phones: 10, backlog: 0, start: 0)
        for phone in 0..<9 { seen.welcome(phone, 1) }
        var report = Report(scenario: "overload", clients: 10)
        scenario.add(seen.summary, of: 10, to: &report)
        #expect(report.faults == ["phones that were not served": 1] && !report.isClean)
    }

    @Test func `a disconnect ends when the gateway has closed all`() async throws {
        try await Self.withGateway { gateway in
            let report = try await DisconnectScenario(target: gateway.target(), clients: 50, durableRate: 100, seconds: 1).run()
            #expect(report.isClean, "\(report.faults)")
            #expect(report.figures["secondsUntilAllClosed"] != nil, "\(report.notes)")
        }
    }
}

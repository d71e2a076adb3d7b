import Foundation

/// The runs behind `holdfast-load ratios`.
struct Ratios {
    let workshop: Workshop
    let floorSources: String?
    let runs: Int
    let clients: Int
    let seconds: Double
    private(set) var result = RatioResult()

    private static let heartbeatClients = 100
    private static let connectClients = 1_000
    private static let floorConnects = 60_000
    private static let floorHandshakes = 6_000

    init(workshop: Workshop, floorSources: String?, runs: Int, clients: Int, seconds: Double) {
        self.workshop = workshop
        self.floorSources = floorSources
        self.runs = runs
        self.clients = clients
        self.seconds = seconds
    }

    /// Memory of idle connections.
    mutating func idle(tls: Bool) async throws {
        let gateway = try GatewayProcess(workshop, name: tls ? "idle-tls" : "idle")
        defer { gateway.remove() }
        let report = try await IdleScenario(target: try gateway.target(tls: tls), clients: clients).run()
        result.reports.append(report)
        let name = tls ? "idle, TLS" : "idle, plain"
        result.add("\(name): private bytes a connection", report.serverBytesPerConnection, atMost: tls ? 14_500 : 400)
        // From the first round to the last: the first one makes what the messages themselves need, conversations and inboxes.
        let growth = ["growthBytesPerConnectionAfterRound1", "growthBytesPerConnectionAfterRound2"].compactMap { report.figures[$0] }
        if growth.count == 2 {
            result.add("\(name): growth by the first message of each", growth[0], atMost: nil)
            result.add("\(name): further growth by the second", growth[1] - growth[0], atMost: nil)
        }
    }

    /// CPU time of a heartbeat against that of the floor's smallest message.
    mutating func heartbeat() async throws {
        let gateway = try GatewayProcess(workshop, name: "heartbeat", configuration: HeartbeatScenario.gatewayConfiguration)
        defer { gateway.remove() }
        let floor = try Floor(sources: floorSources)
        for outstanding in [1, 16] {
            var ours: [Double] = []
            var floors: [Double] = []
            var floorsOwn: [Double] = []
            for _ in 0..<runs {
                floors.append(
                    try floor.microsecondsPerMessage(
                        clients: Self.heartbeatClients, outstanding: outstanding, seconds: Int(max(1, seconds))))
                let scenario = HeartbeatScenario(
                    target: try gateway.target(), clients: Self.heartbeatClients, outstanding: outstanding, seconds: seconds)
                let report = try await scenario.run()
                result.reports.append(report)
                ours.append(report.figures["serverMicrosecondsPerBeat"] ?? .nan)
                floorsOwn.append(
                    try await floor.microsecondsPerMessageOwnGenerator(
                        clients: Self.heartbeatClients, outstanding: outstanding, seconds: seconds))
            }
            let name = "heartbeat, \(outstanding) outstanding"
            result.add("\(name): CPU to the floor's", Median.ratio(ours, to: floors), atMost: 1.2)
            result.add("\(name): the same with one generator for both", Median.ratio(ours, to: floorsOwn), atMost: nil)
            result.add("\(name): us of CPU a beat", Median.of(ours), atMost: nil)
            result.add("\(name): us of CPU a message of the floor", Median.of(floors), atMost: nil)
        }
    }

    /// CPU time of a connect with a ticket against the floor's connect and ping, both ended by a reset of the client.
    mutating func connect() async throws {
        let gateway = try GatewayProcess(workshop, name: "connect")
        defer { gateway.remove() }
        let floor = try Floor(sources: floorSources)
        var tickets: [Double] = []
        var tokens: [Double] = []
        var floors: [Double] = []
        for _ in 0..<runs {
            floors.append(try floor.microsecondsPerConnect(Self.floorConnects))
            tickets.append(try await connect(to: gateway.target(), by: .ticket))
            tokens.append(try await connect(to: gateway.target(), by: .token))
        }
        result.add("connect with a ticket: CPU to the floor's connect", Median.ratio(tickets, to: floors), atMost: 1.4)
        result.add("connect with a ticket: us of CPU", Median.of(tickets), atMost: nil)
        result.add("connect with a token: us of CPU", Median.of(tokens), atMost: nil)
        result.add("connect: us of CPU of the floor", Median.of(floors), atMost: nil)
    }

    /// CPU time of a TLS handshake against that of bare OpenSSL in the floor's loop, with the same certificate.
    mutating func tlsConnect() async throws {
        let gateway = try GatewayProcess(workshop, name: "tls-connect")
        defer { gateway.remove() }
        let floor = try Floor(sources: floorSources, tls: gateway.data + "/tls")
        for resumes in [false, true] {
            var ours: [Double] = []
            var floors: [Double] = []
            for _ in 0..<runs {
                floors.append(try floor.microsecondsPerHandshake(Self.floorHandshakes, resumes: resumes))
                ours.append(try await connect(to: gateway.target(tls: true, keepsSessions: resumes), by: .nothing))
            }
            let name = "TLS handshake, \(resumes ? "resumed" : "full")"
            result.add("\(name): CPU to bare OpenSSL's", Median.ratio(ours, to: floors), atMost: 1.1)
            result.add("\(name): us of CPU", Median.of(ours), atMost: nil)
            result.add("\(name): us of CPU of bare OpenSSL", Median.of(floors), atMost: nil)
        }
    }

    private mutating func connect(to target: Target, by credential: ConnectScenario.Credential) async throws -> Double {
        let scenario = ConnectScenario(
            target: target, clients: Self.connectClients, credential: credential, seconds: seconds, departure: .reset)
        let report = try await scenario.run()
        result.reports.append(report)
        return report.figures["serverMicrosecondsPerConnect"] ?? .nan
    }

    /// Durable messages against bare appends.
    mutating func throughput() async throws {
        var ratios: [Double] = []
        var rates: [Double] = []
        var waits: [Double] = []
        for _ in 0..<runs {
            let probe = try ProbeScenario(directory: workshop.directory, seconds: seconds).run()
            let gateway = try GatewayProcess(workshop, name: "throughput")
            defer { gateway.remove() }
            let report = try await ThroughputScenario(target: try gateway.target(), seconds: seconds).run()
            result.reports += [probe, report]
            guard let ours = report.rates["delivered"], let records = probe.rates["records"] else { continue }
            ratios.append(ours / records)
            rates.append(ours)
            let half = try await ThroughputScenario(target: try gateway.target(), rate: .perSecond(ours / 2), seconds: seconds).run()
            result.reports.append(half)
            guard let sent = half.latencyMicroseconds["sent"]?.p99, let commit = probe.figures["commitMicrosecondsMedian"] else { continue }
            waits.append(sent / commit)
        }
        result.add("throughput: delivered to appends of the probe", Median.of(ratios), atLeast: 0.43)
        result.add("throughput: p99 of SENT at half load to a commit of the probe", Median.of(waits), atMost: 4)
        result.add("throughput: delivered a second", Median.of(rates), atMost: nil)
    }

    /// Everybody comes back at once.
    mutating func storm() async throws {
        let gateway = try GatewayProcess(workshop, name: "storm")
        defer { gateway.remove() }
        let report = try await StormScenario(target: try gateway.target(), clients: clients / 6 * 5).run()
        result.reports.append(report)
        result.add("storm: seconds to the last message", report.figures["secondsToLastMessage"], atMost: nil)
        result.add(
            "storm: lost, doubled, out of order, damaged", Double(report.lost + report.duplicated + report.reordered + report.corrupted),
            atMost: 0)
    }

    /// A start after kill -9.
    mutating func restart() async throws {
        let report = try await RestartScenario(workshop: workshop).run()
        result.reports.append(report)
        for name in ["Warm", "Cold"] {
            result.add(
                "restart, 10,000,000 queued, \(name.lowercased()) cache: seconds to the first phone's messages",
                report.figures["secondsToFirstPhone\(name)Median"], atMost: 2)
        }
    }

}

/// Ratios with their goals, and the runs that they come from.
struct RatioResult: Codable, Sendable {
    /// One figure.
    struct Ratio: Codable, Sendable {
        var name: String
        var value: Double
        var atMost: Double?
        var atLeast: Double?
        /// Missing when there is no goal.
        var isReached: Bool?
    }

    private(set) var ratios: [Ratio] = []
    var reports: [Report] = []

    /// Adds a figure that should be low.
    mutating func add(_ name: String, _ value: Double?, atMost goal: Double?) {
        guard let value, value.isFinite else { return }
        ratios.append(Ratio(name: name, value: value, atMost: goal, isReached: goal.map { value <= $0 }))
    }

    /// Adds a figure that should be high.
    mutating func add(_ name: String, _ value: Double?, atLeast goal: Double) {
        guard let value, value.isFinite else { return }
        ratios.append(Ratio(name: name, value: value, atLeast: goal, isReached: value >= goal))
    }

    /// A table for people, after the reports of the runs.
    var text: String {
        let width = ratios.map(\.name.count).max() ?? 0
        let rows = ratios.map { ratio in
            let goal = ratio.atMost.map { "at most \(Report.number($0))" } ?? ratio.atLeast.map { "at least \(Report.number($0))" } ?? ""
            let verdict = ratio.isReached.map { $0 ? "reached" : "MISSED" } ?? ""
            let cells = [(ratio.name, width), (Report.number(ratio.value), 10), (goal, 15), (verdict, 7)]
            return cells.map { $0.0.padding(toLength: max($0.1, $0.0.count), withPad: " ", startingAt: 0) }.joined(separator: "  ")
        }
        return (reports.map(\.text) + [""] + rows).joined(separator: "\n")
    }
}

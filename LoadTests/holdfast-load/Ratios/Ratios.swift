import Foundation

/// The runs behind `holdfast-load ratios`.
struct Ratios {
    let workshop: Workshop
    let floorSources: String?
    let runs: Int
    let clients: Int
    let seconds: Double
    /// Takes each figure and each run as soon as it is there.
    let log: RatioLog

    private static let heartbeatClients = 100
    private static let connectClients = 1_000
    private static let floorConnects = 60_000
    private static let floorHandshakes = 6_000

    /// Runs one of them.
    func run(_ measure: RatioMeasure) async throws {
        switch measure {
        case .idle: try await idle(tls: false)
        case .tls: try await idle(tls: true)
        case .connect: try await connect()
        case .tlsConnect: try await tlsConnect()
        case .heartbeat: try await heartbeat()
        case .throughput: try await throughput()
        case .service: try await service()
        case .storm: try await storm()
        case .restart: try await restart()
        }
    }

    /// Memory of idle connections.
    private func idle(tls: Bool) async throws {
        let gateway = try GatewayProcess(workshop, name: tls ? "idle-tls" : "idle")
        defer { gateway.remove() }
        let report = try await IdleScenario(target: try gateway.target(tls: tls), clients: clients).run()
        log.add(report)
        let name = tls ? "idle, TLS" : "idle, plain"
        log.add(tls ? .idleTLS : .idle, report.serverBytesPerConnection)
        // From the first round to the last: the first one makes what the messages themselves need, conversations and inboxes.
        let growth = ["growthBytesPerConnectionAfterRound1", "growthBytesPerConnectionAfterRound2"].compactMap { report.figures[$0] }
        if growth.count == 2 {
            log.add("\(name): growth by the first message of each", growth[0])
            log.add("\(name): further growth by the second", growth[1] - growth[0])
        }
    }

    /// CPU time of a heartbeat against that of the floor's smallest message.
    private func heartbeat() async throws {
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
                log.add(report)
                ours.append(report.figures["serverMicrosecondsPerBeat"] ?? .nan)
                floorsOwn.append(
                    try await floor.microsecondsPerMessageOwnGenerator(
                        clients: Self.heartbeatClients, outstanding: outstanding, seconds: seconds))
            }
            let name = "heartbeat, \(outstanding) outstanding"
            log.add(.heartbeat(outstanding), Median.ratio(ours, to: floors))
            log.add("\(name): the same with one generator for both", Median.ratio(ours, to: floorsOwn))
            log.add("\(name): us of CPU a beat", Median.of(ours))
            log.add("\(name): us of CPU a message of the floor", Median.of(floors))
        }
    }

    /// CPU time of a connect with a ticket against the floor's connect and ping, both ended by a reset of the client.
    private func connect() async throws {
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
        log.add(.connect, Median.ratio(tickets, to: floors))
        log.add("connect with a ticket: us of CPU", Median.of(tickets))
        log.add("connect with a token: us of CPU", Median.of(tokens))
        log.add("connect: us of CPU of the floor", Median.of(floors))
    }

    /// CPU time of a TLS handshake against that of bare OpenSSL in the floor's loop, with the same certificate. Both ended by a FIN: a reset
    /// right after the client's last message often throws that away before the server has read it, and with it a third of the server's work.
    private func tlsConnect() async throws {
        let gateway = try GatewayProcess(workshop, name: "tls-connect")
        defer { gateway.remove() }
        let floor = try Floor(sources: floorSources, tls: gateway.data + "/tls")
        for resumes in [false, true] {
            var ours: [Double] = []
            var floors: [Double] = []
            for _ in 0..<runs {
                floors.append(try floor.microsecondsPerHandshake(Self.floorHandshakes, resumes: resumes))
                ours.append(try await connect(to: gateway.target(tls: true, keepsSessions: resumes), by: .nothing, departure: .close))
            }
            let name = "TLS handshake, \(resumes ? "resumed" : "full")"
            log.add(.handshake(resumes: resumes), Median.ratio(ours, to: floors))
            log.add("\(name): us of CPU", Median.of(ours))
            log.add("\(name): us of CPU of bare OpenSSL", Median.of(floors))
        }
    }

    private func connect(
        to target: Target, by credential: ConnectScenario.Credential, departure: Fleet.Departure = .reset
    ) async throws -> Double {
        let scenario = ConnectScenario(
            target: target, clients: Self.connectClients, credential: credential, seconds: seconds, departure: departure)
        let report = try await scenario.run()
        log.add(report)
        return report.figures["serverMicrosecondsPerConnect"] ?? .nan
    }

    /// Durable messages against bare appends.
    private func throughput() async throws {
        var ratios: [Double] = []
        var rates: [Double] = []
        var waits: [Double] = []
        var bareWaits: [Double] = []
        for _ in 0..<runs {
            let probe = try ProbeScenario(directory: workshop.directory, seconds: seconds).run()
            let gateway = try GatewayProcess(workshop, name: "throughput")
            defer { gateway.remove() }
            let report = try await ThroughputScenario(target: try gateway.target(), seconds: seconds).run()
            log.add(probe)
            log.add(report)
            guard let ours = report.rates["delivered"], let records = probe.rates["records"] else { continue }
            ratios.append(ours / records)
            rates.append(ours)
            let half = try await ThroughputScenario(target: try gateway.target(), rate: .perSecond(ours / 2), seconds: seconds).run()
            log.add(half)
            guard let sent = half.latencyMicroseconds["sent"]?.p99, let commit = probe.figures["commitMicrosecondsMedian"] else { continue }
            waits.append(sent / commit)
            let bare = try ProbeScenario(directory: workshop.directory, batch: 4_096, rate: .perSecond(ours / 2), seconds: seconds).run()
            log.add(bare)
            if let wait = bare.figures["recordMicrosecondsP99"] { bareWaits.append(wait / commit) }
        }
        log.add(.throughput, Median.of(ratios))
        log.add(.sentWait, Median.of(waits))
        log.add("throughput: p99 of bare appends at that rate to a commit of the probe", Median.of(bareWaits))
        log.add("throughput: delivered a second", Median.of(rates))
    }

    /// A backend's account against bare appends, which the scenario makes before: with a session for each of a few instances, and with one.
    private func service() async throws {
        var ratios: [Int: [Double]] = [:]
        var rates: [Int: [Double]] = [:]
        for _ in 0..<runs {
            for sessions in [Self.serviceSessions, 1] {
                let gateway = try GatewayProcess(workshop, name: "service")
                defer { gateway.remove() }
                let report = try await ServiceScenario(target: try gateway.target(), sessions: sessions, seconds: seconds).run()
                log.add(report)
                guard let ratio = report.figures["ratioToProbe"], let rate = report.rates["acknowledged"] else { continue }
                ratios[sessions, default: []].append(ratio)
                rates[sessions, default: []].append(rate)
            }
        }
        log.add(.service, Median.of(ratios[Self.serviceSessions] ?? []))
        log.add("service: acknowledged a second", Median.of(rates[Self.serviceSessions] ?? []))
        log.add("service, one session: acknowledged to appends of the probe", Median.of(ratios[1] ?? []))
        log.add("service, one session: acknowledged a second", Median.of(rates[1] ?? []))
    }

    private static let serviceSessions = 4

    /// Everybody comes back at once.
    private func storm() async throws {
        let gateway = try GatewayProcess(workshop, name: "storm")
        defer { gateway.remove() }
        let report = try await StormScenario(target: try gateway.target(), clients: clients / 6 * 5).run()
        log.add(report)
        log.add("storm: seconds to the last message", report.figures["secondsToLastMessage"])
        log.add(.stormLosses, Double(report.lost + report.duplicated + report.reordered + report.corrupted))
    }

    /// A start after kill -9.
    private func restart() async throws {
        let report = try await RestartScenario(workshop: workshop).run()
        log.add(report)
        for cache in ["Warm", "Cold"] {
            log.add(.restart(cache), report.figures["secondsToFirstPhone\(cache)Median"])
        }
    }
}

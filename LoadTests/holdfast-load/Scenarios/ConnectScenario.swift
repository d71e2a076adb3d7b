import ArgumentParser
import HoldfastClient

/// What a connect costs: phones connect, are welcomed, go, and connect again.
struct ConnectScenario: Sendable {
    /// What a phone shows to be let in.
    enum Credential: String, CaseIterable, Sendable, ExpressibleByArgument {
        /// `RESUME` with the ticket that it was given at its login.
        case ticket
        /// `HELLO` with a JWT.
        case token
        /// Nothing: it goes as soon as the connection is up, TLS included.
        case nothing
    }

    var target: Target
    var clients = 1_000
    var credential = Credential.ticket
    var rate = Rate.max
    /// Connects at a time, of a closed loop.
    var inFlightMax = 64
    var seconds = 5.0
    /// How a phone goes.
    var departure = Fleet.Departure.close

    private static let warmUpSeconds = 1.0

    /// Runs it.
    func run() async throws -> Report {
        guard clients > 0 && inFlightMax > 0 && seconds > 0 else {
            throw LoadError(usage: "--clients and --in-flight must be at least 1, --duration above 0")
        }
        let count = WorkerPlace.share(clients)
        return try await LoadRun.perform("connect-\(credential)" + target.suffix, on: target, clients: clients, capacity: count) { run in
            try await login(run, count)
            try await measure(run, count)
        }
    }

    /// Phones with tickets, or with TLS sessions, log in once for them; then all are away.
    private func login(_ run: LoadRun, _ count: Int) async throws {
        try await run.driver.perform { fleet in fleet.add(count, LoadRun.phoneSettings) }
        // Also one that shows nothing needs a TLS session to resume: it comes with the first bytes after a handshake.
        if credential == .ticket || credential == .nothing && target.keepsSessions {
            try await run.driver.connect(0..<count, inFlightMax: 64)
            // A ticket follows its WELCOME closely.
            try await run.driver.wait(seconds: 1) { _ in "tickets" }
            try await run.driver.perform { fleet in fleet.drop(0..<count, .close) }
        }
        try run.barrier("connect")
        try await run.driver.perform { [credential] fleet in fleet.isBare = credential == .nothing }
        if case .perSecond = rate { try run.driver.startPacing() }
        let share = Double(count) / Double(clients)
        let afterwards = ConnectQueue.Afterwards.cycle(departure, anew: credential == .token ? LoadRun.phoneSettings : nil)
        try await run.driver.perform { [rate, inFlightMax] fleet in
            _ = fleet.connect(
                0..<count, by: rate.schedule(share: share), inFlightMax: max(1, Int(Double(inFlightMax) * share)), afterwards: afterwards)
        }
    }

    private func measure(_ run: LoadRun, _ count: Int) async throws {
        try await run.driver.wait(seconds: Self.warmUpSeconds, Self.status)
        try run.barrier("measure")
        let watch = Stopwatch(target)
        let before = try await run.driver.perform { fleet in
            fleet.queues[1].times = Latencies()
            fleet.queues[1].lags = Latencies()
            return fleet.counters
        }
        try await run.driver.wait(seconds: seconds, Self.status)
        let (after, times, lags) = try await run.driver.perform { fleet in (fleet.counters, fleet.queues[1].times, fleet.queues[1].lags) }
        let reading = watch.read()
        try run.barrier("measured")
        try await run.driver.perform { fleet in fleet.queues[1].end() }
        let welcomes = Double(after.welcomes - before.welcomes)
        run.add(reading, lags: lags)
        run.add("connect", times)
        run.report.rates["connects"] = welcomes / reading.seconds
        // Each worker reads the CPU time of the one server, and has its part of the connects.
        run.figure("connects", welcomes)
        if let server = reading.cpu.server, welcomes > 0 {
            run.figure("serverMicrosecondsPerConnect", server / welcomes * 1e6, .parallel)
        }
        run.figure("failedConnects", Double(after.connectFailures - before.connectFailures))
        let others = credential == .ticket ? after.hellos - before.hellos : credential == .token ? after.resumes - before.resumes : 0
        if others > 0 { run.report.faults["connects of the other kind (login, resume)"] = others }
        if welcomes == 0 { run.report.faults["no connect came through"] = 1 }
    }

    private static func status(_ fleet: Fleet) -> String {
        "\(fleet.counters.welcomes) connects, \(fleet.queues.last?.inFlight ?? 0) in flight"
    }
}

/// `holdfast-load connect`
struct ConnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "CPU time of the gateway for each connect: RESUME by ticket, HELLO with a token, or only the TLS handshake.",
        discussion: """
            Phones connect, are welcomed, close, and connect again. With --tls each connect is a full handshake, with --tls-resume one that \
            resumes the TLS session of the connects before it. The floor's `churn` is the measure (LoadTests/floor).

            Examples:
              holdfast-load connect --start --by ticket
              holdfast-load connect --start --by nothing --tls --tls-resume \\
                --duration 10 --json
              holdfast-load connect --start --by token --rate 2000
            """)

    @OptionGroup var load: LoadOptions
    @OptionGroup var tls: TLSResumeOptions
    @Option(help: "Phones that take turns.") var clients = 1_000
    @Option(help: "What a phone shows: ticket, token or nothing.") var by = ConnectScenario.Credential.ticket
    @Option(help: ArgumentHelp("Connects a second, each at its time; max: as fast as they are answered.", valueName: "n|max")) var rate =
        Rate.max
    @Option(help: "Connects at a time with --rate max. (default: 64)") var inFlight: Int?
    @Option(help: "Seconds that are measured, after one to warm up.") var duration = 5.0

    func validate() throws {
        try tls.check(load)
        try rate.refuse("--in-flight", isGiven: inFlight != nil)
    }

    func run() async throws {
        try await load.run(connections: clients, keepsSessions: tls.tlsResume) { target in
            try await ConnectScenario(
                target: target, clients: clients, credential: by, rate: rate, inFlightMax: inFlight ?? 64, seconds: duration
            ).run()
        }
    }
}

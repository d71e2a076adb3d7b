import ArgumentParser
import HoldfastClient

/// New users who come once: each logs in, sends a message, goes and never returns. What stays of them in the gateway's memory.
struct ChurnScenario: Sendable {
    var target: Target
    /// Users who are there at once at most.
    var clients = 2_000
    /// New users a second.
    var rate = 1_000.0
    var departure = Fleet.Departure.logout
    var seconds = 10.0

    private static let receivers = 16
    private static let quietSeconds = 5.0

    /// Runs it.
    func run() async throws -> Report {
        guard clients > 0 && rate > 0 && seconds > 0 else {
            throw LoadError(usage: "--clients must be at least 1, --rate and --duration above 0")
        }
        guard departure != .silence else { throw LoadError(usage: "--leave silence keeps connections open: see flap and disconnect") }
        let places = WorkerPlace.share(clients)
        let rate = rate * Double(places) / Double(clients)
        return try await LoadRun.perform(
            "churn-\(departure)" + target.suffix, on: target, clients: clients, capacity: Self.receivers,
            users: Self.receivers + Int((rate * seconds).rounded(.up)),
            connections: Self.receivers + places
        ) { run in
            try await run.driver.perform { fleet in
                fleet.add(Self.receivers, LoadRun.phoneSettings)
                fleet.add(places, LoadRun.phoneSettings)
                fleet.workload = Workload(window: 1, bodyBytes: 100)
                fleet.workload?.quota = 1
                fleet.newcomers = Fleet.Newcomers(
                    settings: LoadRun.phoneSettings, receivers: Array(0..<Self.receivers), flow: 0, nextUser: Self.receivers,
                    tokensEnd: Self.receivers)
            }
            try await run.driver.connect(0..<Self.receivers, inFlightMax: 64)
            let feed = try await TokenFeed(run.driver, ahead: Int(3 * rate))
            do {
                try await come(run, Self.receivers..<Self.receivers + places, rate)
            } catch {
                await feed.stop()
                throw error
            }
            await feed.stop()
            try await run.drain()
        }
    }

    private func come(_ run: LoadRun, _ places: Range<Int>, _ rate: Double) async throws {
        try run.barrier("before")
        let before = try await run.settledBytes(quietSeconds: Self.quietSeconds)
        try run.barrier("come")
        try run.driver.startPacing()
        let watch = Stopwatch(target)
        try await run.driver.perform { [seconds, departure] fleet in
            _ = fleet.connect(places, by: Rate.perSecond(rate).schedule(seconds: seconds), afterwards: .visit(departure))
        }
        try await run.driver.wait(seconds: seconds) { fleet in
            "\(fleet.counters.visitors) have come and gone, \(fleet.counters.connected - Self.receivers) are here"
        }
        let (visitors, overdue) = try await run.driver.perform { fleet in
            (fleet.counters.visitors, fleet.queues[1].overdue(Fleet.nanoseconds))
        }
        let reading = watch.read()
        try await run.driver.perform { fleet in fleet.queues[1].stopDue() }
        let come = try await run.driver.perform { $0.queues[1].due }
        try await run.driver.reach(come, "gone") { $0.counters.visitors }
        let (times, lags) = try await run.driver.perform { fleet in (fleet.queues[1].times, fleet.queues[1].lags) }
        run.add(reading, lags: lags)
        run.add("login", times)
        run.add("sent", try await run.driver.perform { $0.workload?.takeTimes().send ?? Latencies() })
        run.report.rates["users"] = Double(visitors) / reading.seconds
        run.figure("users", Double(come))
        if overdue > 0 {
            run.report.notes.append(
                "\(overdue) users were due and found no place: all --clients places were taken by users still on their way")
        }
        if let server = reading.cpu.server, visitors > 0 {
            run.figure("serverMicrosecondsPerUser", server / Double(visitors) * 1e6, .parallel)
        }
        try run.barrier("gone")
        let after = try await run.settledBytes(quietSeconds: Self.quietSeconds)
        if let before, let after {
            run.figure("serverPrivateBytesBefore", Double(before), .max)
            run.figure("serverPrivateBytesAfter", Double(after), .max)
            run.figure("serverBytesLeftPerUser", Double(after - before) / Double(come), .parallel)
        }
        try run.barrier("read")
    }
}

/// `holdfast-load churn`
struct ChurnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "churn",
        abstract: "New users come once, send a message and go for ever: what stays of them in the gateway's memory.",
        discussion: """
            --rate new users a second are due at fixed times: each logs in with a token of its own, sends one message, and goes when that is \
            durable. --leave says how: logout (the session ends), keep, close (a FIN), reset. Memory is read before and after, when all is \
            quiet.

            Example: holdfast-load churn --start --rate 5000 --duration 200 --json
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Users who are there at once at most.") var clients = 2_000
    @Option(help: "New users a second.") var rate = 1_000.0
    @Option(help: ArgumentHelp("How they go: logout, keep, close, reset.", valueName: "how")) var leave = Fleet.Departure.logout
    @Option(help: "Seconds in which users come.") var duration = 10.0

    func run() async throws {
        // A session, a message and its places, and the names.
        let disk = Int(min(1e17, rate * duration * 1_500))
        try await load.run(connections: clients, diskBytes: disk) { target in
            try await ChurnScenario(target: target, clients: clients, rate: rate, departure: leave, seconds: duration).run()
        }
    }
}

import ArgumentParser
import HoldfastClient

/// Phones on a bad way: each loses its connection and resumes every few seconds, while messages come for it.
struct FlapScenario: Sendable {
    var target: Target
    var clients = 2_000
    /// Reconnects a second of all phones.
    var rate = 500.0
    var departure = Fleet.Departure.close
    /// Messages a second to them.
    var messageRate = 1_000.0
    var senders = 16
    var seconds = 10.0

    static let warmUpSeconds = 1.0

    /// Runs it.
    func run() async throws -> Report {
        guard clients > 0 && rate > 0 && messageRate > 0 && senders > 0 && seconds > 0 else {
            throw LoadError(usage: "--clients and --senders must be at least 1, --rate, --message-rate and --duration above 0")
        }
        guard departure != .logout else {
            throw LoadError(usage: "--leave logout ends the session: there would be nothing to resume. See churn")
        }
        let (count, senders) = (WorkerPlace.share(clients), max(1, WorkerPlace.share(senders)))
        let share = Double(count) / Double(clients)
        let ghosts = Int(Double(Self.ghosts(departure, rate, seconds)) * share)
        return try await LoadRun.perform(
            "flap-\(departure)" + target.suffix, on: target, clients: clients, capacity: count + senders,
            connections: count + senders + ghosts
        ) { run in
            try await run.driver.perform { fleet in
                fleet.add(count, LoadRun.phoneSettings)
                fleet.add(senders, LoadRun.senderSettings)
                fleet.workload = Workload(window: 64, bodyBytes: 100)
                for index in 0..<count { fleet.addStream(from: count + index % senders, to: index) }
            }
            try await run.driver.connect(0..<count + senders, inFlightMax: 64)
            // A ticket follows its WELCOME closely.
            try await run.driver.wait(seconds: 1) { _ in "tickets" }
            try run.barrier("flap")
            try await run.start(0, .perSecond(messageRate * share), share: 1)
            try await run.driver.perform { [rate, departure] fleet in
                _ = fleet.connect(0..<count, by: Rate.perSecond(rate * share).schedule(), afterwards: .rejoin(departure))
            }
            try await measure(run, count)
            try await run.drain()
            try await run.driver.perform { $0.releaseGhosts() }
        }
    }

    /// Connections that nobody reads any more.
    static func ghosts(_ departure: Fleet.Departure, _ rate: Double, _ seconds: Double) -> Int {
        departure == .silence ? Int(min(1e9, rate * (seconds + warmUpSeconds + 2))) : 0
    }

    private func measure(_ run: LoadRun, _ count: Int) async throws {
        try await run.driver.wait(seconds: Self.warmUpSeconds, LoadRun.status)
        try run.barrier("measure")
        let watch = Stopwatch(target)
        let before = try await run.driver.perform { fleet in
            fleet.queues[1].times = Latencies()
            fleet.queues[1].lags = Latencies()
            _ = fleet.workload?.takeTimes()
            return fleet.counters
        }
        try await run.driver.wait(seconds: seconds, LoadRun.status)
        let (after, times, lags) = try await run.driver.perform { fleet in (fleet.counters, fleet.queues[1].times, fleet.queues[1].lags) }
        let reading = watch.read()
        try run.barrier("measured")
        run.add(reading, lags: lags)
        run.add("resume", times)
        try await run.add("messages", flow: 0)
        let resumes = after.resumed - before.resumed
        run.report.rates["resumes"] = Double(resumes) / reading.seconds
        run.figure("resumes", Double(resumes))
        run.figure("loginsInsteadOfResumes", Double(after.hellos - before.hellos))
        run.figure("failedConnects", Double(after.connectFailures - before.connectFailures))
        if let server = reading.cpu.server, resumes > 0 {
            run.figure("serverMicrosecondsPerResumeWithMessages", server / Double(resumes) * 1e6, .parallel)
        }
        try await run.driver.perform { $0.queues[1].end() }
        // Whoever is on the way comes back first.
        try await run.driver.reach(count, "connected again") { fleet in fleet.phones[0..<count].count { $0.flags.contains(.connected) } }
    }
}

/// `holdfast-load flap`
struct FlapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flap",
        abstract: "Phones lose their connections and resume again and again, while messages come for them.",
        discussion: """
            --rate reconnects a second are due at fixed times, phones taking turns: each reconnects every clients / rate seconds. --leave says \
            how the connection ends: close (a FIN), reset, keep, silence (no packet: the old connection stays open and unread).

            Example:
              holdfast-load flap --start --clients 5000 --rate 1000 --leave silence \\
                --duration 10
            """)

    @OptionGroup var load: LoadOptions
    @OptionGroup var tls: TLSResumeOptions
    @Option(help: "Phones.") var clients = 2_000
    @Option(help: "Reconnects a second of all phones.") var rate = 500.0
    @Option(help: ArgumentHelp("How connections end: keep, close, reset, silence.", valueName: "how")) var leave = Fleet.Departure.close
    @Option(help: "Messages a second to all phones.") var messageRate = 1_000.0
    @Option(help: "Phones that send them.") var senders = 16
    @Option(help: "Seconds that are measured, after one to warm up.") var duration = 10.0

    func validate() throws {
        try tls.check(load)
    }

    func run() async throws {
        let messages = messageRate * (duration + FlapScenario.warmUpSeconds)
        let disk = FreeDisk.need(messages: messages, bodyBytes: 100, users: clients + senders)
        try await load.run(
            connections: clients + senders + FlapScenario.ghosts(leave, rate, duration), keepsSessions: tls.tlsResume, diskBytes: disk
        ) { target in
            try await FlapScenario(
                target: target, clients: clients, rate: rate, departure: leave, messageRate: messageRate, senders: senders,
                seconds: duration
            ).run()
        }
    }
}

import ArgumentParser

/// What a heartbeat costs: beats as fast as they are answered.
struct HeartbeatScenario: Sendable {
    var target: Target
    var clients = 100
    /// Unanswered beats of each phone.
    var outstanding = 1
    var rate = Rate.max
    var seconds = 5.0

    /// What the gateway's configuration needs for this.
    static let gatewayConfiguration = "controlFramesPerSecondMax: 10000000\ncontrolFramesBurstMax: 4000000\n"
    private static let warmUpSeconds = 1.0

    /// Runs it.
    func run() async throws -> Report {
        guard outstanding > 0 && clients > 0 && seconds > 0 else {
            throw LoadError(usage: "--outstanding and --clients must be at least 1, --duration above 0")
        }
        let count = WorkerPlace.share(clients)
        return try await LoadRun.perform("heartbeat" + target.suffix, on: target, clients: clients, capacity: count) { run in
            try await run.driver.perform { fleet in fleet.add(count, LoadRun.phoneSettings) }
            try await run.driver.connect(0..<count, inFlightMax: 64)
            // A ticket follows its WELCOME closely, and must not come between beats.
            try await run.driver.wait(seconds: 1) { _ in "tickets" }
            try run.barrier("beat")
            if case .perSecond = rate { try run.driver.startPacing() }
            try await run.driver.perform { [rate, clients, outstanding] fleet in
                let share = Double(count) / Double(clients)
                let beats =
                    rate.schedule(share: share).map { Beats(schedule: $0, phones: 0..<count) }
                    ?? Beats(outstanding: outstanding, phones: count)
                beats.isRecording = false
                fleet.beats = beats
                beats.start(fleet)
            }
            try await measure(run, count)
        }
    }

    private func measure(_ run: LoadRun, _ count: Int) async throws {
        try await run.driver.wait(seconds: Self.warmUpSeconds, Self.status)
        try run.barrier("measure")
        let watch = Stopwatch(target)
        let before = try await run.driver.perform { fleet in
            fleet.beats?.isRecording = true
            return fleet.beats?.count ?? 0
        }
        try await run.driver.wait(seconds: seconds, Self.status)
        let (after, times, lags) = try await run.driver.perform { fleet in
            (fleet.beats?.count ?? 0, fleet.beats?.times ?? Latencies(), fleet.beats?.lags ?? Latencies())
        }
        let reading = watch.read()
        try run.barrier("measured")
        try await run.driver.perform { $0.beats?.isEnding = true }
        // What is on its way comes, or is missing.
        try? await run.driver.reach(await run.driver.inspect { $0.beats?.sent ?? 0 }, "answered", stallSeconds: 5) { $0.beats?.count ?? 0 }
        let (sent, answered, skipped, counters) = await run.driver.inspect {
            ($0.beats?.sent ?? 0, $0.beats?.count ?? 0, $0.beats?.skipped ?? 0, $0.counters)
        }
        run.add(reading, lags: lags)
        run.add("beat", times)
        let beats = Double(after - before)
        run.report.rates["beats"] = beats / reading.seconds
        if rate == .max { run.figure("outstanding", Double(outstanding), .max) }
        if let server = reading.cpu.server, beats > 0 { run.figure("serverMicrosecondsPerBeat", server / beats * 1e6, .parallel) }
        run.report.notes.append(
            "no phone beats so fast: the gateway's limits controlFramesPerSecondMax and controlFramesBurstMax were raised")
        if counters.closes[Self.rateLimited] != nil {
            throw LoadError(
                "the gateway's frame rate limit ended the run. Start it with --start, or with --config and a file with these lines:\n\(Self.gatewayConfiguration)"
            )
        }
        if counters.connected < count { run.report.faults["phones that lost their connection"] = count - counters.connected }
        if skipped > 0 { run.report.faults["heartbeats that were due while their phone wasn't connected"] = skipped }
        if sent != answered { run.report.faults["heartbeats without an answer, or answers without one"] = abs(sent - answered) }
    }

    // CloseCode.rateLimited
    private static let rateLimited: UInt16 = 45

    private static func status(_ fleet: Fleet) -> String { "\(fleet.beats?.count ?? 0) beats answered" }
}

/// `holdfast-load heartbeat`
struct HeartbeatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heartbeat",
        abstract: "CPU time of the gateway for each heartbeat.",
        discussion: """
            Beats as fast as they are answered, or --rate a second in all, which no phone does: the gateway needs a configuration file with
            \(HeartbeatScenario.gatewayConfiguration.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
            With --start it has it.

            Examples:
              holdfast-load heartbeat --start --outstanding 16 --duration 10
              holdfast-load heartbeat --start --clients 1000 --rate 20000
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Phones.") var clients = 100
    @Option(help: ArgumentHelp("Beats a second of all phones, each at its time; max: as fast as they are answered.", valueName: "n|max"))
    var rate = Rate.max
    @Option(help: "Unanswered beats of each phone with --rate max. (default: 1)") var outstanding: Int?
    @Option(help: "Seconds that are measured, after one to warm up.") var duration = 5.0

    func validate() throws {
        try rate.refuse("--outstanding", isGiven: outstanding != nil)
    }

    func run() async throws {
        try await load.run(connections: clients, configuration: HeartbeatScenario.gatewayConfiguration) { target in
            try await HeartbeatScenario(target: target, clients: clients, outstanding: outstanding ?? 1, rate: rate, seconds: duration)
                .run()
        }
    }
}

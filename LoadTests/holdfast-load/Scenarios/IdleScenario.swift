import ArgumentParser

/// What connections cost that do nothing: memory of the server at two counts, and whether traffic leaves some behind.
struct IdleScenario: Sendable {
    var target: Target
    var clients = 18_000
    /// The count at which the slope begins.
    var firstStep = Self.firstStep(clients: 18_000)
    /// Connects a second, or at most `inFlightMax` at a time.
    var rate = Rate.max
    var inFlightMax = 64
    /// How often each phone sends a message and goes idle again.
    var rounds = 2
    /// How long everything is quiet before memory is read.
    var quietSeconds = 5.0

    /// Where the slope begins when nobody says so.
    static func firstStep(clients: Int) -> Int { clients > 5_000 ? 5_000 : max(1, clients / 4) }

    /// Runs it.
    func run() async throws -> Report {
        guard firstStep > 0 && firstStep < clients else {
            throw LoadError(usage: "--from must be at least 1 and below --clients, which is \(clients)")
        }
        // Phones acknowledge two seconds after a message at the latest.
        guard quietSeconds >= 3 else { throw LoadError(usage: "--duration must be at least 3") }
        let (count, first) = (WorkerPlace.share(clients), WorkerPlace.share(firstStep))
        return try await LoadRun.perform("idle" + target.suffix, on: target, clients: clients, capacity: count) { run in
            let watch = Stopwatch(target)
            try await slope(run, first, count)
            run.report.add(watch.read())
            run.add("connect", try await run.driver.perform { $0.connectTimes })
            // Memory is measured, not speed.
            run.report.bound = nil
            if target.pid == nil {
                run.report.notes.append("the server's process isn't known, so its memory isn't: name it with --pid or --data")
            }
        }
    }

    private func slope(_ run: LoadRun, _ firstStep: Int, _ count: Int) async throws {
        try await run.driver.perform { fleet in fleet.add(firstStep, LoadRun.phoneSettings) }
        try await connect(0..<firstStep, run)
        let first = try await settled(run, "first")
        try await run.driver.perform { fleet in fleet.add(count - firstStep, LoadRun.phoneSettings) }
        let watch = Stopwatch(target)
        try await connect(firstStep..<count, run)
        run.report.rates["connects"] = Double(count - firstStep) / watch.read().seconds
        let full = try await settled(run, "all")
        // The server's memory is that of all processes' phones.
        run.report.serverBytesPerConnection = zip(full.server, first.server).map { Double($0 - $1) / Double(clients - self.firstStep) }
        run.report.generatorBytesPerPhone = zip(full.generator, first.generator).map { Double($0 - $1) / Double(count - firstStep) }
        if let server = full.server { run.figure("serverPrivateBytes", Double(server), .max) }
        try await traffic(run, count, full)
    }

    private func connect(_ range: Range<Int>, _ run: LoadRun) async throws {
        if case .perSecond = rate {
            try run.driver.startPacing()
            try await run.driver.perform { [rate, clients] fleet in
                _ = fleet.connect(range, by: rate.schedule(share: Double(WorkerPlace.share(clients)) / Double(clients)))
            }
            try await run.driver.reach(range.upperBound, "connected") { $0.counters.connected }
        } else {
            try await run.driver.connect(range, inFlightMax: inFlightMax)
        }
    }

    /// Each phone sends its neighbour a message, and everything becomes quiet again.
    private func traffic(_ run: LoadRun, _ count: Int, _ full: Memory) async throws {
        guard rounds > 0 else { return }
        try await run.driver.perform { fleet in
            fleet.workload = Workload(window: 1, bodyBytes: 100)
            for index in 0..<count { fleet.addStream(from: index, to: index + 1 == count ? 0 : index + 1) }
        }
        for round in 1...rounds {
            try await run.driver.perform { fleet in fleet.send(upTo: UInt64(round)) }
            try await run.driver.reach(count * round, "delivered") { $0.workload?.totals.delivered ?? 0 }
            try await run.driver.reach(count * round, "acknowledged") { $0.workload?.totals.stored ?? 0 }
            let after = try await settled(run, "round \(round)")
            if let growth = zip(after.server, full.server).map({ Double($0 - $1) / Double(clients) }) {
                run.figure("growthBytesPerConnectionAfterRound\(round)", growth, .mean)
            }
        }
    }

    private struct Memory: Sendable {
        var server: Int?
        var generator: Int?
    }

    /// The memory of both sides once the server is quiet.
    private func settled(_ run: LoadRun, _ step: String) async throws -> Memory {
        try run.barrier(step)
        let server = try await run.settledBytes(quietSeconds: quietSeconds)
        let memory = Memory(server: server, generator: ProcessMeter.own.privateBytes)
        try run.barrier(step + ", read")
        return memory
    }

    private func zip(_ a: Int?, _ b: Int?) -> (Int, Int)? {
        guard let a, let b else { return nil }
        return (a, b)
    }
}

/// `holdfast-load idle`
struct IdleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle",
        abstract: "Memory of the gateway for each idle connection, and whether traffic leaves some behind.",
        discussion: """
            Connects --from phones, then all --clients, and divides the growth of the gateway's private memory by the phones between. Then \
            each phone sends a message and goes idle, --rounds times.

            Examples:
              holdfast-load idle --start --clients 18000 --json
              holdfast-load idle --data ./holdfast-data --tls --clients 5000 --from 1000 \\
                --rate 500
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Phones at most.") var clients = 18_000
    @Option(help: "Phones at which the slope begins. Default: 5000, a quarter of so few --clients.") var from: Int?
    @Option(help: ArgumentHelp("Connects a second; max: as fast as they are answered.", valueName: "n|max")) var rate = Rate.max
    @Option(help: "Connects at a time with --rate max; 0: all at once. (default: 64)") var inFlight: Int?
    @Option(help: "How often each phone sends a message and goes idle again.") var rounds = 2
    @Option(help: "Seconds of quiet before memory is read.") var duration = 5.0

    func validate() throws {
        try rate.refuse("--in-flight", isGiven: inFlight != nil)
    }

    func run() async throws {
        try await load.run(connections: clients) { target in
            try await IdleScenario(
                target: target, clients: clients, firstStep: from ?? IdleScenario.firstStep(clients: clients), rate: rate,
                inFlightMax: inFlight ?? 64, rounds: rounds,
                quietSeconds: duration
            ).run()
        }
    }
}

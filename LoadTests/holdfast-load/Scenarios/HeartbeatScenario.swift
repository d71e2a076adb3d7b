import ArgumentParser
import HoldfastClient

/// What a heartbeat costs: beats as fast as they are answered.
struct HeartbeatScenario: Sendable {
    var target: Target
    var clients = 100
    /// Unanswered beats of each phone.
    var outstanding = 1
    var seconds = 5.0

    /// What the gateway's configuration needs for this.
    static let gatewayConfiguration = "controlFramesPerSecondMax: 10000000\ncontrolFramesBurstMax: 4000000\n"
    private static let warmUpSeconds = 1.0

    /// Runs it.
    func run() async throws -> Report {
        guard outstanding > 0 else { throw LoadError("--outstanding must be at least 1") }
        let driver = try await FleetDriver(target: target, capacity: clients)
        defer { driver.stop() }
        var report = Report(scenario: "heartbeat", clients: clients)
        let settings = ClientSettings(device: "load", resolvesPeers: false)
        try await driver.perform { fleet in fleet.add(clients, settings) }
        try await driver.connect(0..<clients, inFlightMax: 64)
        // A ticket follows its WELCOME closely, and must not come between beats.
        try await driver.wait(seconds: 1) { _ in "tickets" }
        try await driver.perform { fleet in
            let beats = Beats(outstanding: outstanding, phones: clients)
            fleet.beats = beats
            for index in 0..<clients { beats.start(index, fleet) }
        }
        try await driver.wait(seconds: Self.warmUpSeconds, Self.status)
        let watch = Stopwatch(target)
        let before = try await driver.perform { fleet in
            fleet.beats?.isRecording = true
            return fleet.beats?.count ?? 0
        }
        try await driver.wait(seconds: seconds, Self.status)
        let (beats, times, counters) = try await driver.perform { fleet in
            (fleet.beats?.count ?? 0, fleet.beats?.times ?? Latencies(), fleet.counters)
        }
        let reading = watch.read()
        report.add(reading)
        report.add(counters)
        report.add("beat", times)
        let count = Double(beats - before)
        report.rates["beats"] = count / reading.seconds
        report.figures["outstanding"] = Double(outstanding)
        if let server = reading.cpu.server, count > 0 { report.figures["serverMicrosecondsPerBeat"] = server / count * 1e6 }
        report.notes.append("no phone beats so fast: the gateway's limits controlFramesPerSecondMax and controlFramesBurstMax were raised")
        if counters.closes[Self.rateLimited] != nil {
            throw LoadError(
                "the gateway's frame rate limit ended the run. Start it with --config and a file with these lines:\n\(Self.gatewayConfiguration)"
            )
        }
        if counters.connected < clients { report.faults["phones that lost their connection"] = clients - counters.connected }
        return report
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
            Beats as fast as they are answered, which no phone does: the gateway needs a configuration file with
            \(HeartbeatScenario.gatewayConfiguration.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))

            Example: holdfast-load heartbeat --data ./holdfast-data --outstanding 16 --duration 10
            """)

    @OptionGroup var target: TargetOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Phones.") var clients = 100
    @Option(help: "Unanswered beats of each phone.") var outstanding = 1
    @Option(help: "Seconds that are measured, after one to warm up.") var duration = 5.0

    func run() async throws {
        let scenario = HeartbeatScenario(target: try target.target(), clients: clients, outstanding: outstanding, seconds: duration)
        try await scenario.run().finish(json: output.json)
    }
}

import ArgumentParser
import HoldfastClient

/// What connections cost that do nothing: memory of the server at two counts, and whether traffic leaves some behind.
struct IdleScenario: Sendable {
    var target: Target
    var clients = 18_000
    /// The count at which the slope begins.
    var firstStep = 5_000
    var inFlightMax = 64
    /// How often each phone sends a message and goes idle again.
    var rounds = 2
    /// How long everything is quiet before memory is read.
    var quietSeconds = 5.0

    /// Runs it.
    func run() async throws -> Report {
        guard firstStep > 0 && firstStep < clients else { throw LoadError("--from must be below --clients") }
        // Phones acknowledge two seconds after a message at the latest.
        guard quietSeconds >= 3 else { throw LoadError("--duration must be at least 3") }
        let driver = try await FleetDriver(target: target, capacity: clients)
        defer { driver.stop() }
        var report = Report(scenario: target.tls == nil ? "idle" : "idle-tls", clients: clients)
        let settings = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false)
        let watch = Stopwatch(target)

        try await driver.perform { fleet in fleet.add(firstStep, settings) }
        try await driver.connect(0..<firstStep, inFlightMax: inFlightMax)
        let first = try await settled(driver)
        try await driver.perform { fleet in fleet.add(clients - firstStep, settings) }
        let connectWatch = Stopwatch(target)
        try await driver.connect(firstStep..<clients, inFlightMax: inFlightMax)
        report.rates["connects"] = Double(clients - firstStep) / connectWatch.read().seconds
        let full = try await settled(driver)
        let added = Double(clients - firstStep)
        report.serverBytesPerConnection = zip(full.server, first.server).map { Double($0 - $1) / added }
        report.generatorBytesPerPhone = zip(full.generator, first.generator).map { Double($0 - $1) / added }
        if let server = full.server { report.figures["serverPrivateBytes"] = Double(server) }

        try await traffic(driver, full, &report)
        report.add(watch.read())
        let (counters, times) = try await driver.perform { fleet in (fleet.counters, fleet.connectTimes) }
        report.add(counters)
        report.add("connect", times)
        // Memory is measured, not speed.
        report.bound = nil
        if target.pid == nil { report.notes.append("the server's process isn't known, so its memory isn't: name it with --pid or --data") }
        return report
    }

    /// Each phone sends its neighbour a message, and everything becomes quiet again.
    private func traffic(_ driver: FleetDriver, _ full: Memory, _ report: inout Report) async throws {
        guard rounds > 0 else { return }
        try await driver.perform { fleet in
            fleet.workload = Workload(window: 1, bodyBytes: 100)
            for index in 0..<clients { fleet.addStream(from: index, to: index + 1 == clients ? 0 : index + 1) }
        }
        for round in 1...rounds {
            try await driver.perform { fleet in fleet.send(upTo: UInt64(round)) }
            try await driver.reach(clients * round, "delivered") { $0.workload?.totals.delivered ?? 0 }
            try await driver.reach(clients * round, "acknowledged") { $0.workload?.totals.stored ?? 0 }
            let after = try await settled(driver)
            if let growth = zip(after.server, full.server).map({ Double($0 - $1) / Double(clients) }) {
                report.figures["growthBytesPerConnectionAfterRound\(round)"] = growth
            }
        }
        report.add(try await driver.perform { fleet in fleet.workload?.verified ?? .init() })
    }

    private struct Memory: Sendable {
        var server: Int?
        var generator: Int?
    }

    /// The memory of both sides once the server is quiet.
    private func settled(_ driver: FleetDriver) async throws -> Memory {
        try await driver.wait(seconds: quietSeconds) { _ in "idle" }
        let server = target.pid.map { ProcessMeter(pid: $0) }
        try await driver.perform { $0.progress.text = { _ in "waiting for the server to be idle" } }
        try await server?.settle()
        return Memory(server: server?.privateBytes, generator: ProcessMeter.own.privateBytes)
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

            Example: holdfast-load idle --data ./holdfast-data --clients 18000 --json
            """)

    @OptionGroup var target: TargetOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Phones at most.") var clients = 18_000
    @Option(help: "Phones at which the slope begins.") var from = 5_000
    @Option(help: "Connects at a time; 0: all at once.") var inFlight = 64
    @Option(help: "How often each phone sends a message and goes idle again.") var rounds = 2
    @Option(help: "Seconds of quiet before memory is read.") var duration = 5.0

    func run() async throws {
        let scenario = IdleScenario(
            target: try target.target(), clients: clients, firstStep: from, inFlightMax: inFlight, rounds: rounds, quietSeconds: duration)
        try await scenario.run().finish(json: output.json)
    }
}

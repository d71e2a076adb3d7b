import ArgumentParser
import HoldfastClient

/// Durable messages from senders to receivers, as fast as the window lets them.
struct ThroughputScenario: Sendable {
    var target: Target
    var senders = 64
    var receivers = 64
    /// Unanswered messages of each sender.
    var window = 64
    var bodyBytes = 100
    /// Receivers that each sender sends to in turn.
    var spread = 1
    /// The senders have no inbox, like backends.
    var isSendOnly = false
    var seconds = 10.0

    private static let warmUpSeconds = 2.0

    /// Runs it.
    func run() async throws -> Report {
        guard senders > 0 && receivers > 0 && 1...127 ~= window && 1...receivers ~= spread else {
            throw LoadError("--senders and --receivers must be at least 1, --window 1 to 127, --spread 1 to --receivers")
        }
        guard MessageBody.byteCountMin...60_000 ~= bodyBytes else { throw LoadError("--bytes must be 28 to 60000") }
        let driver = try await FleetDriver(target: target, capacity: senders + receivers)
        defer { driver.stop() }
        var report = Report(scenario: "throughput", clients: senders + receivers)
        try await start(driver)
        try await driver.wait(seconds: Self.warmUpSeconds, Self.status)
        let watch = Stopwatch(target)
        let before = try await driver.perform { fleet in
            fleet.workload?.isRecording = true
            return fleet.workload?.totals ?? .init()
        }
        try await driver.wait(seconds: seconds, Self.status)
        let after = try await driver.perform { fleet in
            fleet.workload?.isRecording = false
            fleet.workload?.quota = 0
            return fleet.workload?.totals ?? .init()
        }
        let reading = watch.read()
        report.add(reading)
        report.rates["acknowledged"] = Double(after.stored - before.stored) / reading.seconds
        report.rates["delivered"] = Double(after.delivered - before.delivered) / reading.seconds
        if let server = reading.cpu.server, after.delivered > before.delivered {
            report.figures["serverMicrosecondsPerMessage"] = server / Double(after.delivered - before.delivered) * 1e6
        }
        try await drain(driver)
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        let (sendTimes, deliveryTimes) = try await driver.perform { fleet in
            (fleet.workload?.sendTimes ?? Latencies(), fleet.workload?.deliveryTimes ?? Latencies())
        }
        report.add(totals)
        report.add(counters)
        report.add("sent", sendTimes)
        report.add("endToEnd", deliveryTimes)
        report.figures["window"] = Double(window)
        report.figures["bodyBytes"] = Double(bodyBytes)
        return report
    }

    private func start(_ driver: FleetDriver) async throws {
        let senderSettings = ClientSettings(
            device: "load", isSendOnly: isSendOnly, acknowledgesOnReceipt: true, resolvesPeers: false, limits: limits)
        let receiverSettings = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false)
        try await driver.perform { fleet in
            fleet.add(receivers, receiverSettings)
            fleet.add(senders, senderSettings)
            let workload = Workload(window: window, bodyBytes: bodyBytes)
            workload.isRecording = false
            fleet.workload = workload
            for sender in 0..<senders {
                for step in 0..<spread { fleet.addStream(from: receivers + sender, to: (sender + step) % receivers) }
            }
        }
        try await driver.connect(0..<senders + receivers, inFlightMax: 64)
        try await driver.perform { fleet in fleet.send(upTo: Workload.unlimited) }
    }

    /// The window is what bounds messages in flight, not their bytes.
    private var limits: ClientSettings.Limits {
        var limits = ClientSettings.Limits()
        limits.bytesInFlightMax = 127 * 64 << 10
        return limits
    }

    /// Waits for all answers, and for what was answered to arrive.
    private func drain(_ driver: FleetDriver) async throws {
        let sent = try await driver.perform { fleet in fleet.workload?.totals.sent ?? 0 }
        try await driver.reach(sent, "answered") { fleet in
            fleet.workload.map { $0.totals.stored + $0.totals.refused + $0.totals.unknown } ?? 0
        }
        let stored = try await driver.perform { fleet in fleet.workload?.totals.stored ?? 0 }
        // What doesn't come is counted as lost, not waited for.
        try? await driver.reach(stored, "delivered", stallSeconds: 10) { $0.workload?.totals.delivered ?? 0 }
        // Doubles come late.
        try await driver.wait(seconds: 0.5) { _ in "draining" }
    }

    private static func status(_ fleet: Fleet) -> String {
        let totals = fleet.workload?.totals ?? .init()
        return "\(totals.stored) acknowledged, \(totals.delivered) delivered"
    }
}

/// `holdfast-load throughput`
struct ThroughputCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "throughput",
        abstract: "Durable messages a second from senders to receivers, each one checked.",
        discussion: """
            Example: holdfast-load throughput --data ./holdfast-data --senders 64 --receivers 64 --window 64 --duration 10
            """)

    @OptionGroup var target: TargetOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Phones that send, and phones that receive; unless given apart.") var clients = 128
    @Option(help: "Phones that send.") var senders: Int?
    @Option(help: "Phones that receive.") var receivers: Int?
    @Option(help: "Unanswered messages of each sender.") var window = 64
    @Option(help: "Receivers that each sender sends to in turn.") var spread = 1
    @Option(help: "Size of a message.") var bytes = 100
    @Flag(help: "Senders without an inbox, like backends.") var sendOnly = false
    @Option(help: "Seconds that are measured, after two to warm up.") var duration = 10.0

    func run() async throws {
        let scenario = ThroughputScenario(
            target: try target.target(), senders: senders ?? clients / 2, receivers: receivers ?? clients - clients / 2, window: window,
            bodyBytes: bytes, spread: spread, isSendOnly: sendOnly, seconds: duration)
        try await scenario.run().finish(json: output.json)
    }
}

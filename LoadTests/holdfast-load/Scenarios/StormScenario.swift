import ArgumentParser
import HoldfastClient

/// All phones vanish, messages are queued for them, and all come back at once.
struct StormScenario: Sendable {
    var target: Target
    var clients = 15_000
    /// Messages queued for each phone.
    var backlog = 10
    var senders = 64
    var bodyBytes = 100
    /// Connects in flight in the storm; 0: all at once.
    var inFlightMax = 0
    /// Without any message for so long, what hasn't come counts as lost.
    var silenceSeconds = 60.0

    private static let window = 64

    /// Runs it.
    func run() async throws -> Report {
        guard clients > 0 && backlog > 0 && senders > 0 else { throw LoadError("--clients, --backlog and --senders must be at least 1") }
        guard 1...3600 ~= silenceSeconds else { throw LoadError("--duration must be 1 to 3600") }
        guard MessageBody.byteCountMin...60_000 ~= bodyBytes else { throw LoadError("--bytes must be 28 to 60000") }
        let driver = try await FleetDriver(target: target, capacity: clients + senders)
        defer { driver.stop() }
        var report = Report(scenario: "storm", clients: clients)
        try await connectAll(driver)
        try await queue(driver, &report)
        try await storm(driver, &report)

        // Doubles come late.
        try await driver.wait(seconds: 1) { _ in "draining" }
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        report.add(totals)
        report.add(counters)
        report.figures["backlog"] = Double(backlog)
        report.figures["inFlight"] = Double(inFlightMax)
        report.figures["resumes"] = Double(counters.resumed)
        report.figures["loginsInsteadOfResumes"] = Double(counters.hellos - clients - senders)
        report.figures["failedConnects"] = Double(counters.connectFailures)
        report.figures["lostConnections"] = Double(counters.disconnects - clients)
        return report
    }

    /// All phones log in once, for their tickets, and vanish; the senders stay.
    private func connectAll(_ driver: FleetDriver) async throws {
        let phone = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false)
        let sender = ClientSettings(device: "load", isSendOnly: true, acknowledgesOnReceipt: true, resolvesPeers: false)
        try await driver.perform { fleet in
            fleet.add(clients, phone)
            fleet.add(senders, sender)
        }
        try await driver.connect(0..<clients + senders, inFlightMax: 64)
        // A ticket follows its WELCOME closely.
        try await driver.wait(seconds: 1) { _ in "tickets" }
        try await driver.perform { fleet in fleet.drop(0..<clients) }
    }

    private func queue(_ driver: FleetDriver, _ report: inout Report) async throws {
        let watch = Stopwatch(target)
        try await driver.perform { fleet in
            let workload = Workload(window: Self.window, bodyBytes: bodyBytes)
            fleet.workload = workload
            for index in 0..<clients { fleet.addStream(from: clients + index % senders, to: index) }
            fleet.send(upTo: UInt64(backlog))
        }
        try await driver.reach(clients * backlog, "queued") { $0.workload?.totals.stored ?? 0 }
        report.rates["queued"] = Double(clients * backlog) / watch.read().seconds
        report.add("sent", try await driver.perform { fleet in fleet.workload?.sendTimes ?? Latencies() })
    }

    private func storm(_ driver: FleetDriver, _ report: inout Report) async throws {
        let drops = NetworkCounters.listenDrops
        let watch = Stopwatch(target)
        try await driver.perform { fleet in
            let arrivals = Arrivals(phones: clients, backlog: backlog)
            fleet.connectTimes = Latencies()
            fleet.workload?.isRecording = false
            fleet.workload?.onDelivery = { receiver, time in arrivals.deliver(receiver, time) }
            fleet.arrivals = arrivals
            fleet.connect(0..<clients, inFlightMax: inFlightMax)
        }
        // What doesn't come is counted as lost.
        try? await driver.reach(clients * backlog, "delivered", stallSeconds: UInt64(silenceSeconds)) { $0.workload?.totals.delivered ?? 0 }
        let (arrivals, connectTimes) = try await driver.perform { fleet in
            (fleet.arrivals?.summary ?? .init(), fleet.connectTimes)
        }
        var reading = watch.read()
        reading.seconds = arrivals.lastSeconds
        report.add(reading)
        report.figures["secondsToLastMessage"] = arrivals.lastSeconds
        if arrivals.lastSeconds > 0 { report.rates["resumedPhones"] = Double(arrivals.complete) / arrivals.lastSeconds }
        report.add("firstMessage", arrivals.first)
        report.add("lastMessage", arrivals.last)
        report.add("resume", connectTimes)
        let dropped = NetworkCounters.listenDrops - drops
        report.figures["listenDrops"] = Double(dropped)
        if dropped > 0 {
            report.notes.append(
                "the listen queue (net.core.somaxconn) overflowed \(dropped) times: the system repeats such connects after a second")
        }
    }
}

/// `holdfast-load storm`
struct StormCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storm",
        abstract: "All phones vanish and come back at once, with messages waiting for each.",
        discussion: """
            Example: holdfast-load storm --data ./holdfast-data --clients 15000 --backlog 10 --in-flight 0
            """)

    @OptionGroup var target: TargetOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Phones.") var clients = 15_000
    @Option(help: "Messages queued for each phone.") var backlog = 10
    @Option(help: "Phones that queue them.") var senders = 64
    @Option(help: "Size of a message.") var bytes = 100
    @Option(help: "Connects at a time in the storm; 0: all at once.") var inFlight = 0
    @Option(help: "Seconds without any message after which what hasn't come counts as lost.") var duration = 60.0

    func run() async throws {
        let scenario = StormScenario(
            target: try target.target(), clients: clients, backlog: backlog, senders: senders, bodyBytes: bytes, inFlightMax: inFlight,
            silenceSeconds: duration)
        try await scenario.run().finish(json: output.json)
    }
}

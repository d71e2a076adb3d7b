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
    var rate = Rate.max
    var seconds = 10.0

    static let warmUpSeconds = 2.0

    /// Runs it.
    func run() async throws -> Report {
        guard senders > 0 && receivers > 0 && 1...127 ~= window && 1...receivers ~= spread && seconds > 0 else {
            throw LoadError(
                usage: "--senders and --receivers must be at least 1, --window 1 to 127, --spread 1 to --receivers, --duration above 0")
        }
        guard MessageBody.byteCountMin...60_000 ~= bodyBytes else { throw LoadError(usage: "--bytes must be 28 to 60000") }
        // A process needs a sender for each share of the receivers.
        let (ownSenders, ownReceivers) = (max(1, WorkerPlace.share(senders)), WorkerPlace.share(receivers))
        return try await LoadRun.perform(
            "throughput" + target.suffix, on: target, clients: senders + receivers, capacity: ownSenders + ownReceivers
        ) { run in
            try await connect(run, ownSenders, ownReceivers)
            try run.barrier("send")
            try await run.start(0, rate, share: Double(ownReceivers) / Double(receivers))
            try await measure(run)
            try await run.drain()
        }
    }

    private func connect(_ run: LoadRun, _ senders: Int, _ receivers: Int) async throws {
        let senderSettings = ClientSettings(
            device: isSendOnly ? "load-sender" : "load", isSendOnly: isSendOnly,
            acknowledgesOnReceipt: true, resolvesPeers: false, limits: limits)
        let spread = min(spread, receivers)
        try await run.driver.perform { [window, bodyBytes] fleet in
            fleet.add(receivers, LoadRun.phoneSettings)
            fleet.add(senders, senderSettings)
            let workload = Workload(window: window, bodyBytes: bodyBytes)
            workload.isRecording = false
            fleet.workload = workload
            // A round of all senders, then the next one: what is due comes from each in turn.
            for step in 0..<spread {
                for sender in 0..<senders {
                    // Neighbours begin far from each other, so that all receivers get something.
                    fleet.addStream(from: receivers + sender, to: (sender * receivers / senders + step) % receivers)
                }
            }
        }
        try await run.driver.connect(0..<senders + receivers, inFlightMax: 64)
    }

    private func measure(_ run: LoadRun) async throws {
        try await run.driver.wait(seconds: Self.warmUpSeconds, LoadRun.status)
        try run.barrier("measure")
        let watch = Stopwatch(target)
        let before = try await run.driver.perform { fleet in
            fleet.workload?.isRecording = true
            return fleet.workload?.totals ?? .init()
        }
        try await run.driver.wait(seconds: seconds, LoadRun.status)
        let after = try await run.driver.perform { fleet in
            fleet.workload?.isRecording = false
            return fleet.workload?.totals ?? .init()
        }
        let reading = watch.read()
        try run.barrier("measured")
        let lags = try await run.driver.perform { fleet in fleet.workload?.flows[0].lags }
        let times = try await run.driver.perform { fleet in fleet.workload?.takeTimes() }
        run.add(reading, lags: rate == .max ? nil : lags)
        run.report.rates["acknowledged"] = Double(after.stored - before.stored) / reading.seconds
        run.report.rates["delivered"] = Double(after.delivered - before.delivered) / reading.seconds
        if let server = reading.cpu.server, after.delivered > before.delivered {
            run.figure("serverMicrosecondsPerMessage", server / Double(after.delivered - before.delivered) * 1e6, .parallel)
        }
        run.add("sent", times?.send ?? Latencies())
        run.add("endToEnd", times?.delivery ?? Latencies())
        run.figure("window", Double(window), .max)
        run.figure("bodyBytes", Double(bodyBytes), .max)
    }

    /// The window is what bounds messages in flight, not their bytes.
    private var limits: ClientSettings.Limits {
        var limits = ClientSettings.Limits()
        limits.bytesInFlightMax = 127 * 64 << 10
        return limits
    }
}

/// `holdfast-load throughput`
struct ThroughputCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "throughput",
        abstract: "Durable messages a second from senders to receivers, each one checked.",
        discussion: """
            --rate messages a second are due at fixed times, and latencies count from then, whatever became of those before. --rate max finds \
            the highest rate that windows let through; its latencies are those of full windows.

            Examples:
              holdfast-load throughput --start --rate 20000
              holdfast-load throughput --data ./holdfast-data --senders 64 \\
                --receivers 64 --window 64 --rate max --duration 10
              holdfast-load throughput --start --senders 16 --receivers 10000 \\
                --spread 625 --rate max
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Phones: a half sends, a half receives, unless their numbers are given. (default: 128)") var clients: Int?
    @Option(help: "Phones that send.") var senders: Int?
    @Option(help: "Phones that receive.") var receivers: Int?
    @Option(help: ArgumentHelp("Messages a second, each at its time; max: as fast as windows let them.", valueName: "n|max"))
    var rate = Rate.perSecond(10_000)
    @Option(help: "Unanswered messages of each sender.") var window = 64
    @Option(help: "Receivers that each sender sends to in turn. Default: as many as it takes to reach them all.") var spread: Int?
    @Option(help: "Size of a message.") var bytes = 100
    @Flag(help: "Senders without an inbox, like backends.") var sendOnly = false
    @Option(help: "Seconds that are measured, after two to warm up.") var duration = 10.0

    func validate() throws {
        if clients != nil && senders != nil && receivers != nil {
            throw ValidationError("--senders and --receivers say how many phones there are: leave --clients out")
        }
    }

    func run() async throws {
        let clients = clients ?? 128
        let (senders, receivers) = (senders ?? clients / 2, receivers ?? clients - clients / 2)
        guard senders > 0 else { throw LoadError(usage: "--senders must be at least 1") }
        let messages = FreeDisk.messages(rate, seconds: duration + ThroughputScenario.warmUpSeconds)
        let disk = FreeDisk.need(messages: messages, bodyBytes: bytes, users: senders + receivers)
        try await load.run(connections: senders + receivers, diskBytes: disk) { target in
            try await ThroughputScenario(
                target: target, senders: senders, receivers: receivers, window: window, bodyBytes: bytes,
                spread: spread ?? max(1, receivers / senders), isSendOnly: sendOnly, rate: rate, seconds: duration
            ).run()
        }
    }
}

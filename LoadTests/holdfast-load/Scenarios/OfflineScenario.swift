import ArgumentParser
import Foundation

/// Messages to many users who are away, and whether they are there when some of them, or all, come.
struct OfflineScenario: Sendable {
    var target: Target
    /// Users who are away.
    var clients = 100_000
    var senders = 64
    var rate = Rate.perSecond(20_000)
    var bodyBytes = 100
    var seconds = 10.0
    /// How many of them fetch their messages at the end.
    var verifyCount = 1_000

    /// Runs it.
    func run() async throws -> Report {
        guard clients > 0 && senders > 0 && seconds > 0 else {
            throw LoadError(usage: "--clients and --senders must be at least 1, --duration above 0")
        }
        guard MessageBody.byteCountMin...60_000 ~= bodyBytes else { throw LoadError(usage: "--bytes must be 28 to 60000") }
        let (count, senders) = (WorkerPlace.share(clients), max(1, WorkerPlace.share(senders)))
        let blocks = AwayUsers.blocks(count: count, sample: WorkerPlace.share(verifyCount))
        let slots = blocks.map(\.count).max() ?? 0
        return try await LoadRun.perform(
            "offline" + target.suffix, on: target, clients: clients, capacity: senders, users: senders + count, connections: senders + slots
        ) { run in
            try await run.driver.perform { [bodyBytes] fleet in
                fleet.add(senders, LoadRun.senderSettings)
                let workload = Workload(window: 127, bodyBytes: bodyBytes)
                let away = AwayUsers(users: senders..<senders + count)
                workload.isAway = { away.contains($0) }
                (fleet.workload, fleet.away) = (workload, away)
                for user in 0..<count { fleet.addStream(from: user % senders, to: senders + user) }
            }
            try await run.driver.connect(0..<senders, inFlightMax: 64)
            try run.barrier("send")
            try await measure(run, Double(count) / Double(clients))
            try await run.drain()
            try run.barrier("verify")
            try await run.fetch(blocks, of: senders, flow: 0)
        }
    }

    private func measure(_ run: LoadRun, _ share: Double) async throws {
        let data = DiskSpace.used(at: target.data)
        let watch = Stopwatch(target)
        try await run.start(0, rate, share: share)
        try await run.driver.wait(seconds: seconds) { fleet in
            "\(fleet.workload?.totals.stored ?? 0) queued, \(fleet.workload?.flows[0].overdue ?? 0) overdue"
        }
        let (stored, lags) = try await run.driver.perform { fleet in
            (fleet.workload?.totals.stored ?? 0, fleet.workload?.flows[0].lags ?? Latencies())
        }
        let reading = watch.read()
        try run.barrier("sent")
        run.add(reading, lags: rate == .max ? nil : lags)
        run.report.rates["queued"] = Double(stored) / reading.seconds
        run.add("sent", try await run.driver.perform { $0.workload?.takeTimes().send ?? Latencies() })
        if let server = reading.cpu.server, stored > 0 {
            run.figure("serverMicrosecondsPerMessage", server / Double(stored) * 1e6, .parallel)
        }
        if stored > 0 { run.figure("diskBytesPerMessage", Double(DiskSpace.used(at: target.data) - data) / Double(stored), .parallel) }
        if let bytes = target.pid.flatMap({ ProcessMeter(pid: $0).privateBytes }) {
            run.figure("serverPrivateBytesAtEnd", Double(bytes), .max)
        }
    }
}

/// `holdfast-load offline`
struct OfflineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offline",
        abstract: "Messages to many users who are away, and whether they are there when these come.",
        discussion: """
            --clients users who never were here get messages in turn, --rate a second in all, for --duration seconds. Then --verify of them, in \
            blocks spread over all, or with --verify-all every one, log in and must get exactly theirs. The disk has to have room for the \
            whole run, and is asked first.

            Examples:
              holdfast-load offline --start --clients 100000 --rate 20000
              holdfast-load offline --start --directory /data --clients 1000000 \\
                --rate max --duration 300 --verify-all
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Users who are away.") var clients = 100_000
    @Option(help: "Phones that send.") var senders = 64
    @Option(help: ArgumentHelp("Messages a second, each at its time; max: as fast as windows let them.", valueName: "n|max"))
    var rate = Rate.perSecond(20_000)
    @Option(help: "Size of a message.") var bytes = 100
    @Option(help: "Seconds of sending.") var duration = 10.0
    @Option(help: "How many users fetch their messages at the end.") var verify: Int?
    @Flag(help: "All users fetch their messages at the end.") var verifyAll = false

    func validate() throws {
        if verifyAll && verify != nil { throw ValidationError("--verify-all asks every user: leave --verify out") }
        if let verify, verify < 1 { throw ValidationError("--verify must be at least 1") }
    }

    func run() async throws {
        let disk = FreeDisk.need(messages: FreeDisk.messages(rate, seconds: duration), bodyBytes: bytes)
        try await load.run(connections: senders + AwayUsers.blockCount, diskBytes: disk) { target in
            try await OfflineScenario(
                target: target, clients: clients, senders: senders, rate: rate, bodyBytes: bytes, seconds: duration,
                verifyCount: verifyAll ? clients : verify ?? 1_000
            ).run()
        }
    }
}

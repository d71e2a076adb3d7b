import ArgumentParser
import HoldfastClient

/// Many phones go at once: what it costs the gateway, and those who stay.
struct DisconnectScenario: Sendable {
    var target: Target
    var clients = 10_000
    var departure = Fleet.Departure.close
    /// Messages of bystanders a second.
    var durableRate = 1_000.0
    /// How long each part lasts: before, and from the moment on.
    var seconds = 5.0

    /// Runs it.
    func run() async throws -> Report {
        guard clients > 0 && seconds > 0 && durableRate > 0 else {
            throw LoadError(usage: "--clients must be at least 1, --duration and --rate above 0")
        }
        let count = WorkerPlace.share(clients)
        let bystanderCount = max(2, WorkerPlace.share(Bystanders.count) & ~1)
        return try await LoadRun.perform(
            "disconnect-\(departure)" + target.suffix, on: target, clients: clients, capacity: count + bystanderCount
        ) { run in
            try await run.driver.perform { fleet in fleet.add(count, LoadRun.phoneSettings) }
            // What the gateway has before any process's phones come, and with them all.
            try run.barrier("empty")
            let others = target.pid.flatMap { OpenSockets(pid: $0) }
            try run.barrier("connect")
            try await run.driver.connect(0..<count, inFlightMax: 64)
            try run.barrier("connected")
            let sockets = others.flatMap { others in target.pid.flatMap { OpenSockets(pid: $0, except: others) } }
            try run.barrier("bystanders")
            let bystanders = try await Bystanders.join(run, count: bystanderCount, rate: durableRate * Double(count) / Double(clients))
            try run.barrier("before")
            try await bystanders.start(run)
            let before = try await bystanders.moment(run)
            let quiet = Stopwatch(target)
            try await run.driver.wait(seconds: seconds, LoadRun.status)
            let ordinary = quiet.read()
            // Before any process's phones go.
            let full = target.pid.flatMap { ProcessMeter(pid: $0).privateBytes }
            try run.barrier("disconnect")
            try await disconnect(run, count, bystanders, before, ordinary, Server(sockets: sockets, bytes: full))
            try await run.drain()
        }
    }

    /// The gateway with all its connections.
    private struct Server {
        /// Those of the phones; nil: its process isn't known.
        let sockets: OpenSockets?
        let bytes: Int?
    }

    private func disconnect(
        _ run: LoadRun, _ count: Int, _ bystanders: Bystanders, _ before: Bystanders.Moment, _ ordinary: Stopwatch.Reading,
        _ full: Server
    ) async throws {
        let start = try await bystanders.moment(run, endOf: "Before")
        var sockets = full.sockets
        let watch = Stopwatch(target)
        try await run.driver.perform { [departure] fleet in fleet.drop(0..<count, departure) }
        var closedAfter: Double?
        while watch.read().seconds < seconds {
            try await run.driver.wait(seconds: 0.02, LoadRun.status)
            if closedAfter == nil, sockets?.areClosed() == true { closedAfter = watch.read().seconds }
        }
        let reading = watch.read()
        let end = try await bystanders.moment(run, endOf: "After")
        let lags = try await run.driver.perform { [flow = bystanders.flow] fleet in fleet.workload?.flows[flow].lags }
        run.add(reading, lags: lags)
        let (calm, after) = (try await bystanders.rates(run, before, start), try await bystanders.rates(run, start, end))
        run.report.rates["durableBefore"] = calm.mean
        run.report.rates["durableAfter"] = after.mean
        run.figure("durableBeforeLowestPerSecond", calm.lowest ?? calm.mean)
        run.figure("durableAfterLowestPerSecond", after.lowest ?? after.mean)
        if let server = reading.cpu.server, let usual = ordinary.cpu.server {
            // What the bystanders cost in as much time is taken off.
            let cost = server - usual * reading.seconds / ordinary.seconds
            run.figure("serverMicrosecondsPerDisconnect", cost / Double(clients) * 1e6, .mean)
        }
        if let closedAfter {
            run.figure("secondsUntilAllClosed", closedAfter, .max)
        } else if let sockets {
            run.report.notes.append(
                "the gateway still had connections, at most \(sockets.entries.count), of phones that were gone when the run ended")
        }
        if let memory = full.bytes, let now = target.pid.flatMap({ ProcessMeter(pid: $0).privateBytes }) {
            run.figure("serverBytesGivenBackPerPhone", Double(memory - now) / Double(clients), .mean)
        }
        try run.barrier("disconnected")
        try await run.driver.perform { $0.releaseGhosts() }
        let connected = try await run.driver.perform { $0.counters.connected }
        if connected != bystanders.phones.count {
            run.report.faults["bystanders that lost their connection"] = bystanders.phones.count - connected
        }
    }
}

/// `holdfast-load disconnect`
struct DisconnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disconnect",
        abstract: "Many phones go at once: what it costs the gateway and the phones that stay.",
        discussion: """
            \(Bystanders.count) other phones send each other --rate messages a second in all, each at its time, for --duration seconds before \
            and as long from the moment on. --leave says how the phones go: close (a FIN), reset, keep (they say that they will be back), \
            logout, silence (no packet; the gateway finds out by their missing heartbeats, after minutes).

            Example:
              holdfast-load disconnect --start --clients 10000 --leave reset --rate 2000
            """)

    @OptionGroup var load: LoadOptions
    @Option(help: "Phones that go.") var clients = 10_000
    @Option(help: ArgumentHelp("How they go: keep, logout, close, reset, silence.", valueName: "how")) var leave = Fleet.Departure.close
    @Option(help: "Messages a second of the phones that stay.") var rate = 1_000.0
    @Option(help: "Seconds before, and from the moment on.") var duration = 5.0

    func run() async throws {
        let disk = FreeDisk.need(messages: rate * 2 * duration, bodyBytes: 100, users: clients + Bystanders.count)
        try await load.run(connections: clients + Bystanders.count, diskBytes: disk) { target in
            try await DisconnectScenario(target: target, clients: clients, departure: leave, durableRate: rate, seconds: duration).run()
        }
    }
}

extension Fleet.Departure: ExpressibleByArgument {}

import HoldfastClient

/// Phones vanish at once, messages are queued for them, and they come back: all at once, some at a time, or faster than they used to arrive.
struct StormScenario: Sendable {
    var target: Target
    var clients = 15_000
    /// Messages queued for each phone.
    var backlog = 10
    var senders = 64
    var bodyBytes = 100
    /// How the phones went.
    var departure = Fleet.Departure.close
    /// Connects in flight in the storm; 0: all at once.
    var inFlightMax = 0
    /// Arrivals a second, each at its time, instead; nil: as `inFlightMax` lets them.
    var arrivalsPerSecond: Double?
    /// Messages of bystanders a second; 0: there are none.
    var durableRate = 0.0
    /// How long the bystanders are measured before and after.
    var seconds = 5.0
    /// Resumes a second with 64 in flight, which the longest wait is compared with; nil: not compared.
    var resumesPerSecond: Double?
    /// Without any message for so long, what hasn't come counts as lost.
    var silenceSeconds = 60.0

    static let window = 64

    /// Runs it.
    func run() async throws -> Report {
        guard clients > 0 && backlog > 0 && senders > 0 else { throw LoadError("--clients, --backlog and --senders must be at least 1") }
        guard 1...3600 ~= silenceSeconds && seconds > 0 else { throw LoadError("--silence must be 1 to 3600, --duration above 0") }
        guard MessageBody.byteCountMin...60_000 ~= bodyBytes else { throw LoadError("--bytes must be 28 to 60000") }
        let count = WorkerPlace.share(clients)
        let senders = max(1, WorkerPlace.share(self.senders))
        let others = durableRate > 0 ? max(2, WorkerPlace.share(Bystanders.count) & ~1) : 0
        let connections = (departure == .silence ? 2 * count : count) + senders + others
        let name = (departure == .silence ? "storm-silent" : "storm") + target.suffix
        return try await LoadRun.perform(
            name, on: target, clients: clients, capacity: count + senders + others, connections: connections
        ) { run in
            try await connectAll(run, count, senders)
            let bystanders = others > 0 ? try await Bystanders.join(run, count: others, rate: durableRate * share(count)) : nil
            try await run.driver.perform { [departure] fleet in fleet.drop(0..<count, departure) }
            try await queue(run, count)
            try await storm(run, count, bystanders)
            try await run.drain(silenceSeconds: UInt64(silenceSeconds))
            try await finish(run, count, senders, others)
        }
    }

    private func share(_ count: Int) -> Double { Double(count) / Double(clients) }

    /// All phones log in once, for their tickets; the senders stay.
    private func connectAll(_ run: LoadRun, _ count: Int, _ senders: Int) async throws {
        try await run.driver.perform { [bodyBytes] fleet in
            fleet.add(count, LoadRun.phoneSettings)
            fleet.add(senders, LoadRun.senderSettings)
            fleet.workload = Workload(window: Self.window, bodyBytes: bodyBytes)
            for index in 0..<count { fleet.addStream(from: count + index % senders, to: index) }
        }
        try await run.driver.connect(0..<count + senders, inFlightMax: 64)
        // A ticket follows its WELCOME closely.
        try await run.driver.wait(seconds: 1) { _ in "tickets" }
    }

    private func queue(_ run: LoadRun, _ count: Int) async throws {
        try run.barrier("queue")
        let watch = Stopwatch(target)
        try await run.driver.perform { [backlog] fleet in fleet.send(upTo: UInt64(backlog)) }
        try await run.driver.reach(count * backlog, "queued") { $0.workload?.flows[0].stored ?? 0 }
        run.report.rates["queued"] = Double(count * backlog) / watch.read().seconds
        run.add("sent", try await run.driver.perform { $0.workload?.takeTimes().send ?? Latencies() })
    }

    private func storm(_ run: LoadRun, _ count: Int, _ bystanders: Bystanders?) async throws {
        try run.barrier("bystanders")
        try await bystanders?.start(run)
        let before = try await bystanders?.moment(run)
        if bystanders != nil { try await run.driver.wait(seconds: seconds, LoadRun.status) }
        try run.barrier("storm")
        let start = try await bystanders?.moment(run, endOf: "Before")
        let drops = NetworkCounters.listenDrops
        let watch = Stopwatch(target)
        if arrivalsPerSecond != nil { try run.driver.startPacing() }
        let rate = arrivalsPerSecond.map { $0 * share(count) }
        let limit = inFlightMax == 0 ? 0 : max(1, Int(Double(inFlightMax) * share(count)))
        try await run.driver.perform { [backlog] fleet in
            let schedule = rate.map { Schedule(startAt: Fleet.nanoseconds, perSecond: $0) }
            let arrivals = Arrivals(phones: count, backlog: backlog, schedule: schedule)
            fleet.workload?.onDelivery = { receiver, time in arrivals.deliver(receiver, time) }
            fleet.arrivals = arrivals
            _ = fleet.connect(0..<count, by: schedule, inFlightMax: limit)
        }
        // What doesn't come is counted as lost.
        do {
            try await run.driver.reach(count, "phones with all their messages", stallSeconds: UInt64(silenceSeconds)) {
                $0.arrivals?.completeCount ?? 0
            }
        } catch {
            if await run.driver.inspect({ $0.failure != nil }) { throw error }
        }
        let end = try await bystanders?.moment(run, endOf: "During")
        try await fill(run, count, watch, drops)
        try run.barrier("after")
        if let bystanders, let before, let start, let end { try await compare(run, bystanders, before, start, end) }
    }

    private func fill(_ run: LoadRun, _ count: Int, _ watch: Stopwatch, _ drops: Int) async throws {
        let (arrivals, times, lags) = try await run.driver.perform { fleet in
            (fleet.arrivals?.summary ?? .init(), fleet.queues[1].times, fleet.queues[1].lags)
        }
        var reading = watch.read()
        reading.seconds = arrivals.lastSeconds
        run.add(reading, lags: arrivalsPerSecond == nil ? nil : lags)
        run.figure("secondsToLastMessage", arrivals.lastSeconds, .max)
        if arrivals.lastSeconds > 0 { run.report.rates["resumedPhones"] = Double(arrivals.complete) / arrivals.lastSeconds }
        run.add("firstMessage", arrivals.first)
        run.add("lastMessage", arrivals.last)
        run.add("resume", times)
        if let resumesPerSecond, let longest = arrivals.last.summary {
            let limit = 2 * Double(clients) / resumesPerSecond
            run.figure("longestWaitAllowedSeconds", limit, .max)
            run.figure("longestWaitToAllowed", longest.max / 1e6 / limit, .max)
        }
        if let server = reading.cpu.server, arrivals.complete > 0 {
            run.figure("serverMicrosecondsPerPhone", server / Double(arrivals.complete) * 1e6, .parallel)
        }
        let dropped = NetworkCounters.listenDrops - drops
        run.figure("listenDrops", Double(dropped), .max)
        if dropped > 0 {
            run.report.notes.append(
                "the listen queue (net.core.somaxconn) overflowed \(dropped) times: the system repeats such connects after a second")
        }
    }

    /// The bystanders' messages before, during and after.
    private func compare(
        _ run: LoadRun, _ bystanders: Bystanders, _ before: Bystanders.Moment, _ start: Bystanders.Moment, _ end: Bystanders.Moment
    ) async throws {
        try await run.driver.wait(seconds: seconds, LoadRun.status)
        let after = try await bystanders.moment(run, endOf: "After")
        let parts = [("Before", before, start), ("During", start, end), ("After", end, after)]
        for (name, from, to) in parts {
            let rates = try await bystanders.rates(run, from, to)
            run.report.rates["durable\(name)"] = rates.mean
            // A storm may be over within a quarter of a second.
            run.figure("durable\(name)LowestPerSecond", rates.lowest ?? rates.mean)
        }
    }

    private func finish(_ run: LoadRun, _ count: Int, _ senders: Int, _ others: Int) async throws {
        let counters = try await run.driver.perform { fleet in
            fleet.releaseGhosts()
            return fleet.counters
        }
        run.figure("backlog", Double(backlog), .max)
        if let arrivalsPerSecond {
            run.figure("arrivalsPerSecond", arrivalsPerSecond, .max)
        } else {
            run.figure("inFlight", Double(inFlightMax), .max)
        }
        run.figure("resumes", Double(counters.resumed))
        run.figure("loginsInsteadOfResumes", Double(counters.hellos - count - senders - others))
        run.figure("failedConnects", Double(counters.connectFailures))
        run.figure("lostConnections", Double(counters.disconnects - count))
        let sent = try await run.driver.perform { $0.workload?.flows[0] }
        if let sent, sent.delivered < sent.stored { run.report.faults["phones' messages that never came"] = sent.stored - sent.delivered }
    }
}

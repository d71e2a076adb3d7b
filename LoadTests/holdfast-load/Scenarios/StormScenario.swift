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
    /// How often the same storm comes. With several, the server's memory is read after the first and the last, and there are no bystanders.
    var rounds = 1
    /// Messages of bystanders a second; 0: there are none.
    var durableRate = 0.0
    /// How long the bystanders are measured before and after.
    var seconds = 5.0
    /// Resumes a second with 64 in flight, which the longest wait is compared with; nil: not compared.
    var resumesPerSecond: Double?
    /// Without any message for so long, what hasn't come counts as lost.
    var silenceSeconds = 60.0
    /// How long all is quiet before memory is read.
    var quietSeconds = 5.0

    static let window = 64

    /// Runs it.
    func run() async throws -> Report {
        guard clients > 0 && backlog > 0 && senders > 0 else {
            throw LoadError(usage: "--clients, --backlog and --senders must be at least 1")
        }
        guard 1...3600 ~= silenceSeconds && seconds > 0 else { throw LoadError(usage: "--silence must be 1 to 3600, --duration above 0") }
        guard MessageBody.byteCountMin...60_000 ~= bodyBytes else { throw LoadError(usage: "--bytes must be 28 to 60000") }
        guard 1...1_000 ~= rounds else { throw LoadError(usage: "--rounds must be 1 to 1000") }
        guard rounds == 1 || durableRate == 0 else {
            throw LoadError(usage: "--rounds above 1 compares memory when all is quiet: leave --durable-rate out")
        }
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
            var outcome = Outcome()
            for round in 1...rounds {
                try await leave(run, count, round)
                try await queue(run, count, round)
                try await storm(run, count, bystanders, &outcome)
                if rounds > 1 && (round == 1 || round == rounds) { try await settle(run, round, &outcome) }
            }
            try await run.drain(silenceSeconds: UInt64(silenceSeconds))
            try await finish(run, count, senders, others)
        }
    }

    /// What the rounds so far have shown.
    private struct Outcome {
        var seconds: [Double] = []
        var reading: Stopwatch.Reading?
        /// Phones that had all their messages.
        var complete = 0
        /// Each phone's time to its last message.
        var last = Latencies()
        var listenDrops = 0
        /// CPU seconds of the server for the bystanders' messages.
        var bystanderSeconds: Double?
        /// Private bytes of the server after the first round.
        var firstBytes: Int?
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

    private func leave(_ run: LoadRun, _ count: Int, _ round: Int) async throws {
        try await run.driver.perform { [departure] fleet in
            fleet.drop(0..<count, departure)
            guard round > 1 else { return }
            fleet.queues[1].end()
            fleet.removeLastQueue()
        }
    }

    private func queue(_ run: LoadRun, _ count: Int, _ round: Int) async throws {
        try run.barrier("queue")
        let watch = Stopwatch(target)
        try await run.driver.perform { [backlog] fleet in fleet.send(upTo: UInt64(backlog * round)) }
        try await run.driver.reach(count * backlog * round, "queued") { $0.workload?.flows[0].stored ?? 0 }
        run.report.rates["queued"] = Double(count * backlog) / watch.read().seconds
        run.add("sent", try await run.driver.perform { $0.workload?.takeTimes().send ?? Latencies() })
    }

    private func storm(_ run: LoadRun, _ count: Int, _ bystanders: Bystanders?, _ outcome: inout Outcome) async throws {
        try run.barrier("bystanders")
        try await bystanders?.start(run)
        let before = try await bystanders?.moment(run)
        let calm = Stopwatch(target)
        if bystanders != nil { try await run.driver.wait(seconds: seconds, LoadRun.status) }
        try run.barrier("storm")
        let usual = calm.read()
        let start = try await bystanders?.moment(run, endOf: "Before")
        let drops = NetworkCounters.listenDrops
        let watch = Stopwatch(target)
        try await comeBack(run, count)
        let reading = watch.read()
        let end = try await bystanders?.moment(run, endOf: "During")
        if let server = usual.cpu.server, let before, let start, let end {
            outcome.bystanderSeconds = Bystanders.serverSeconds(
                of: end.stored - start.stored, if: start.stored - before.stored, took: server)
        }
        outcome.listenDrops += NetworkCounters.listenDrops - drops
        try await fill(run, reading, &outcome)
        try run.barrier("after")
        if let bystanders, let before, let start, let end { try await compare(run, bystanders, before, start, end) }
        try await run.driver.perform { $0.releaseGhosts() }
    }

    /// The phones come back, and get what waits for them.
    private func comeBack(_ run: LoadRun, _ count: Int) async throws {
        if arrivalsPerSecond != nil { try run.driver.startPacing() }
        let rate = arrivalsPerSecond.map { $0 * share(count) }
        let limit = inFlightMax == 0 ? 0 : max(1, Int(Double(inFlightMax) * share(count)))
        try await run.driver.perform { [backlog] fleet in
            let schedule = rate.map { Schedule(startAt: Fleet.nanoseconds, perSecond: $0) }
            let arrivals = Arrivals(phones: count, backlog: backlog, schedule: schedule)
            fleet.workload?.onDelivery = { receiver, time in arrivals.deliver(receiver, time) }
            fleet.arrivals = arrivals
            fleet.connect(0..<count, by: schedule, inFlightMax: limit)
        }
        // What doesn't come is counted as lost.
        do {
            try await run.driver.reach(count, "phones with all their messages", stallSeconds: UInt64(silenceSeconds)) {
                $0.arrivals?.completeCount ?? 0
            }
        } catch {
            if await run.driver.inspect({ $0.failure != nil }) { throw error }
        }
    }

    /// Takes over what a round has shown; figures are those of all rounds so far.
    private func fill(_ run: LoadRun, _ round: Stopwatch.Reading, _ outcome: inout Outcome) async throws {
        let (arrivals, times, lags) = try await run.driver.perform { fleet in
            (fleet.arrivals?.summary ?? .init(), fleet.queues[1].times, fleet.queues[1].lags)
        }
        var round = round
        round.seconds = arrivals.lastSeconds
        let reading = outcome.reading.map { $0 + round } ?? round
        outcome.reading = reading
        outcome.seconds.append(arrivals.lastSeconds)
        outcome.complete += arrivals.complete
        outcome.last.add(arrivals.last)
        run.add(reading, lags: arrivalsPerSecond == nil ? nil : lags)
        if rounds > 1 {
            run.report.add(rounds: outcome.seconds)
        } else {
            run.figure("secondsToLastMessage", arrivals.lastSeconds, .max)
        }
        if reading.seconds > 0 { run.report.rates["resumedPhones"] = Double(outcome.complete) / reading.seconds }
        run.add("firstMessage", arrivals.first)
        run.add("lastMessage", arrivals.last)
        run.add("resume", times)
        if let resumesPerSecond, let longest = outcome.last.summary {
            let limit = 2 * Double(clients) / resumesPerSecond
            run.figure("longestWaitAllowedSeconds", limit, .max)
            run.figure("longestWaitToAllowed", longest.max / 1e6 / limit, .max)
        }
        if let server = reading.cpu.server, outcome.complete > 0 {
            // What the bystanders' messages took is nothing that a phone of the storm has cost.
            let cost = max(0, server - (outcome.bystanderSeconds ?? 0))
            run.figure("serverMicrosecondsPerPhone", cost / Double(outcome.complete) * 1e6, .parallel)
            if let bystanders = outcome.bystanderSeconds { run.figure("bystanderServerSeconds", bystanders, .mean) }
        }
        run.figure("listenDrops", Double(outcome.listenDrops), .max)
        if outcome.listenDrops > 0 {
            let text = "the listen queue (net.core.somaxconn) overflowed \(outcome.listenDrops) times"
            run.report.notes.removeAll { $0.hasPrefix("the listen queue") }
            run.report.notes.append(text + ": the system repeats such connects after a second")
        }
    }

    /// What the server holds for its phones once all is quiet again after a round.
    private func settle(_ run: LoadRun, _ round: Int, _ outcome: inout Outcome) async throws {
        try run.barrier("settle \(round)")
        let bytes = try await run.settledBytes(quietSeconds: quietSeconds)
        try run.barrier("settled \(round)")
        guard let bytes else { return }
        // The server's memory is that of all processes' phones.
        run.figure("serverBytesPerPhoneAfter\(round == 1 ? "First" : "Last")Round", Double(bytes) / Double(clients), .mean)
        guard let first = outcome.firstBytes else { return outcome.firstBytes = bytes }
        run.figure("growthBytesPerPhone", Double(bytes - first) / Double(clients), .mean)
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
        let counters = try await run.driver.perform { $0.counters }
        run.figure("backlog", Double(backlog), .max)
        if rounds > 1 { run.figure("rounds", Double(rounds), .max) }
        if let arrivalsPerSecond {
            run.figure("arrivalsPerSecond", arrivalsPerSecond, .max)
        } else {
            run.figure("inFlight", Double(inFlightMax), .max)
        }
        run.figure("resumes", Double(counters.resumed))
        run.figure("loginsInsteadOfResumes", Double(counters.hellos - count - senders - others))
        run.figure("failedConnects", Double(counters.connectFailures))
        run.figure("lostConnections", Double(counters.disconnects - count * rounds))
        let sent = try await run.driver.perform { $0.workload?.flows[0] }
        if let sent, sent.delivered < sent.stored { run.report.faults["phones' messages that never came"] = sent.stored - sent.delivered }
    }
}

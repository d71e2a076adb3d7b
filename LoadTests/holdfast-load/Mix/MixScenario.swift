import HoldfastClient

/// Groups of clients that do different things at the same time.
struct MixScenario: Sendable {
    var target: Target
    var plan: MixPlan
    var name = "mixed"
    var sampleSeconds = 1.0
    /// Users who were away and fetch their messages at the end.
    var verifyCount = 1_000

    /// Runs it.
    func run() async throws -> Report {
        // Each process has a smaller mix of the same kind.
        let plan = WorkerPlace.current.map { self.plan.scaled(clients: 1 / Double($0.count), rates: 1 / Double($0.count)) } ?? self.plan
        let places = MixPlaces(plan)
        let fetching = plan.groups.contains { $0.behaviour == .offline } ? AwayUsers.blockCount : 0
        return try await LoadRun.perform(
            name + target.suffix, on: target, clients: self.plan.groups.reduce(0) { $0 + $1.clients }, capacity: places.tokenCount,
            connections: plan.connections + fetching, sampleSeconds: sampleSeconds
        ) { run in
            try await connect(run, plan, places)
            try run.barrier("begin")
            let feed = try await begin(run, plan, places)
            do {
                try await measure(run, plan, places)
            } catch {
                await feed?.stop()
                throw error
            }
            await feed?.stop()
            try await run.drain()
            try run.barrier("fetch")
            if let group = plan.groups.firstIndex(where: { $0.behaviour == .offline }) {
                let sample = AwayUsers.blocks(count: plan.groups[group].clients, sample: verifyCount)
                try await run.fetch(sample, of: places.awayUsers.lowerBound, flow: group)
            }
        }
    }

    private func connect(_ run: LoadRun, _ plan: MixPlan, _ places: MixPlaces) async throws {
        try await run.driver.perform { fleet in
            fleet.add(places.phoneCount, LoadRun.phoneSettings)
            let workload = Workload(window: 64, bodyBytes: plan.groups[0].bytes)
            fleet.workload = workload
            for group in plan.groups.dropFirst() { _ = workload.addFlow(bodyBytes: group.bytes) }
            if !places.awayUsers.isEmpty {
                let away = AwayUsers(users: places.awayUsers)
                workload.isAway = { away.contains($0) }
                fleet.away = away
            }
            for (flow, group) in plan.groups.enumerated() { Self.addStreams(fleet, group, places, flow) }
        }
        try await run.driver.connect(0..<places.tokenCount, inFlightMax: 64)
        // A ticket follows its WELCOME closely.
        try await run.driver.wait(seconds: 1) { _ in "tickets" }
    }

    private static func addStreams(_ fleet: Fleet, _ group: MixPlan.Group, _ places: MixPlaces, _ flow: Int) {
        let phones = places.phones[flow]
        switch group.behaviour {
        case .chat, .flap:
            guard group.messagesPerSecond > 0 else { return }
            for index in phones { fleet.addStream(from: index, to: phones.lowerBound + (index - phones.lowerBound ^ 1), flow: flow) }
        case .offline:
            for place in 0..<group.clients {
                fleet.addStream(from: phones.lowerBound + place % phones.count, to: places.awayUsers.lowerBound + place, flow: flow)
            }
        case .churn:
            fleet.workload?.flows[flow].quota = 1
            fleet.newcomers = Fleet.Newcomers(
                settings: LoadRun.phoneSettings, receivers: Array(phones), flow: flow, nextUser: places.awayUsers.upperBound,
                tokensEnd: places.awayUsers.upperBound)
        case .idle, .heartbeat: break
        }
    }

    /// All groups begin.
    private func begin(_ run: LoadRun, _ plan: MixPlan, _ places: MixPlaces) async throws -> TokenFeed? {
        try run.driver.startPacing()
        var feed: TokenFeed?
        for (flow, group) in plan.groups.enumerated() {
            if group.messagesPerSecond > 0 { try await run.start(flow, .perSecond(group.messagesPerSecond), share: 1) }
            let events = Rate.perSecond(group.eventsPerSecond)
            switch group.behaviour {
            case .heartbeat:
                try await run.driver.perform { fleet in
                    guard let schedule = events.schedule() else { return }
                    let beats = Beats(schedule: schedule, phones: places.phones[flow])
                    fleet.beats = beats
                    beats.start(fleet)
                }
            case .flap:
                try await run.driver.perform { fleet in
                    _ = fleet.connect(places.phones[flow], by: events.schedule(), afterwards: .rejoin(group.leave))
                }
            case .churn:
                feed = try await TokenFeed(run.driver, ahead: Int(3 * group.eventsPerSecond))
                try await run.driver.perform { fleet in
                    _ = fleet.connect(places.visitors, by: events.schedule(), afterwards: .visit(group.leave))
                }
            case .idle, .chat, .offline: break
            }
        }
        return feed
    }

    private func measure(_ run: LoadRun, _ plan: MixPlan, _ places: MixPlaces) async throws {
        let watch = Stopwatch(target)
        let before = try await run.driver.perform { $0.workload?.totals ?? .init() }
        try await run.driver.wait(seconds: plan.seconds, LoadRun.status)
        let reading = watch.read()
        let after = try await run.driver.perform { $0.workload?.totals ?? .init() }
        try run.barrier("measured")
        var lags = Latencies()
        // Queues after the first are those of the flapping and the visiting groups, in their order.
        var queue = 1
        for (flow, group) in plan.groups.enumerated() {
            if group.messagesPerSecond > 0 { try await run.add(group.name, flow: flow) }
            lags.add(try await run.driver.perform { $0.workload?.flows[flow].lags ?? Latencies() })
            switch group.behaviour {
            case .flap, .churn:
                let (times, late, due) = try await run.driver.perform { [queue] fleet in
                    fleet.queues[queue].stopDue()
                    return (fleet.queues[queue].times, fleet.queues[queue].lags, fleet.queues[queue].due)
                }
                run.add(group.name + (group.behaviour == .flap ? "Resume" : "Login"), times)
                run.figure(group.name + (group.behaviour == .flap ? "Reconnects" : "Users"), Double(due))
                lags.add(late)
                if group.behaviour == .churn { try await run.driver.reach(due, "gone") { $0.counters.visitors } }
                queue += 1
            case .heartbeat:
                let (times, late, skipped) = try await run.driver.perform { fleet in
                    fleet.beats?.isEnding = true
                    return (fleet.beats?.times ?? Latencies(), fleet.beats?.lags ?? Latencies(), fleet.beats?.skipped ?? 0)
                }
                run.add(group.name + "Beat", times)
                // Their phones weren't connected.
                run.figure(group.name + "BeatsSkipped", Double(skipped))
                lags.add(late)
            case .idle, .chat, .offline: break
            }
        }
        run.add(reading, lags: lags)
        run.report.rates["acknowledged"] = Double(after.stored - before.stored) / reading.seconds
        run.report.rates["delivered"] = Double(after.delivered - before.delivered) / reading.seconds
        try await run.driver.reach(places.tokenCount, "connected again") { $0.counters.connected }
    }
}

/// Which phones and users a mix's groups have.
struct MixPlaces: Equatable, Sendable {
    /// The phones of each group that are there from the start; each has a token.
    private(set) var phones: [Range<Int>] = []
    private(set) var tokenCount = 0
    /// The phones of users who come once.
    private(set) var visitors = 0..<0
    /// Users who are away; those who come once have the numbers after them.
    private(set) var awayUsers = 0..<0

    /// How many phones there are in all.
    var phoneCount: Int { max(tokenCount, visitors.upperBound) }

    init(_ plan: MixPlan) {
        for group in plan.groups {
            let count = group.behaviour == .offline || group.behaviour == .churn ? MixPlan.helperCount : group.clients
            phones.append(tokenCount..<tokenCount + count)
            tokenCount += count
        }
        let visiting = plan.groups.first { $0.behaviour == .churn }?.clients ?? 0
        visitors = tokenCount..<tokenCount + visiting
        let away = plan.groups.first { $0.behaviour == .offline }?.clients ?? 0
        awayUsers = visitors.upperBound..<visitors.upperBound + away
    }
}

extension ComparisonBench {
    private static let backlog = 10

    /// All phones vanish, messages are queued for each, and they come back: 64 at a time, then once more all at once.
    func storm() async throws {
        let phones = scale.storm
        let all = phones + Self.senders
        let driver = try driver(connections: all, "storm")
        defer { driver.stop() }
        let clients = try await server.clients(count: all)
        try await driver.add(clients, 0..<phones, .phone)
        try await driver.add(clients, phones..<all, .sender)
        try await driver.connect(0..<all)
        // A ticket follows its WELCOME closely.
        try await driver.wait(seconds: 1, "connected")
        try await makeTraffic(driver, clients, receivers: 0..<phones, senders: phones..<all)
        for (round, inFlightMax) in [64, 0].enumerated() {
            let report = report(inFlightMax == 0 ? "compare-storm-at-once" : "compare-storm-64", clients: phones)
            try keep(await storm(driver, report, round: round + 1, inFlightMax: inFlightMax))
        }
    }

    private func storm(_ driver: PeerDriver, _ empty: Report, round: Int, inFlightMax: Int) async throws -> Report {
        let phones = scale.storm
        let goal = phones * Self.backlog * round
        var report = empty
        let countersBefore = try await driver.perform { fleet in
            fleet.drop(0..<phones)
            return fleet.counters
        }
        try await driver.wait(seconds: 1, "dropped")
        let queueWatch = watch()
        try await driver.perform { fleet in
            fleet.traffic?.isRecording = false
            fleet.send(upTo: UInt64(Self.backlog * round))
        }
        try await driver.reach(goal, "queued") { $0.traffic?.totals.acknowledged ?? 0 }
        report.rates["queued"] = Double(phones * Self.backlog) / queueWatch.read().seconds
        try await server.meter.settle(secondsMax: 5)

        let drops = NetworkCounters.listenDrops
        let sampler = ComparisonSampler(driver, server.meter)
        let watch = watch()
        try await driver.perform { fleet in
            let arrivals = Arrivals(phones: phones, backlog: Self.backlog)
            fleet.connectTimes = Latencies()
            fleet.traffic?.onDelivery = { receiver, time in arrivals.deliver(receiver, time) }
            fleet.arrivals = arrivals
            fleet.connect(0..<phones, inFlightMax: inFlightMax)
        }
        // What doesn't come is counted as lost.
        try? await driver.reach(goal, "delivered", stallSeconds: 60, secondsMax: 240) { $0.traffic?.totals.delivered ?? 0 }
        let (arrivals, connectTimes) = try await driver.perform { fleet in (fleet.arrivals?.summary ?? .init(), fleet.connectTimes) }
        var reading = watch.read()
        report.samples = await sampler.stop()
        reading.seconds = arrivals.lastSeconds
        report.add(reading)
        report.figures["secondsToLastMessage"] = arrivals.lastSeconds
        if arrivals.lastSeconds > 0 { report.rates["resumedPhones"] = Double(arrivals.complete) / arrivals.lastSeconds }
        report.figures["serverMicrosecondsPerPhone"] = (reading.cpu.server ?? 0) / Double(phones) * 1e6
        report.add("firstMessage", arrivals.first)
        report.add("lastMessage", arrivals.last)
        report.add("connect", connectTimes)
        report.figures["listenDrops"] = Double(NetworkCounters.listenDrops - drops)
        report.figures["backlog"] = Double(Self.backlog)
        // The next round waits for all of them.
        try? await driver.reach(phones + Self.senders, "connected", secondsMax: 120) { $0.counters.ready }
        try await driver.wait(seconds: 1, "draining")
        let (totals, counters) = try await driver.perform { fleet in (fleet.traffic?.verified() ?? .init(), fleet.counters) }
        report.add(totals)
        report.add(counters)
        report.figures["failedConnects"] = Double(counters.connectFailures - countersBefore.connectFailures)
        report.figures["lostConnections"] = Double(counters.disconnects - countersBefore.disconnects)
        report.figures["resumed"] = Double(counters.resumed - countersBefore.resumed)
        if round > 1 { report.notes.append("messages and losses include those of the storm before") }
        return report
    }
}

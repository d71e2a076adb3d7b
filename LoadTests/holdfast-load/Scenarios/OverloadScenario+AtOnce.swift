// All phones come back at once beside full traffic.
extension OverloadScenario {
    /// All phones vanish and come back at once, while 32 pairs send as fast as they can.
    func disconnect(control: Bool) async throws -> Report {
        let gateway = try start(control)
        defer { gateway.remove() }
        let target = try gateway.target(tls: isTLS)
        let driver = try await makeDriver(target, phones: clients + Self.senders)
        defer { driver.stop() }
        try await connectAll(driver)
        // On a loop of their own: the one of the phones is busy with their connects for a while.
        let pairs = try await startPairs(target)
        defer { pairs.stop() }
        var report = makeReport("overload-at-once", control, phones: clients, share: 0)
        do {
            try await comeBack(driver, pairs, target, &report)
            try await drain(pairs)
        } catch {
            report.faults["ended early: \(error)"] = 1
        }
        report.add(await pairs.inspect { $0.workload?.verified ?? .init() })
        for fleet in [driver, pairs] { report.add(await fleet.inspect { $0.counters }) }
        report.figures["pairsLostConnections"] = Double(await pairs.inspect { $0.counters.disconnects })
        return report
    }

    private func comeBack(_ driver: FleetDriver, _ pairs: FleetDriver, _ target: Target, _ report: inout Report) async throws {
        try await pairs.perform { $0.workload?.quota = 0 }
        try await driver.wait(seconds: 1) { _ in "phones leave" }
        let start = Fleet.nanoseconds
        try await driver.connect(0..<clients, inFlightMax: 64)
        let capacity = Double(clients) / (Double(Fleet.nanoseconds - start) / 1e9)
        try await pairs.perform { $0.send(upTo: Workload.unlimited) }
        let before = try await durableRates(pairs, seconds: seconds) { false }
        let drops = try listenDrops()
        let watch = Stopwatch(target)
        try await driver.perform { $0.drop(0..<clients) }
        // In a turn of its own: before it the descriptors of the old connections are free.
        try await driver.perform { fleet in
            fleet.arrivals = Arrivals(phones: clients, backlog: 0)
            fleet.connect(0..<clients, by: nil)
        }
        let during = try await ratesUntilServed(driver, pairs)
        report.add(watch.read())
        let seen = try await driver.perform { $0.arrivals?.summary ?? .init() }
        add(seen, of: clients, to: &report)
        let after = try await durableRates(pairs, seconds: seconds) { false }
        let usual = Self.mean(before)
        report.figures["capacityPerSecond"] = capacity
        report.figures["longestWaitToBacklog"] = (seen.welcome.summary?.max ?? 0) / 1e6 / (Double(clients) / capacity)
        report.figures["durableBefore"] = usual
        report.figures["durableDuringToBefore"] = Self.mean(during) / max(usual, 1)
        report.figures["durableLowestToBefore"] = Self.lowest(during) / max(usual, 1)
        report.figures["durableLowestUsualToBefore"] = Self.lowest(before) / max(usual, 1)
        report.figures["durableAfterToBefore"] = Self.mean(after) / max(usual, 1)
        report.figures["durableFirstHalfSecondAfterToBefore"] = Self.mean(Array(after.prefix(Self.half))) / max(usual, 1)
        report.figures["listenDrops"] = Double(try listenDrops() - drops)
        let rates = before + during + after
        report.samples = rates.enumerated().map { index, rate in
            Sample(seconds: Double(index) * Self.stepSeconds, values: ["acknowledgedPerSecond": rate])
        }
    }

    /// 32 pairs, of which one is to send to the other as fast as its window lets it.
    private func startPairs(_ target: Target) async throws -> FleetDriver {
        let pairs = try await makeDriver(target, phones: Self.senders)
        do {
            try await pairs.perform { $0.add(Self.senders, LoadRun.phoneSettings) }
            try await pairs.connect(0..<Self.senders, inFlightMax: 64)
            try await pairs.perform { fleet in
                fleet.workload = Workload(window: Self.window, bodyBytes: Self.bodyBytes)
                let half = Self.senders / 2
                for index in 0..<half { fleet.addStream(from: index, to: half + index) }
            }
        } catch {
            pairs.stop()
            throw error
        }
        return pairs
    }

    /// Rates of the pairs until all phones are served, or no further one was for the time that there is.
    private func ratesUntilServed(_ driver: FleetDriver, _ pairs: FleetDriver) async throws -> [Double] {
        var last = (served: 0, at: Fleet.nanoseconds)
        return try await durableRates(pairs, seconds: .infinity) {
            let served = try await driver.perform { $0.arrivals?.servedCount ?? 0 }
            let now = Fleet.nanoseconds
            if served > last.served { last = (served, now) }
            return served >= clients || Double(now - last.at) / 1e9 >= silenceSeconds
        }
    }

    /// Confirmed messages a second, in steps of a tenth of a second, until the time is over or it is enough.
    private func durableRates(_ driver: FleetDriver, seconds: Double, until isDone: () async throws -> Bool) async throws -> [Double] {
        var rates: [Double] = []
        let start = Fleet.nanoseconds
        var last = start
        var stored = try await driver.perform { $0.workload?.totals.stored ?? 0 }
        while Double(last - start) / 1e9 < seconds {
            try await Task.sleep(for: .seconds(Self.stepSeconds))
            let (now, count) = try await driver.perform { fleet in (Fleet.nanoseconds, fleet.workload?.totals.stored ?? 0) }
            rates.append(Double(count - stored) / (Double(now - last) / 1e9))
            (last, stored) = (now, count)
            if try await isDone() { break }
        }
        return rates
    }

    private static let stepSeconds = 0.1
    /// Steps of half a second.
    private static let half = 5

    private static func mean(_ rates: [Double]) -> Double { rates.isEmpty ? 0 : rates.reduce(0, +) / Double(rates.count) }

    /// The lowest mean of half a second.
    private static func lowest(_ rates: [Double]) -> Double {
        guard rates.count > half else { return mean(rates) }
        return (0...rates.count - half).map { mean(Array(rates[$0..<$0 + half])) }.min() ?? 0
    }

    private func drain(_ driver: FleetDriver) async throws {
        let sent = try await driver.perform { fleet in
            fleet.workload?.quota = 0
            return fleet.workload?.totals.sent ?? 0
        }
        try await driver.reach(sent, "answered", stallSeconds: 60) { fleet in
            fleet.workload.map { $0.totals.stored + $0.totals.refused + $0.totals.unknown } ?? 0
        }
        let stored = try await driver.perform { $0.workload?.totals.stored ?? 0 }
        // What doesn't come is counted as lost, not waited for.
        try? await driver.reach(stored, "delivered", stallSeconds: 15) { $0.workload?.totals.delivered ?? 0 }
        // Doubles come late.
        try await driver.wait(seconds: 0.5) { _ in "draining" }
    }
}

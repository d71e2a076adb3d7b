import Foundation
import HoldfastClient

/// More phones than a gateway can take: the rate at which it serves, and how long phones wait, with offered loads below and far above what it
/// can do; and what is left for messages while all phones come back at once. With and without storm control.
struct OverloadScenario: Sendable {
    let workshop: Workshop
    /// Where gateway and phones are; nil: this program's.
    let namespace: NetworkNamespace?
    var clients: Int
    var seconds: Double
    var backlog: Int
    /// Of a core, for the gateway, while phones arrive; 0: all.
    var share: Double
    var isTLS: Bool

    private static let senders = 64
    private static let window = 64
    private static let bodyBytes = 100
    private static let waitSecondsMax: UInt64 = 120

    // MARK: - Arrivals

    /// One report for each factor.
    func arrivals(control: Bool, factors: [Double]) async throws -> [Report] {
        let gateway = try start(control)
        defer { gateway.remove() }
        let bound = share > 0 ? try CPUShare(cores: share) : nil
        let target = try gateway.target(tls: isTLS)
        let driver = try await makeDriver(target)
        defer { driver.stop() }
        try await connectAll(driver)
        try await driver.perform { fleet in
            fleet.workload = Workload(window: Self.window, bodyBytes: Self.bodyBytes)
            for index in 0..<clients { fleet.addStream(from: clients + index % Self.senders, to: index) }
        }
        try await queue(driver, rounds: 1)
        try bound?.bound(gateway.child.pid)
        let capacity = try await measureCapacity(driver)
        var reports: [Report] = []
        for (index, factor) in factors.enumerated() {
            try await settle(driver, rounds: index + 1)
            try await queue(driver, rounds: index + 2)
            reports.append(try await offer(factor, capacity, control, driver, target))
        }
        try await settle(driver, rounds: factors.count + 1)
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        // What was lost or doubled in one of them shows in the last.
        if !reports.isEmpty {
            reports[reports.count - 1].add(totals)
            for (name, count) in counters.faults { reports[reports.count - 1].faults[name, default: 0] += count }
        }
        if bound != nil { gateway.kill() }
        return reports
    }

    /// What the gateway does with 64 connects in flight, in resumes a second.
    private func measureCapacity(_ driver: FleetDriver) async throws -> Double {
        let start = Fleet.nanoseconds
        try await driver.connect(0..<clients, inFlightMax: 64)
        return Double(clients) / (Double(Fleet.nanoseconds - start) / 1e9)
    }

    private func offer(
        _ factor: Double, _ capacity: Double, _ control: Bool, _ driver: FleetDriver, _ target: Target
    ) async throws -> Report {
        let rate = factor * capacity
        let phones = max(1, min(clients, Int(rate * seconds)))
        var report = makeReport(control, phones: phones)
        let drops = try listenDrops()
        let closes = try await driver.perform { $0.counters }
        let watch = Stopwatch(target)
        let start = Fleet.nanoseconds
        try await driver.perform { fleet in
            let arrivals = OpenArrivals(phones: phones)
            fleet.openArrivals = arrivals
            fleet.onWelcome = { arrivals.served($0) }
            fleet.progress.text = { _ in
                "\(factor) times capacity, control \(control ? "on" : "off"): \(arrivals.summary.served) of \(phones) served"
            }
        }
        var due = 0
        while due < phones {
            due = Int(Double(Fleet.nanoseconds - start) / 1e9 * rate)
            let now = due
            try await driver.perform { fleet in fleet.openArrivals?.arrive(upTo: now, fleet) }
            try await Task.sleep(for: .milliseconds(2))
        }
        // Who isn't served in two minutes is counted, not waited for.
        try? await driver.reach(phones, "served", stallSeconds: Self.waitSecondsMax) { $0.openArrivals?.summary.served ?? 0 }
        let summary = try await driver.perform { fleet in fleet.openArrivals?.summary ?? .init() }
        let counters = try await driver.perform { $0.counters }
        report.add(watch.read())
        report.figures["offeredFactor"] = factor
        report.figures["capacityPerSecond"] = capacity
        report.figures["offeredPerSecond"] = Double(summary.arrived) / max(summary.arrivalSeconds, 0.001)
        report.figures["servedPerSecond"] = Double(summary.served) / max(summary.seconds, 0.001)
        report.figures["servedWhileOffered"] = Double(summary.servedMeanwhile) / max(summary.arrivalSeconds, 0.001)
        report.figures["unserved"] = Double(phones - summary.served)
        report.figures["longestWaitToBacklog"] = (summary.waits.summary?.max ?? 0) / 1e6 / (Double(phones) / capacity)
        report.figures["toldToComeBack"] = Double((counters.closes[46] ?? 0) - (closes.closes[46] ?? 0))
        report.figures["lostConnections"] = Double(counters.disconnects - closes.disconnects)
        report.figures["listenDrops"] = Double(try listenDrops() - drops)
        report.add("arrivalToWelcome", summary.waits)
        try await driver.perform { fleet in (fleet.onWelcome, fleet.openArrivals) = (nil, nil) }
        return report
    }

    /// All messages of the rounds so far have come, and the phones are away.
    private func settle(_ driver: FleetDriver, rounds: Int) async throws {
        // Those that a smaller factor left away get theirs now.
        try await driver.perform { fleet in
            let away = (0..<clients).filter { !fleet.phones[$0].flags.contains(.connected) && fleet.phones[$0].flags.contains(.parked) }
            for index in away { fleet.connect(index..<index + 1, inFlightMax: 64) }
        }
        try await driver.reach(clients * backlog * rounds, "delivered", stallSeconds: Self.waitSecondsMax) {
            $0.workload?.totals.delivered ?? 0
        }
        try await driver.perform { fleet in fleet.drop(0..<clients) }
        try await driver.wait(seconds: 1) { _ in "phones leave" }
    }

    private func queue(_ driver: FleetDriver, rounds: Int) async throws {
        try await driver.perform { fleet in fleet.send(upTo: UInt64(backlog * rounds)) }
        try await driver.reach(clients * backlog * rounds, "queued", stallSeconds: Self.waitSecondsMax) { $0.workload?.totals.stored ?? 0 }
    }

    // MARK: - All at once

    /// All phones vanish and come back at once, while 64 pairs send as fast as they can.
    func disconnect(control: Bool) async throws -> Report {
        let gateway = try start(control)
        defer { gateway.remove() }
        let target = try gateway.target(tls: isTLS)
        let driver = try await makeDriver(target)
        defer { driver.stop() }
        try await connectAll(driver)
        let start = Fleet.nanoseconds
        try await driver.connect(0..<clients, inFlightMax: 64)
        let capacity = Double(clients) / (Double(Fleet.nanoseconds - start) / 1e9)
        try await driver.perform { fleet in
            fleet.workload = Workload(window: Self.window, bodyBytes: Self.bodyBytes)
            let half = Self.senders / 2
            for index in 0..<half { fleet.addStream(from: clients + index, to: clients + half + index) }
            fleet.send(upTo: Workload.unlimited)
        }
        var report = makeReport(control, phones: clients)
        let before = try await durableRates(driver, seconds: seconds) { _ in false }
        let drops = try listenDrops()
        let watch = Stopwatch(target)
        try await driver.perform { fleet in
            let arrivals = OpenArrivals(phones: clients)
            fleet.openArrivals = arrivals
            fleet.onWelcome = { arrivals.served($0) }
            fleet.drop(0..<clients)
            arrivals.arrive(upTo: clients, fleet)
        }
        let during = try await durableRates(driver, seconds: Double(Self.waitSecondsMax)) { $0.served >= clients }
        report.add(watch.read())
        let after = try await durableRates(driver, seconds: seconds) { _ in false }
        let summary = try await driver.perform { fleet in fleet.openArrivals?.summary ?? .init() }
        try await drain(driver)
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        report.add(totals)
        report.add(counters)
        let usual = Self.mean(before)
        report.figures["capacityPerSecond"] = capacity
        report.figures["servedPerSecond"] = Double(summary.served) / max(summary.seconds, 0.001)
        report.figures["unserved"] = Double(clients - summary.served)
        report.figures["longestWaitToBacklog"] = (summary.waits.summary?.max ?? 0) / 1e6 / (Double(clients) / capacity)
        report.figures["durableBefore"] = usual
        report.figures["durableDuringToBefore"] = Self.mean(during) / max(usual, 1)
        report.figures["durableLowestToBefore"] = Self.lowest(during) / max(usual, 1)
        report.figures["durableLowestUsualToBefore"] = Self.lowest(before) / max(usual, 1)
        report.figures["durableAfterToBefore"] = Self.mean(after) / max(usual, 1)
        report.figures["durableFirstHalfSecondAfterToBefore"] = Self.mean(Array(after.prefix(Self.half))) / max(usual, 1)
        report.figures["listenDrops"] = Double(try listenDrops() - drops)
        report.add("arrivalToWelcome", summary.waits)
        let rates = before + during + after
        report.samples = rates.enumerated().map { index, rate in
            Sample(seconds: Double(index) * Self.stepSeconds, values: ["acknowledgedPerSecond": rate])
        }
        return report
    }

    /// Confirmed messages a second, in steps of a tenth of a second, until the time is over or it is enough.
    private func durableRates(
        _ driver: FleetDriver, seconds: Double, until isDone: @escaping @Sendable (OpenArrivals.Summary) -> Bool
    ) async throws -> [Double] {
        var rates: [Double] = []
        let start = Fleet.nanoseconds
        var last = start
        var stored = try await driver.perform { $0.workload?.totals.stored ?? 0 }
        while Double(last - start) / 1e9 < seconds {
            try await Task.sleep(for: .seconds(Self.stepSeconds))
            let (now, count, done) = try await driver.perform { fleet in
                (Fleet.nanoseconds, fleet.workload?.totals.stored ?? 0, isDone(fleet.openArrivals?.summary ?? .init()))
            }
            rates.append(Double(count - stored) / (Double(now - last) / 1e9))
            (last, stored) = (now, count)
            if done { break }
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
        try await driver.reach(sent, "answered") { $0.workload?.totals.stored ?? 0 }
        try? await driver.reach(sent, "delivered") { $0.workload?.totals.delivered ?? 0 }
        try await driver.wait(seconds: 1) { _ in "draining" }
    }

    // MARK: - Both

    private func start(_ control: Bool) throws -> GatewayProcess {
        try GatewayProcess(
            workshop, name: "overload-\(control ? "on" : "off")-\(UInt16.random(in: 0 ... .max))",
            configuration: "stormControl: \(control)\n", namespace: namespace?.name)
    }

    private func makeDriver(_ target: Target) async throws -> FleetDriver {
        let driver = try await FleetDriver(target: target, capacity: clients + Self.senders)
        if let namespace { try await driver.perform { _ in try namespace.enter() } }
        return driver
    }

    /// All phones log in once, for their tickets, and vanish; the senders stay.
    private func connectAll(_ driver: FleetDriver) async throws {
        let settings = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false)
        try await driver.perform { fleet in fleet.add(clients + Self.senders, settings) }
        try await driver.connect(0..<clients + Self.senders, inFlightMax: 64)
        try await driver.wait(seconds: 1) { _ in "tickets" }
        try await driver.perform { fleet in fleet.drop(0..<clients) }
        try await driver.wait(seconds: 1) { _ in "phones leave" }
    }

    private func makeReport(_ control: Bool, phones: Int) -> Report {
        var report = Report(scenario: "overload", clients: phones)
        let settings = "storm control \(control ? "on" : "off")" + (isTLS ? ", TLS" : "") + (share > 0 ? ", \(share) of a core" : "")
        report.context = .now(server: .init(name: "holdfast", version: ResultsFile.commit, settings: settings))
        report.figures["stormControl"] = control ? 1 : 0
        report.figures["backlog"] = Double(backlog)
        return report
    }

    private func listenDrops() throws -> Int {
        guard let namespace else { return NetworkCounters.listenDrops }
        return NetworkCounters.listenDrops(try namespace.run(["cat", "/proc/net/netstat"]))
    }
}

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
    /// When no further phone was served for so long, the others count as not served.
    var silenceSeconds: Double

    static let senders = 64
    static let window = 64
    static let bodyBytes = 100
    // CloseCode.overloaded
    private static let overloaded: UInt16 = 46

    /// Phones arrive at the rate of each factor in turn.
    /// - Parameter show: is given a report of what the gateway can do, and one of each factor, as soon as it's there.
    func arrivals(control: Bool, factors: [Double], show: (Report) throws -> Void) async throws {
        let gateway = try start(control)
        let bound = share > 0 ? try CPUShare(cores: share) : nil
        // A control group can't be removed while the gateway is in it.
        defer { withExtendedLifetime(bound) { gateway.remove() } }
        let target = try gateway.target(tls: isTLS)
        let driver = try await makeDriver(target, phones: clients + Self.senders)
        defer { driver.stop() }
        try await connectAll(driver)
        try bound?.bound(gateway.child.pid)
        try driver.startPacing()
        var capacity = 0.0
        let report = try await part("overload-capacity", control, driver, target, phones: clients) { report in
            capacity = try await measureCapacity(driver, target, &report)
        }
        try show(report)
        guard capacity > 0 else { return }
        for factor in factors {
            let phones = max(1, min(clients, Int(factor * capacity * seconds)))
            let report = try await part("overload", control, driver, target, phones: phones) { [capacity] report in
                try await offer(factor, of: capacity, to: phones, driver, target, &report)
            }
            try show(report)
            // A fleet that has failed does nothing any more.
            guard await driver.inspect({ $0.failure == nil }) else { return }
        }
    }

    /// Queues messages for phones, which are away, has them come, checks what they got, and sends them away again.
    private func part(
        _ scenario: String, _ control: Bool, _ driver: FleetDriver, _ target: Target, phones: Int,
        come: (inout Report) async throws -> Void
    ) async throws -> Report {
        var report = makeReport(scenario, control, phones: phones, share: share)
        report.figures["backlog"] = Double(backlog)
        do {
            try await queue(driver, target, phones)
            try await come(&report)
            // What doesn't come is counted as lost, not waited for.
            try? await driver.reach(phones * backlog, "delivered", stallSeconds: 15) { $0.workload?.totals.delivered ?? 0 }
            // Doubles come late.
            try await driver.wait(seconds: 0.5) { _ in "draining" }
        } catch {
            report.faults["ended early: \(error)"] = 1
        }
        let (totals, counters) = await driver.inspect { ($0.workload?.verified ?? .init(), $0.counters) }
        report.add(totals)
        report.add(counters)
        report.figures["toldToComeBack"] = Double(counters.closes[Self.overloaded] ?? 0)
        report.figures["lostConnections"] = Double(counters.disconnects)
        report.figures["failedConnects"] = Double(counters.connectFailures)
        await driver.inspect { fleet in
            fleet.drop(0..<clients)
            if fleet.queues.count > 1 {
                fleet.queues[1].end()
                fleet.removeLastQueue()
            }
            fleet.arrivals = nil
            // The next part counts its own.
            var counters = FleetCounters()
            counters.connected = fleet.counters.connected
            fleet.counters = counters
        }
        return report
    }

    /// A workload for each part: a message that comes after its part is over is foreign to the next one, and shows there as damaged.
    private func queue(_ driver: FleetDriver, _ target: Target, _ phones: Int) async throws {
        try await driver.wait(seconds: 1) { _ in "phones leave" }
        try await driver.perform { fleet in
            fleet.workload = Workload(window: Self.window, bodyBytes: Self.bodyBytes)
            for index in 0..<phones { fleet.addStream(from: clients + index % Self.senders, to: index) }
            fleet.send(upTo: UInt64(backlog))
        }
        try await driver.reach(phones * backlog, "queued") { $0.workload?.totals.stored ?? 0 }
        // A checkpoint that these messages have made due would take half of the gateway's share from some points and not from others.
        try await target.pid.map { ProcessMeter(pid: $0) }?.settle()
    }

    /// What the gateway does with 64 connects in flight, in resumes a second.
    private func measureCapacity(_ driver: FleetDriver, _ target: Target, _ report: inout Report) async throws -> Double {
        let watch = Stopwatch(target)
        try await driver.connect(0..<clients, inFlightMax: 64)
        let reading = watch.read()
        report.add(reading)
        report.figures["capacityPerSecond"] = Double(clients) / reading.seconds
        return Double(clients) / reading.seconds
    }

    /// Phones are due at a multiple of what the gateway can do, each at its time.
    private func offer(
        _ factor: Double, of capacity: Double, to phones: Int, _ driver: FleetDriver, _ target: Target, _ report: inout Report
    ) async throws {
        let rate = factor * capacity
        let drops = try listenDrops()
        let watch = Stopwatch(target)
        try await driver.perform { fleet in
            let schedule = Schedule(startAt: Fleet.nanoseconds, perSecond: rate, count: phones)
            fleet.arrivals = Arrivals(phones: phones, backlog: 0, schedule: schedule)
            fleet.connect(0..<phones, by: schedule)
        }
        let seen = try await awaitServed(phones, driver, &report)
        let lags = try await driver.perform { $0.queues[1].lags }
        var reading = watch.read()
        reading.lagMicrosecondsP99 = lags.summary?.p99
        report.add(reading)
        report.add("generatorLag", lags)
        report.figures["factor"] = factor
        report.figures["capacityPerSecond"] = capacity
        report.figures["offeredPerSecond"] = rate
        report.figures["servedWhileOffered"] = Double(seen.servedMeanwhile) / max(seen.dueSeconds, 0.001)
        report.figures["longestWaitToBacklog"] = (seen.welcome.summary?.max ?? 0) / 1e6 / (Double(phones) / capacity)
        report.figures["listenDrops"] = Double(try listenDrops() - drops)
    }

    /// Waits until all phones are served, or no further one is; who isn't is a fault of the run.
    private func awaitServed(_ phones: Int, _ driver: FleetDriver, _ report: inout Report) async throws -> Arrivals.Summary {
        try? await driver.reach(phones, "served", stallSeconds: UInt64(silenceSeconds)) { $0.arrivals?.servedCount ?? 0 }
        let seen = try await driver.perform { $0.arrivals?.summary ?? .init() }
        add(seen, of: phones, to: &report)
        return seen
    }

    // MARK: - Both parts

    /// Takes over how phones were served.
    func add(_ seen: Arrivals.Summary, of phones: Int, to report: inout Report) {
        report.add("arrivalToWelcome", seen.welcome)
        report.figures["servedPerSecond"] = Double(seen.served) / max(seen.servedSeconds, 0.001)
        if seen.served < phones { report.faults["phones that were not served"] = phones - seen.served }
    }

    func start(_ control: Bool) throws -> GatewayProcess {
        try GatewayProcess(
            workshop, name: "overload-\(control ? "on" : "off")-\(UInt16.random(in: 0 ... .max))",
            configuration: "stormControl: \(control)\n", namespace: namespace?.name)
    }

    func makeDriver(_ target: Target, phones: Int) async throws -> FleetDriver {
        let driver = try await FleetDriver(target: target, capacity: phones)
        if let namespace { try await driver.perform { _ in try namespace.enter() } }
        return driver
    }

    /// All phones log in once, for their tickets, and vanish; the senders stay.
    func connectAll(_ driver: FleetDriver) async throws {
        try await driver.perform { fleet in
            fleet.add(clients, LoadRun.phoneSettings)
            fleet.add(Self.senders, LoadRun.senderSettings)
        }
        try await driver.connect(0..<clients + Self.senders, inFlightMax: 64)
        // A ticket follows its WELCOME closely.
        try await driver.wait(seconds: 1) { _ in "tickets" }
        try await driver.perform { fleet in
            fleet.drop(0..<clients)
            fleet.counters.disconnects = 0
        }
    }

    func makeReport(_ scenario: String, _ control: Bool, phones: Int, share: Double) -> Report {
        var report = Report(scenario: scenario + (isTLS ? "-tls" : ""), clients: phones)
        let settings = "storm control \(control ? "on" : "off")" + (share > 0 ? ", \(share) of a core" : "")
        report.context = .now(server: .init(name: "holdfast", version: ResultsFile.version, settings: settings))
        report.figures["stormControl"] = control ? 1 : 0
        return report
    }

    func listenDrops() throws -> Int {
        guard let namespace else { return NetworkCounters.listenDrops }
        return NetworkCounters.listenDrops(try namespace.run(["cat", "/proc/net/netstat"]))
    }
}

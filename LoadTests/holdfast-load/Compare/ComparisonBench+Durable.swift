extension ComparisonBench {
    /// Messages from senders to receivers who are there, acknowledged on both hops.
    func durable() async throws {
        let shapes = [(senders: 64, receivers: 64), (senders: 16, receivers: scale.receivers)]
        let clients = try await server.clients(count: shapes.reduce(0) { $0 + $1.senders + $1.receivers })
        var firstUser = 0
        for shape in shapes {
            try keep(await durable(clients, firstUser: firstUser, senders: shape.senders, receivers: shape.receivers))
            firstUser += shape.senders + shape.receivers
        }
    }

    private func durable(_ clients: any PeerClients, firstUser: Int, senders: Int, receivers: Int) async throws -> Report {
        let all = receivers + senders
        let name = "durable, \(senders) to \(receivers)"
        let driver = try driver(connections: all, name)
        defer { driver.stop() }
        var report = report(receivers == senders ? "compare-durable-pairs" : "compare-durable-fan", clients: all)
        // Names by their users, phones by their place in this fleet.
        let shifted = ShiftedClients(base: clients, first: firstUser)
        try await driver.add(shifted, 0..<receivers, .phone)
        try await driver.add(shifted, receivers..<all, .sender)
        try await driver.connect(0..<all)
        try await server.meter.settle(secondsMax: 5)
        try await makeTraffic(driver, shifted, receivers: 0..<receivers, senders: receivers..<all)
        try await driver.perform { $0.send(upTo: PeerTraffic.unlimited) }
        try await driver.wait(seconds: 1, "warming up")

        let before = try await driver.perform { fleet in
            fleet.traffic?.resetTimes()
            return fleet.traffic?.totals ?? .init()
        }
        let sampler = ComparisonSampler(driver, server.meter)
        let watch = watch()
        try await driver.wait(seconds: seconds, "measuring")
        let reading = watch.read()
        report.samples = await sampler.stop()
        let (after, acknowledgeTimes, deliveryTimes) = try await driver.perform { fleet in
            fleet.traffic?.isRecording = false
            fleet.traffic?.quota = 0
            return (
                fleet.traffic?.totals ?? .init(), fleet.traffic?.acknowledgeTimes ?? Latencies(),
                fleet.traffic?.deliveryTimes ?? Latencies()
            )
        }
        report.add(reading)
        report.rates["acknowledged"] = Double(after.acknowledged - before.acknowledged) / reading.seconds
        report.rates["delivered"] = Double(after.delivered - before.delivered) / reading.seconds
        if let cpu = reading.cpu.server, after.delivered > before.delivered {
            report.figures["serverMicrosecondsPerMessage"] = cpu / Double(after.delivered - before.delivered) * 1e6
        }
        report.add("acknowledgement", acknowledgeTimes)
        report.add("delivery", deliveryTimes)
        report.figures["window"] = Double(Self.window)
        try await drain(driver, &report)
        report.add(try await driver.perform { fleet in fleet.traffic?.verified() ?? .init() })
        report.add(try await driver.perform { $0.counters })
        return report
    }

    /// Waits until what was sent is answered and delivered. What isn't answered is a fault; what doesn't come counts as lost.
    func drain(_ driver: PeerDriver, _ report: inout Report, stallSeconds: UInt64 = 15) async throws {
        try await awaitAnswers(driver, &report, stallSeconds: stallSeconds)
        let acknowledged = try await driver.perform { $0.traffic?.totals.acknowledged ?? 0 }
        try? await driver.reach(acknowledged, "delivered", stallSeconds: stallSeconds, secondsMax: 120) {
            $0.traffic?.totals.delivered ?? 0
        }
        // Doubles come late.
        try await driver.wait(seconds: 0.5, "draining")
    }
}

extension ComparisonBench {
    /// Waits until what was sent is answered. What isn't is a fault, and so is a run in which nothing was acknowledged.
    func awaitAnswers(_ driver: PeerDriver, _ report: inout Report, stallSeconds: UInt64 = 15) async throws {
        let sent = try await driver.perform { $0.traffic?.totals.sent ?? 0 }
        try? await driver.reach(sent, "answered", stallSeconds: stallSeconds, secondsMax: 120) { fleet in
            fleet.traffic.map { $0.totals.acknowledged + $0.totals.rejected } ?? 0
        }
        let totals = try await driver.perform { $0.traffic?.totals ?? .init() }
        let unanswered = sent - totals.acknowledged - totals.rejected
        if unanswered > 0 { report.faults["unanswered messages", default: 0] += unanswered }
        if totals.acknowledged == 0 { report.faults["nothing was acknowledged", default: 0] += 1 }
    }
}

/// Some of a run's users, counted from 0.
struct ShiftedClients: PeerClients {
    let base: any PeerClients
    let first: Int

    func name(_ index: Int) -> String { base.name(first + index) }
    func machine(_ index: Int, _ role: PeerRole) -> any PeerMachine { base.machine(first + index, role) }
}

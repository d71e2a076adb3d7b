extension ComparisonBench {
    /// What a first connect costs, which makes a session, and what a later one costs, which finds it.
    func connect() async throws {
        let clients = try await server.clients(count: scale.connects * transports.count)
        for (part, transport) in transports.enumerated() {
            try keep(await connect(transport, clients, firstUser: part * scale.connects))
        }
    }

    private func connect(_ transport: PeerTransport, _ clients: any PeerClients, firstUser: Int) async throws -> Report {
        let count = transport == .plain ? scale.connects : min(scale.connects, max(200, scale.connects / 5))
        let name = transport == .plain ? "connect" : "connect-\(transport.rawValue)"
        let driver = try driver(transport, connections: count, name)
        defer { driver.stop() }
        var report = report("compare-\(name)", clients: count)
        try await driver.add(clients, firstUser..<firstUser + count, .phone)
        if transport == .tlsResumed {
            // Without a session from before, the first ones would be full.
            try await driver.connect(0..<1)
            try await driver.wait(seconds: 0.5, "ticket")
        }
        let start = transport == .tlsResumed ? 1 : 0
        let whole = watch()
        for step in ["first", "reconnect"] {
            try await driver.perform { $0.connectTimes = Latencies() }
            let watch = watch()
            try await driver.connect(start..<count)
            let reading = watch.read()
            // What is put off until after the answer belongs to it; a longer wait would count what a server does that is never idle.
            try await driver.wait(seconds: 1, "settling")
            let connects = Double(count - start)
            report.rates[step] = connects / reading.seconds
            report.figures["serverMicrosecondsPer" + (step == "first" ? "FirstConnect" : "Reconnect")] =
                (watch.read().cpu.server ?? 0) / connects * 1e6
            report.figures["generatorMicrosecondsPer" + (step == "first" ? "FirstConnect" : "Reconnect")] =
                reading.cpu.generator / connects * 1e6
            report.add(step, try await driver.perform { $0.connectTimes })
            guard step == "first" else { continue }
            try await driver.perform { $0.drop(start..<count) }
            try await driver.wait(seconds: 1, "dropped")
            try await server.meter.settle(secondsMax: 5)
        }
        report.add(whole.read())
        report.bound = nil
        let counters = try await driver.perform { $0.counters }
        report.add(counters)
        report.figures["resumed"] = Double(counters.resumed)
        return report
    }
}

extension ComparisonBench {
    /// What a connection costs that does nothing: the slope of the server's private memory between two counts.
    func idle() async throws {
        let clients = try await server.clients(count: scale.idle.upperBound * 2)
        // A resumed connection holds what a full handshake leaves.
        for (part, transport) in transports.filter({ $0 != .tlsResumed }).enumerated() {
            try keep(await idle(transport, clients, firstUser: part * scale.idle.upperBound))
        }
    }

    private func idle(_ transport: PeerTransport, _ clients: any PeerClients, firstUser: Int) async throws -> Report {
        let (from, to) = (scale.idle.lowerBound, scale.idle.upperBound)
        let name = transport == .plain ? "idle" : "idle-tls"
        let driver = try driver(transport, connections: to, name)
        defer { driver.stop() }
        var report = report("compare-\(name)", clients: to)
        let watch = watch()
        try await driver.add(clients, firstUser..<firstUser + to, .phone)
        try await driver.connect(0..<from)
        let first = try await settled(driver)
        try await driver.connect(from..<to)
        let full = try await settled(driver)
        report.add(watch.read())
        // Memory is measured, not speed.
        report.bound = nil
        report.serverBytesPerConnection = Double(full - first) / Double(to - from)
        report.figures["from"] = Double(from)
        report.figures["serverPrivateBytes"] = Double(full)
        report.add(try await driver.perform { $0.counters })
        return report
    }

    private func settled(_ driver: PeerDriver) async throws -> Int {
        try await driver.wait(seconds: 2, "waiting for the server to be idle")
        try await server.meter.settle()
        return server.meter.privateBytes
    }
}

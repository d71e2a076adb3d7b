import HoldfastIO

extension ComparisonBench {
    /// kill -9 of the server under load: which of the messages that it had acknowledged still arrive?
    func kill() async throws {
        let receivers = scale.killReceivers
        let all = receivers + Self.senders
        let driver = try driver(connections: all, mayEnd: true, "kill")
        defer { driver.stop() }
        var report = report("compare-kill", clients: all)
        let clients = try await server.clients(count: all)
        try await driver.add(clients, 0..<receivers, .phone)
        try await driver.add(clients, receivers..<all, .sender)
        try await driver.connect(0..<all)
        try await driver.wait(seconds: 1, "connected")
        // Half of the receivers are away, so that messages wait for them.
        try await driver.perform { $0.drop(0..<receivers / 2) }
        try await makeTraffic(driver, clients, receivers: 0..<receivers, senders: receivers..<all)
        try await driver.perform { fleet in
            fleet.traffic?.isRecording = false
            fleet.send(upTo: PeerTraffic.unlimited)
        }
        try await driver.wait(seconds: min(3, seconds), "under load")

        server.kill()
        // What follows the kill is another story: nothing new is sent, and only these count.
        let (atKill, acknowledged) = try await driver.perform { fleet in
            fleet.traffic?.quota = 0
            return (fleet.traffic?.totals.acknowledged ?? 0, fleet.traffic?.acknowledgedNow ?? [])
        }
        report.figures["acknowledgedAtKill"] = Double(atKill)
        func lostOfThose() async throws -> Double {
            Double(try await driver.perform { $0.traffic?.lost(of: acknowledged) ?? 0 })
        }
        let port = try server.target(.plain).address.port
        let watch = watch()
        // For every server the same: until its port answers, and not what it says of itself.
        let ready = Task.detached { () throws -> Double in
            while !FreePort.answers(port) { try await Task.sleep(for: .milliseconds(5)) }
            return watch.read().seconds
        }
        do {
            try await server.restart()
            report.figures["secondsToReady"] = try await ready.value
        } catch {
            ready.cancel()
            report.add(try await driver.perform { fleet in fleet.traffic?.verified() ?? .init() })
            report.figures["acknowledgedAndLost"] = try await lostOfThose()
            report.notes.append("it did not start again: \(error)")
            return try keep(report)
        }
        try await driver.perform { $0.connect(0..<receivers / 2, inFlightMax: 64) }
        // Senders come back by themselves, and send again what wasn't acknowledged.
        try await driver.reach(all, "back", stallSeconds: 90, secondsMax: 300) { $0.counters.ready }
        try await drain(driver, &report)
        let reading = watch.read()
        report.seconds = reading.seconds
        report.cpuSeconds.generator = reading.cpu.generator
        report.add(try await driver.perform { fleet in fleet.traffic?.verified() ?? .init() })
        report.add(try await driver.perform { $0.counters })
        report.figures["acknowledgedAndLost"] = try await lostOfThose()
        try keep(report)
    }
}

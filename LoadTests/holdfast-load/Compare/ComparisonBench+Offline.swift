extension ComparisonBench {
    /// Messages for users who are away, each message for another user; a sample of them comes back and is checked.
    func offline() async throws {
        let absent = scale.absent
        let all = absent + Self.senders
        let sample = min(500, absent)
        let driver = try driver(connections: sample + Self.senders + 64, "offline")
        defer { driver.stop() }
        var report = report("compare-offline", clients: absent)
        let clients = try await server.clients(count: all)
        try await driver.add(clients, 0..<absent, .phone)
        try await driver.add(clients, absent..<all, .sender)
        let preparation = watch()
        try await driver.visit(0..<absent)
        report.figures["secondsToPrepare"] = preparation.read().seconds
        try await driver.connect(absent..<all)
        try await server.meter.settle(secondsMax: 10)
        try await makeTraffic(driver, clients, receivers: 0..<absent, senders: absent..<all, sentMax: scale.offlineMessages)

        let memory = server.meter.privateBytes
        let sampler = ComparisonSampler(driver, server.meter)
        let watch = watch()
        try await driver.perform { $0.send(upTo: PeerTraffic.unlimited) }
        // As far as it gets in the time.
        try? await driver.reach(scale.offlineMessages, "queued", secondsMax: UInt64(max(2, seconds * 2))) {
            $0.traffic?.totals.acknowledged ?? 0
        }
        let (reading, totals, times) = try await driver.perform { fleet in
            fleet.traffic?.quota = 0
            fleet.traffic?.isRecording = false
            return (watch.read(), fleet.traffic?.totals ?? .init(), fleet.traffic?.acknowledgeTimes ?? Latencies())
        }
        report.samples = await sampler.stop()
        report.add(reading)
        report.rates["queued"] = Double(totals.acknowledged) / reading.seconds
        if totals.acknowledged > 0 {
            report.figures["serverMicrosecondsPerMessage"] = (reading.cpu.server ?? 0) / Double(totals.acknowledged) * 1e6
            report.figures["serverBytesPerMessage"] = Double(server.meter.privateBytes - memory) / Double(totals.acknowledged)
        }
        report.add("acknowledgement", times)
        try await awaitAnswers(driver, &report)

        try await driver.connect(0..<sample, secondsMax: 120)
        let expected = try await driver.perform { $0.traffic?.acknowledgedCount(receivers: 0..<sample) ?? 0 }
        try? await driver.reach(expected, "the sample's messages", stallSeconds: 15, secondsMax: 120) { $0.traffic?.totals.delivered ?? 0 }
        report.add(try await driver.perform { fleet in fleet.traffic?.verified(receivers: 0..<sample) ?? .init() })
        report.add(try await driver.perform { $0.counters })
        report.figures["checkedUsers"] = Double(sample)
        report.notes.append("lost and delivered are those of \(sample) users who came back")
        try keep(report)
    }
}

import HoldfastClient

/// Steps that several scenarios have in common.
extension LoadRun {
    /// What a phone of a scenario is like.
    static let phoneSettings = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false)
    /// A phone that only sends, like a backend.
    static let senderSettings = ClientSettings(device: "load-sender", isSendOnly: true, acknowledgesOnReceipt: true, resolvesPeers: false)

    /// Begins a flow: by its schedule, or as fast as windows let it.
    func start(_ flow: Int, _ rate: Rate, share: Double) async throws {
        if case .perSecond = rate { try driver.startPacing() }
        try await driver.perform { fleet in
            guard let workload = fleet.workload else { return }
            workload.flows[flow].schedule = rate.schedule(share: share)
            if workload.flows[flow].schedule == nil { workload.flows[flow].quota = Workload.unlimited }
            for index in workload.senderPhones where fleet.phones[index].flags.contains(.connected) { fleet.refill(index, workload) }
        }
    }

    /// Ends all flows, waits for all answers, and for what was stored to arrive where it is fetched.
    /// - Parameter silenceSeconds: without any message for so long, what hasn't come counts as lost.
    func drain(silenceSeconds: UInt64 = 15) async throws {
        let (sent, overdue) = try await driver.perform { fleet in
            guard let workload = fleet.workload else { return (0, 0) }
            let overdue = workload.flows.reduce(0) { $0 + $1.overdue }
            for flow in workload.flows.indices { workload.end(flow) }
            return (workload.totals.sent, overdue)
        }
        if overdue > 0 {
            figure("dueAndNotSent", Double(overdue))
            report.notes.append(
                "\(overdue) messages were due and not sent when the run ended, since as many as a window holds were unanswered: latencies leave them out"
            )
        }
        try await driver.reach(sent, "answered", stallSeconds: 60) { fleet in
            fleet.workload.map { $0.totals.stored + $0.totals.refused + $0.totals.unknown } ?? 0
        }
        let before = try await driver.perform { fleet in (fleet.workload?.totals.delivered ?? 0) + (fleet.workload?.undelivered ?? 0) }
        // What doesn't come is counted as lost, not waited for.
        try? await driver.reach(before, "delivered", stallSeconds: silenceSeconds) { $0.workload?.totals.delivered ?? 0 }
        // Doubles come late.
        try await driver.wait(seconds: 0.5) { _ in "draining" }
    }

    /// Takes over the latencies of a flow.
    func add(_ name: String, flow: Int) async throws {
        guard let times = try await driver.perform({ $0.workload?.takeTimes(flow: flow) }) else { return }
        add(name + "Sent", times.send)
        add(name + "EndToEnd", times.delivery)
    }

    /// What the line of a run with messages shows.
    static func status(_ fleet: Fleet) -> String {
        let totals = fleet.workload?.totals ?? .init()
        return "\(fleet.counters.connected) connected, \(totals.stored) acknowledged, \(totals.delivered) delivered"
    }

    /// Private memory of the server once it is quiet; nil if its process isn't known.
    func settledBytes(quietSeconds: Double) async throws -> Int? {
        try await driver.wait(seconds: quietSeconds) { _ in "idle" }
        guard let server = target.pid.map({ ProcessMeter(pid: $0) }) else { return nil }
        try await driver.perform { $0.progress.text = { _ in "waiting for the server to be idle" } }
        try await server.settle()
        return server.privateBytes
    }
}

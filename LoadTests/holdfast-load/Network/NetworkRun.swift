import Foundation
import HoldfastClient
import HoldfastIO
import HoldfastWire

/// Phones in one network namespace, a gateway in another, and a fault between them while all phones send and receive.
struct NetworkRun: Sendable {
    let workshop: Workshop
    let phones: Int
    let seed: UInt64
    /// Of relayed and prepared cases; the others take as long as their fault.
    let seconds: Double

    private static let recoverySecondsMax = 60.0

    /// Heartbeats and deadlines that let a case take seconds. A phone that is silent for 3 s is closed.
    private static let configuration = [
        "allowPlaintext: true", "heartbeatSecondsMin: 1", "heartbeatSecondsMax: 2", "stallSeconds: 3", "firstFrameSeconds: 3",
        "retryAfterSeconds: 1",
    ].joined(separator: "\n")

    /// Phones as impatient as the gateway.
    private static var limits: ClientSettings.Limits {
        var limits = ClientSettings.Limits()
        limits.connectTimeoutMilliseconds = 3_000
        limits.replyTimeoutMilliseconds = 1_500
        limits.probeAfterMilliseconds = 1_000
        limits.backoffBaseMilliseconds = 100
        limits.backoffMaxMilliseconds = 1_000
        return limits
    }

    /// Runs a case.
    func run(_ fault: NetworkCase) async throws -> NetworkResult {
        let lab = try NetworkLab()
        try fault.prepare(lab)
        let gateway = try GatewayProcess(
            workshop, name: fault.name, configuration: Self.configuration, host: NetworkLab.gatewayHost, namespace: lab.gateway.name)
        defer { gateway.remove() }
        var target = try gateway.target()
        let relay = try fault.relay.map { try Relay(to: gateway.address, policy: $0, seed: seed) }
        defer { relay?.stop() }
        if let relay { target.address = try await relay.start(in: lab.gateway, host: NetworkLab.gatewayHost) }
        let driver = try await FleetDriver(target: target, capacity: phones)
        defer { driver.stop() }
        let start = Fleet.nanoseconds
        let traffic = try await startTraffic(driver, lab, fault)
        let stage = NetworkStage(lab: lab, gateway: gateway, driver: driver, phones: phones, seed: seed)
        do {
            if let inject = fault.inject { try await inject(stage) } else { try await stage.wait(seconds: seconds) }
        } catch let skipped as CaseSkipped {
            return NetworkResult(name: fault.name, skipped: skipped.reason)
        }
        let lostConnections = try await stage.lostConnections()
        try await relay?.follow(.open)
        var result = NetworkResult(name: fault.name, phones: phones)
        result.recoveredSeconds = try await recovery(driver)
        // What isn't answered in the end is in the figures, and the case goes on to tell them.
        var unanswered: [String] = []
        do { try await traffic.stop() } catch { unanswered = ["\(error)"] }
        result.halfOpenGoneSeconds = try await halfOpenGone(lab, gateway.address.port)
        result.seconds = Double(Fleet.nanoseconds - start) / 1e9
        try await fill(&result, driver)
        if let counts = try await relay?.report() {
            result.relay = ["connections": counts.connections, "cuts": counts.cuts, "bytes": counts.bytes, "writes": counts.writes]
        }
        result.violations = result.judged(
            recovered: result.recoveredSeconds != nil, halfOpenGone: result.halfOpenGoneSeconds != nil && !stage.keptHalfOpen,
            hadEffect: !fault.losesConnections || lostConnections > 0)
        result.violations += unanswered
        return result
    }

    private func startTraffic(_ driver: FleetDriver, _ lab: NetworkLab, _ fault: NetworkCase) async throws -> SteadyTraffic {
        let settings = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false, limits: Self.limits)
        try await driver.perform { fleet in
            // The fleet's thread: its sockets are in the phones' namespace from now on.
            try lab.phones.enter()
            fleet.add(phones, settings)
            fleet.workload = Workload(window: 64, bodyBytes: fault.bodyBytes)
            for index in 0..<phones { fleet.addStream(from: index, to: SteadyTraffic.partner(of: index)) }
        }
        try await driver.connect(0..<phones, inFlightMax: 64)
        let traffic = SteadyTraffic(driver, phones: phones, perSecond: fault.perSecond)
        try await driver.wait(seconds: 1) { fleet in
            let totals = fleet.workload?.totals ?? .init()
            return "\(fault.name): \(totals.stored) acknowledged, \(totals.delivered) delivered, \(fleet.counters.connected) connected"
        }
        return traffic
    }

    /// Waits until everything is there that had been sent when the fault ended.
    private func recovery(_ driver: FleetDriver) async throws -> Double? {
        let start = Fleet.nanoseconds
        let goals = try await driver.perform { fleet in fleet.workload?.ledgers.map(\.sent) ?? [] }
        while Double(Fleet.nanoseconds - start) / 1e9 < Self.recoverySecondsMax {
            let isDone = try await driver.perform { fleet in
                zip(fleet.workload?.ledgers ?? [], goals).allSatisfy { $0.delivered >= $1 }
                    && fleet.counters.connected == fleet.phones.count
            }
            if isDone { return Double(Fleet.nanoseconds - start) / 1e9 }
            try await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }

    /// Waits until the gateway has no more connections than there are phones.
    private func halfOpenGone(_ lab: NetworkLab, _ port: UInt16) async throws -> Double? {
        let start = Fleet.nanoseconds
        while Double(Fleet.nanoseconds - start) / 1e9 < Self.recoverySecondsMax {
            if try lab.gateway.connections(port: port) <= phones { return Double(Fleet.nanoseconds - start) / 1e9 }
            try await Task.sleep(for: .milliseconds(100))
        }
        return nil
    }

    private func fill(_ result: inout NetworkResult, _ driver: FleetDriver) async throws {
        let (totals, counters, times) = try await driver.perform { fleet in
            (fleet.workload?.verified ?? .init(), fleet.counters, fleet.workload?.takeTimes())
        }
        (result.sent, result.acknowledged, result.delivered) = (totals.sent, totals.stored, totals.delivered)
        (result.lost, result.duplicated, result.reordered) = (totals.lost, totals.duplicated, totals.reordered)
        (result.corrupted, result.unknown, result.refused) = (totals.corrupted, totals.unknown, totals.refused)
        result.reconnects = counters.begun + counters.resumed - phones
        for (code, count) in counters.closes {
            result.closedByGateway[CloseCode(rawValue: code).map { "\($0)" } ?? String(code)] = count
        }
        result.faults = counters.faults
        result.deliveryMicroseconds = times?.delivery.summary
    }
}

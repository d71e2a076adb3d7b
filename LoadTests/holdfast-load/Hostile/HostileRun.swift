import Foundation
import HoldfastClient

/// Honest clients with steady traffic, and one attacker beside them: quiet and hostile parts alternate on one gateway.
struct HostileRun: Sendable {
    let workshop: Workshop
    let clients: Int
    let runs: Int
    let seconds: Double
    /// Messages of each honest client in a second.
    let messagesPerSecond: Double

    private static let settleSeconds = 1.5
    private static let sampleMilliseconds = 200

    /// One part of a run.
    private struct Part {
        var cpuPerSecond = 0.0
        var bytesHighest = 0.0
        var tcpBytesHighest = 0.0
        var descriptorsHighest = 0
        /// Of programs that don't belong to the run.
        var othersPerSecond = 0.0
        var seconds = 0.0
        var send: LatencySummary?
        var delivery: LatencySummary?
        var tally = AttackTally()
    }

    /// Runs a case.
    func run(_ hostile: HostileCase) async throws -> HostileResult {
        let lines = HostileCase.commonConfiguration + hostile.configuration(clients)
        let gateway = try GatewayProcess(workshop, name: hostile.name, configuration: lines.joined(separator: "\n") + "\n")
        defer { gateway.remove() }
        let target = try gateway.target()
        let driver = try await FleetDriver(target: target, capacity: clients)
        defer { driver.stop() }
        let traffic = try await startTraffic(driver)
        guard let controlAddress = gateway.controlAddress else { throw LoadError("the gateway has no control API") }
        let context = HostileContext(
            target: target, tlsAddress: gateway.tlsAddress, controlAddress: controlAddress, data: gateway.data)
        let actor = try await hostile.makeActor(context)
        let parts: [(quiet: Part, hostile: Part)]
        do {
            parts = try await measure(actor, driver, ProcessMeter(pid: gateway.child.pid), max(seconds, hostile.secondsMin))
        } catch {
            await actor.stop()
            throw error
        }
        await actor.stop()
        let gatewayDied = !ProcessMeter(pid: gateway.child.pid).isAlive
        // What isn't answered in the end is in the figures, and the case goes on to tell them.
        var unanswered: [String] = []
        if gatewayDied {
            await traffic.abandon()
        } else {
            do { try await traffic.stop() } catch { unanswered = ["\(error)"] }
        }
        var result = try await result(hostile, parts, driver, gatewayDied)
        result.violations += unanswered
        return result
    }

    private func startTraffic(_ driver: FleetDriver) async throws -> SteadyTraffic {
        let settings = ClientSettings(device: "load", acknowledgesOnReceipt: true, resolvesPeers: false)
        try await driver.perform { fleet in
            fleet.add(clients, settings)
            fleet.workload = Workload(window: 64, bodyBytes: 100)
            for index in 0..<clients { fleet.addStream(from: index, to: SteadyTraffic.partner(of: index)) }
        }
        try await driver.connect(0..<clients, inFlightMax: 64)
        let traffic = SteadyTraffic(driver, phones: clients, perSecond: messagesPerSecond)
        // Conversations are made, caches are filled.
        try await driver.wait(seconds: 2.5) { _ in "warming up" }
        return traffic
    }

    private func measure(
        _ actor: any HostileActor, _ driver: FleetDriver, _ meter: ProcessMeter, _ attackSeconds: Double
    ) async throws -> [(quiet: Part, hostile: Part)] {
        try await actor.prepare()
        var parts: [(quiet: Part, hostile: Part)] = []
        for run in 1...runs {
            try await driver.wait(seconds: Self.settleSeconds) { _ in "run \(run) of \(runs): settling" }
            let quiet = try await part(driver, meter, seconds, "run \(run) of \(runs): without the attacker")
            let before = await actor.tally
            try await actor.begin()
            var hostile = try await part(driver, meter, attackSeconds, "run \(run) of \(runs): with the attacker")
            hostile.tally = await actor.tally.since(before)
            await actor.end()
            parts.append((quiet, hostile))
        }
        return parts
    }

    private func part(_ driver: FleetDriver, _ meter: ProcessMeter, _ seconds: Double, _ what: String) async throws -> Part {
        var part = Part()
        _ = try await driver.perform { fleet in fleet.workload?.takeTimes() }
        let (start, cpu) = (Fleet.nanoseconds, meter.cpuSeconds ?? 0)
        let (own, machine) = (ProcessMeter.own.cpuSeconds ?? 0, ProcessMeter.machineSeconds)
        while Double(Fleet.nanoseconds - start) / 1e9 < seconds {
            try await driver.wait(seconds: Double(Self.sampleMilliseconds) / 1000) { _ in what }
            part.bytesHighest = max(part.bytesHighest, Double(meter.privateBytes ?? 0))
            part.descriptorsHighest = max(part.descriptorsHighest, meter.descriptors ?? 0)
            part.tcpBytesHighest = max(part.tcpBytesHighest, Double(NetworkCounters.tcpBytes))
        }
        part.seconds = Double(Fleet.nanoseconds - start) / 1e9
        part.cpuPerSecond = ((meter.cpuSeconds ?? 0) - cpu) / part.seconds
        let ownPerSecond = ((ProcessMeter.own.cpuSeconds ?? 0) - own) / part.seconds
        part.othersPerSecond = max(0, (ProcessMeter.machineSeconds - machine) / part.seconds - part.cpuPerSecond - ownPerSecond)
        let times = try await driver.perform { fleet in fleet.workload?.takeTimes() }
        part.send = times?.send.summary
        part.delivery = times?.delivery.summary
        return part
    }

    private func result(
        _ hostile: HostileCase, _ parts: [(quiet: Part, hostile: Part)], _ driver: FleetDriver, _ gatewayDied: Bool
    ) async throws -> HostileResult {
        // There is a part at least.
        func median(_ values: [Double]) -> Double { Median.of(values) ?? 0 }
        func pair(_ value: (Part) -> Double) -> HostileResult.Pair {
            .init(without: median(parts.map { value($0.quiet) }), with: median(parts.map { value($0.hostile) }))
        }
        var result = HostileResult(name: hostile.name, unit: hostile.unit)
        (result.clients, result.runs) = (clients, parts.count)
        var total = AttackTally()
        for part in parts { total.add(part.hostile.tally) }
        result.units = total.units
        result.answers = total.answers
        result.unitsPerSecond = median(parts.map { Double($0.hostile.tally.units) / $0.hostile.seconds })
        result.gatewayCPU = pair(\.cpuPerSecond)
        result.gatewayMicrosecondsPerUnit = median(
            parts.map {
                ($0.hostile.cpuPerSecond - $0.quiet.cpuPerSecond) * $0.hostile.seconds / Double(max(1, $0.hostile.tally.units)) * 1e6
            }
        )
        // The first run tells: what it leaves behind in the allocator is there in the later quiet parts as well.
        if let first = parts.first {
            result.gatewayBytes = max(0, first.hostile.bytesHighest - first.quiet.bytesHighest)
            let held = min(first.hostile.tally.units, hostile.unitsHeld ?? .max)
            result.gatewayBytesPerUnit = result.gatewayBytes / Double(max(1, held))
        }
        result.gatewayDescriptors = parts.map { max(0, $0.hostile.descriptorsHighest - $0.quiet.descriptorsHighest) }.max() ?? 0
        result.systemTCPBytes = median(parts.map { max(0, $0.hostile.tcpBytesHighest - $0.quiet.tcpBytesHighest) })
        result.deliveryP50 = pair { $0.delivery?.p50 ?? 0 }
        result.deliveryP99 = pair { $0.delivery?.p99 ?? 0 }
        result.sentP50 = pair { $0.send?.p50 ?? 0 }
        result.sentP99 = pair { $0.send?.p99 ?? 0 }
        let (totals, counters) = try await driver.perform { fleet in (fleet.workload?.verified ?? .init(), fleet.counters) }
        result.honestMessages = totals.delivered
        result.honestMessagesLost = totals.lost
        result.honestMessagesWrong =
            totals.duplicated + totals.reordered + totals.corrupted + totals.unknown + totals.refused
            + counters.faults.values.reduce(0, +)
        result.honestConnectionsLost = counters.connectFailures + counters.disconnects + counters.closes.values.reduce(0, +)
        let others = pair(\.othersPerSecond)
        result.figures["othersCPUWithout"] = others.without
        result.figures["othersCPUWith"] = others.with
        if hostile.expects.contains("fenced") {
            let minutes = parts.reduce(0) { $0 + $1.hostile.seconds } / 60
            result.figures["fencesPerMinute"] = Double(total.answers["fenced", default: 0]) / minutes
        }
        result.violations =
            HostileVerdict(
                expects: hostile.expects, bytesPerUnitMax: Double(hostile.bytesPerUnitMax), answers: total.answers, units: total.units,
                bytes: result.gatewayBytes, bytesPerUnit: result.gatewayBytesPerUnit, descriptorsMax: hostile.descriptorsMax ?? .max,
                descriptors: result.gatewayDescriptors, connectionsLost: result.honestConnectionsLost, messagesLost: totals.lost,
                messagesWrong: result.honestMessagesWrong, gatewayDied: gatewayDied,
                delivered: parts.reduce(0) { $0 + ($1.quiet.delivery?.count ?? 0) + ($1.hostile.delivery?.count ?? 0) }
            ).violations
        for (code, count) in counters.closes { result.violations.append("an honest client was closed with code \(code), \(count) times") }
        for (name, count) in counters.faults { result.violations.append("honest clients: \(name), \(count) times") }
        return result
    }
}

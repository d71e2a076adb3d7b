import Foundation

/// Takes a sample of a fleet and a server about once a second, until it is stopped.
final class ComparisonSampler: Sendable {
    private let task: Task<[Sample], Never>

    /// Begins.
    init(_ driver: PeerDriver, _ meter: PeerMeter) {
        task = Task { await Self.take(driver, meter) }
    }

    /// Ends.
    func stop() async -> [Sample] {
        task.cancel()
        return await task.value
    }

    private struct Point {
        var time = PeerFleet.nanoseconds
        var acknowledged = 0
        var delivered = 0
        var connected = 0
        var server: Double
        var generator = ProcessMeter.own.cpuSeconds ?? 0
    }

    private static func take(_ driver: PeerDriver, _ meter: PeerMeter) async -> [Sample] {
        var samples: [Sample] = []
        guard var last = await point(driver, meter) else { return samples }
        let start = last.time
        while (try? await Task.sleep(for: .seconds(1))) != nil, let next = await point(driver, meter) {
            let seconds = Double(next.time - last.time) / 1e9
            samples.append(
                Sample(
                    seconds: Double(next.time - start) / 1e9,
                    values: [
                        "connected": Double(next.connected),
                        "acknowledgedPerSecond": Double(next.acknowledged - last.acknowledged) / seconds,
                        "deliveredPerSecond": Double(next.delivered - last.delivered) / seconds,
                        "serverPrivateBytes": Double(meter.privateBytes), "serverCores": (next.server - last.server) / seconds,
                        "generatorCores": (next.generator - last.generator) / seconds,
                    ]))
            last = next
        }
        return samples
    }

    private static func point(_ driver: PeerDriver, _ meter: PeerMeter) async -> Point? {
        let counts = try? await driver.perform { fleet in
            (fleet.traffic?.totals.acknowledged ?? 0, fleet.traffic?.totals.delivered ?? 0, fleet.counters.ready)
        }
        guard let counts else { return nil }
        return Point(acknowledged: counts.0, delivered: counts.1, connected: counts.2, server: meter.cpuSeconds)
    }
}

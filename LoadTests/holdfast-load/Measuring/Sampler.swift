import Foundation
import HoldfastIO
import Synchronization

/// Takes a sample of a run about every second, and ends the run when its gateway is gone.
final class Sampler: Sendable {
    private struct State {
        var samples: [Sample] = []
        var task: Task<Void, Never>?
        var extra: [String: Double] = [:]
    }

    private let state = Mutex(State())

    /// Begins.
    /// - Parameter everySeconds: the time between two samples.
    init(_ driver: FleetDriver, _ target: Target, everySeconds: Double = 1) {
        let task = Task { await self.take(driver, target, everySeconds) }
        state.withLock { $0.task = task }
    }

    /// A figure of the scenario's own, that is in all samples from now on.
    func set(_ name: String, _ value: Double) { state.withLock { $0.extra[name] = value } }

    /// Ends, and gives what was taken.
    func stop() async -> [Sample] {
        let task = state.withLock { $0.task.take() }
        task?.cancel()
        await task?.value
        return state.withLock { $0.samples }
    }

    private struct Moment {
        var time = Fleet.nanoseconds
        var totals = Workload.Totals()
        var server: Double?
        var generator = ProcessMeter.own.cpuSeconds ?? 0
    }

    private func take(_ driver: FleetDriver, _ target: Target, _ everySeconds: Double) async {
        let server = target.pid.map { ProcessMeter(pid: $0) }
        let start = Fleet.nanoseconds
        var last = Moment(server: server?.cpuSeconds)
        while (try? await Task.sleep(for: .seconds(everySeconds))) != nil {
            if let server, !server.isAlive {
                await driver.inspect { $0.fail("the gateway (process \(server.pid)) has ended in mid-run: see its log") }
            }
            let (totals, connected) = await driver.inspect { ($0.workload?.totals ?? .init(), $0.counters.connected) }
            var now = Moment(totals: totals, server: server?.cpuSeconds)
            now.time = Fleet.nanoseconds
            let seconds = Double(now.time - last.time) / 1e9
            var values = state.withLock { $0.extra }
            values["connected"] = Double(connected)
            values["acknowledgedPerSecond"] = Double(now.totals.stored - last.totals.stored) / seconds
            values["deliveredPerSecond"] = Double(now.totals.delivered - last.totals.delivered) / seconds
            values["generatorCores"] = (now.generator - last.generator) / seconds
            if let a = now.server, let b = last.server { values["serverCores"] = (a - b) / seconds }
            if let bytes = server?.privateBytes { values["serverPrivateBytes"] = Double(bytes) }
            let sample = Sample(seconds: Double(now.time - start) / 1e9, values: values)
            state.withLock { $0.samples.append(sample) }
            WorkerPlace.current?.send(.sample(sample))
            last = now
        }
    }
}

import Foundation
import Synchronization

/// One run of a scenario: its fleet, what it has found so far, and its samples. What was found before a failure is kept.
///
/// A scenario's body goes through its steps; the run begins and ends what all scenarios have in common. As a worker (see `WorkerProcesses`) it is
/// a share of a run, and waits for the others at each `barrier`.
final class LoadRun {
    let target: Target
    let driver: FleetDriver
    let sampler: Sampler
    var report: Report
    /// How each figure of this scenario is put together from those of several workers.
    var merging: [String: FigureMerge] = [:]
    private var latencies: [String: Latencies] = [:]

    // The fleet of the run that goes on, for one who wants it to end.
    private static let current = Mutex<FleetDriver?>(nil)

    /// Ends the run that goes on, if there is one, with what it has found so far.
    /// - Returns: false if there is none, or it was told before.
    static func interrupt() -> Bool {
        guard let driver = current.withLock({ $0.take() }) else { return false }
        driver.interrupt("interrupted")
        return true
    }

    private init(_ target: Target, _ driver: FleetDriver, _ report: Report, _ sampler: Sampler) {
        self.target = target
        self.driver = driver
        self.report = report
        self.sampler = sampler
    }

    /// Runs a scenario.
    /// - Parameters:
    ///   - clients: phones of the whole run, for the report.
    ///   - capacity: phones of this process, each with a token.
    ///   - users: of this process in all, those included who get their token later; nil: as many.
    ///   - connections: how many of them are open at once; nil: all.
    ///   - body: the steps. When it throws, the report has the reason among its faults, and what was found until then.
    static func perform(
        _ scenario: String, on target: Target, clients: Int, capacity: Int, users: Int? = nil, connections: Int? = nil,
        sampleSeconds: Double = 1,
        _ body: (LoadRun) async throws -> Void
    ) async throws -> Report {
        if case .file(let file) = target.tokens { try await file.forgetEarlierRuns(on: target) }
        let driver = try await FleetDriver(target: target, capacity: capacity, users: users, connections: connections ?? capacity)
        current.withLock { $0 = driver }
        defer {
            current.withLock { $0 = nil }
            driver.stop()
        }
        var report = Report(scenario: scenario, clients: clients)
        report.context.server = target.description
        let run = LoadRun(target, driver, report, Sampler(driver, target, everySeconds: sampleSeconds))
        let watch = Stopwatch(target)
        do {
            try await body(run)
        } catch {
            await run.keep(watch.read(), because: error)
        }
        await run.finish()
        WorkerPlace.current?.send(.result(run.report, run.latencies, run.merging))
        return run.report
    }

    /// Waits until all workers of the run have come here.
    func barrier(_ name: String) throws { try WorkerPlace.current?.wait(at: name) }

    /// Adds durations; those of the same name are put together.
    func add(_ name: String, _ durations: Latencies) {
        latencies[name, default: Latencies()].add(durations)
        report.add(name, latencies[name] ?? durations)
    }

    /// Sets a figure of this scenario.
    func figure(_ name: String, _ value: Double, _ merge: FigureMerge = .sum) {
        report.figures[name] = value
        merging[name] = merge
    }

    /// Takes over the time of the measured part, and whether this program kept its schedule in it and in the parts before.
    func add(_ reading: Stopwatch.Reading, lags: Latencies? = nil) {
        var reading = reading
        if let lags, lags.count > 0 {
            add("generatorLag", lags)
            reading.lagMicrosecondsP99 = latencies["generatorLag"]?.summary?.p99
        }
        report.add(reading)
    }

    /// Takes over what was found until the run failed, and why it did.
    private func keep(_ reading: Stopwatch.Reading, because error: any Error) async {
        report.faults["ended early: \(error)"] = 1
        // The measured part, if there was one, says more than the whole.
        guard report.seconds == 0 else { return }
        report.add(reading)
        report.bound = nil
        let flows = await driver.inspect { $0.workload?.flows ?? [] }
        for flow in flows {
            add("sent", flow.sendTimes)
            add("endToEnd", flow.deliveryTimes)
        }
    }

    private func finish() async {
        report.samples = await sampler.stop()
        if let trend = Sample.bytesPerHour(report.samples) { figure("serverBytesPerHour", trend, .mean) }
        let (totals, counters) = await driver.inspect { fleet in (fleet.workload?.verified, fleet.counters) }
        if let totals { report.add(totals) }
        report.add(counters)
    }
}

/// How figures of several workers become one.
enum FigureMerge: String, Codable, Sendable {
    case sum
    case max
    case mean
    /// A cost of one thing, found by each worker from the whole cost and its own things: one over the sum of inverses.
    case parallel
}

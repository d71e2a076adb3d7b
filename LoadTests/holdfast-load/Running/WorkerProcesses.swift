import Foundation
import Glibc
import HoldfastIO
import Synchronization

/// Several processes of this program that are one run: each has its share of the phones, they go from step to step together, and what they
/// found becomes one report.
///
/// Each writes JSON lines: a sample about every second, the steps that it has come to, and its result. It goes on when it reads the name of
/// the step.
final class WorkerProcesses {
    private let workers: [ChildProcess]
    private var samples: [[Sample]]
    private let line = ProgressLine()

    // Those of the run that goes on, for one who wants it to end.
    private static let current = Mutex<[ChildProcess]>([])

    /// Has all processes end with what they have found so far.
    /// - Returns: false if there are none, or they were told before.
    static func interrupt() -> Bool {
        let workers = current.withLock { workers in
            defer { workers = [] }
            return workers
        }
        for worker in workers where worker.exitStatus == nil { kill(worker.pid, SIGINT) }
        return !workers.isEmpty
    }

    /// Starts them, with the arguments of this process.
    init(_ count: Int, _ target: Target) throws {
        let gateway = WorkerPlace.Gateway(
            address: target.address.description, serverName: target.tls?.serverName, trust: target.trust, data: target.data, pid: target.pid
        )
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        samples = Array(repeating: [], count: count)
        workers = try (0..<count).map { index in
            try ChildProcess(
                program, Array(CommandLine.arguments.dropFirst()),
                environment: WorkerPlace.environment(index: index, count: count, gateway: gateway))
        }
    }

    /// Leads them to their end. When one fails the others end too, and what they have found is kept.
    func run() async throws -> Report {
        Self.current.withLock { $0 = workers }
        defer {
            Self.current.withLock { $0 = [] }
            line.end()
            // Those that have come to their end are gone already.
            for worker in workers { worker.end(SIGKILL) }
        }
        let lines = try workers.map { try WorkerLines($0) }
        var results: [WorkerResult?] = Array(repeating: nil, count: workers.count)
        var failures: [Int: String] = [:]
        var barriers: [Int: String] = [:]
        while workers.indices.contains(where: { results[$0] == nil && failures[$0] == nil }) {
            try await Task.sleep(for: Self.step)
            for index in workers.indices {
                let (messages, ending) = lines[index].take()
                for message in messages {
                    switch message {
                    case .barrier(let name): barriers[index] = name
                    case .sample(let sample): samples[index].append(sample)
                    case .result(let report, let latencies, let merging):
                        results[index] = WorkerResult(report: report, latencies: latencies, merging: merging)
                    case .failed(let text): failures[index] = text
                    }
                }
                if let ending, failures[index] == nil { failures[index] = ending + howItEnded(workers[index]) }
                if results[index] != nil { failures[index] = nil }
            }
            if !failures.isEmpty { _ = Self.interrupt() }
            show()
            goOn(&barriers, isBroken: !failures.isEmpty || results.contains { $0 != nil })
        }
        var report = try WorkerResult.merge(results, failures: failures)
        report.samples = Sample.merge(samples.filter { !$0.isEmpty })
        return report
    }

    private func howItEnded(_ worker: ChildProcess) -> String {
        // Its output has ended: it will too, if it hasn't.
        worker.end(SIGKILL)
        return worker.exitStatus.map { $0 < 0 ? " (signal \(-$0))" : " (exit status \($0))" } ?? ""
    }

    private static let step = Duration.milliseconds(20)

    /// Lets those go on who have all come to a step. One that has ended early lets the others end: they would wait for ever.
    private func goOn(_ barriers: inout [Int: String], isBroken: Bool) {
        guard barriers.count == workers.count || isBroken else { return }
        for (index, name) in barriers { workers[index].writeLine(isBroken ? "" : name) }
        barriers.removeAll()
    }

    private func show() {
        let last = samples.compactMap(\.last)
        func sum(_ name: String) -> Int { Int(last.reduce(0) { $0 + ($1.values[name] ?? 0) }) }
        line.show(
            "\(workers.count) processes: \(sum("connected")) connected, \(sum("acknowledgedPerSecond")) acknowledged/s, "
                + "\(sum("deliveredPerSecond")) delivered/s")
    }
}

/// The lines of a worker, read by a thread of their own: none waits in its pipe for another worker.
private final class WorkerLines: Sendable {
    private struct State {
        var messages: [WorkerMessage] = []
        /// Why nothing more will come.
        var ending: String?
    }

    private let state: Mutex<State>

    init(_ worker: ChildProcess) throws {
        state = Mutex(State())
        // It ends with the worker's output, which ends with this program at the latest.
        _ = try startThread(name: "worker") { [self] in
            while let text = try? worker.readLine() {
                let message = try? JSONDecoder().decode(WorkerMessage.self, from: Data(text.utf8))
                state.withLock { state in
                    if let message {
                        state.messages.append(message)
                    } else if state.ending == nil {
                        state.ending = "it said '\(text.prefix(200))'"
                    }
                }
            }
            state.withLock { if $0.ending == nil { $0.ending = "it has ended without a result" } }
        }
    }

    /// What has come since the last call, and why nothing more will come, if so.
    func take() -> ([WorkerMessage], ending: String?) {
        state.withLock { state in
            defer { state.messages.removeAll() }
            return (state.messages, state.ending)
        }
    }
}

/// What a worker found.
struct WorkerResult {
    var report: Report
    var latencies: [String: Latencies]
    var merging: [String: FigureMerge]

    /// One report of a run: of all its processes, or of those that came to a result.
    /// - Parameter failures: why there is none, by process. Throws one of them if no process has a result.
    static func merge(_ results: [WorkerResult?], failures: [Int: String]) throws -> Report {
        let found = results.compactMap { $0 }
        let reasons = failures.sorted { $0.key < $1.key }.map { "process \($0.key + 1) of \(results.count): \($0.value)" }
        guard !found.isEmpty else { throw LoadError(reasons.first ?? "no process of the run has a result") }
        var report = merge(found)
        report.figures["processes"] = Double(results.count)
        for reason in reasons { report.faults[reason] = 1 }
        if !reasons.isEmpty {
            report.notes.append("partial: what \(found.count) of \(results.count) processes found until another one had failed")
        }
        return report
    }

    /// One report of several workers' results, of which there is at least one: counts are added up, percentiles are those of all durations
    /// together, and the server's CPU time is there once.
    static func merge(_ results: [WorkerResult]) -> Report {
        var report = results[0].report
        var latencies = results[0].latencies
        for result in results.dropFirst() {
            let other = result.report
            report.seconds = max(report.seconds, other.seconds)
            report.sent += other.sent
            report.acknowledged += other.acknowledged
            report.delivered += other.delivered
            report.lost += other.lost
            report.duplicated += other.duplicated
            report.reordered += other.reordered
            report.corrupted += other.corrupted
            report.refused += other.refused
            report.rates.merge(other.rates) { $0 + $1 }
            report.cpuSeconds.generator += other.cpuSeconds.generator
            report.cpuSeconds.server = [report.cpuSeconds.server, other.cpuSeconds.server].compactMap { $0 }.max()
            report.closedByServer.merge(other.closedByServer) { $0 + $1 }
            report.faults.merge(other.faults) { $0 + $1 }
            for note in other.notes where !report.notes.contains(note) { report.notes.append(note) }
            // The one that was its own bound spoils the whole.
            if let bound = other.bound, bound.hasPrefix("generator") || bound.hasPrefix("other programs") { report.bound = bound }
            for (name, times) in result.latencies { latencies[name, default: Latencies()].add(times) }
        }
        for (name, times) in latencies { report.add(name, times) }
        // None of them has seen how busy the others were.
        if let bound = report.bound, bound.hasPrefix("server"), report.seconds > 0 {
            report.bound = Stopwatch.Reading(seconds: report.seconds, cpu: report.cpuSeconds).bound
        }
        let names = Set(results.flatMap { $0.report.figures.keys })
        let merging = results.reduce(into: [:]) { $0.merge($1.merging) { $1 } }
        for name in names {
            report.figures[name] = (merging[name] ?? .max).merged(results.compactMap { $0.report.figures[name] })
        }
        // A round is over when it is for all.
        let rounds = results.compactMap(\.report.roundSeconds)
        if let count = rounds.map(\.count).min() { report.add(rounds: (0..<count).map { round in rounds.map { $0[round] }.max() ?? 0 }) }
        report.serverBytesPerConnection = FigureMerge.mean.merged(results.compactMap(\.report.serverBytesPerConnection))
        report.generatorBytesPerPhone = FigureMerge.mean.merged(results.compactMap(\.report.generatorBytesPerPhone))
        return report
    }
}

extension FigureMerge {
    /// One figure of several; nil if there are none.
    func merged(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        switch self {
        case .sum: return values.reduce(0, +)
        case .max: return values.max()
        case .mean: return values.reduce(0, +) / Double(values.count)
        case .parallel: return values.contains(0) ? 0 : 1 / values.reduce(0) { $0 + 1 / $1 }
        }
    }
}

extension Sample {
    /// The n-th samples of several workers together; figures of the server are there once.
    static func merge(_ lists: [[Sample]]) -> [Sample] {
        (0..<(lists.map(\.count).min() ?? 0)).map { index in
            let parts = lists.map { $0[index] }
            var values: [String: Double] = [:]
            for part in parts {
                values.merge(part.values) { ours, theirs in ours + theirs }
            }
            for name in values.keys where name.hasPrefix("server") { values[name] = parts.compactMap { $0.values[name] }.max() }
            return Sample(seconds: parts.map(\.seconds).max() ?? 0, values: values)
        }
    }
}

import Foundation

/// The place of this process among the workers of a run, and its line to the process that started it.
final class WorkerPlace: Sendable {
    /// Counted from 0.
    let index: Int
    let count: Int
    let gateway: Gateway

    /// The gateway, as the first process found or started it.
    struct Gateway: Codable, Sendable {
        var address: String
        var serverName: String?
        var trust: String?
        var data: String
        var pid: Int32?
    }

    private struct Assignment: Codable {
        var index: Int
        var count: Int
        var gateway: Gateway
    }

    /// That of this process; nil: it is the only one, or the one that starts the others.
    static let current: WorkerPlace? = ProcessInfo.processInfo.environment[variable].flatMap { text in
        (try? JSONDecoder().decode(Assignment.self, from: Data(text.utf8))).map { WorkerPlace($0) }
    }

    private static let variable = "HOLDFAST_LOAD_WORKER"

    private init(_ assignment: Assignment) {
        index = assignment.index
        count = assignment.count
        gateway = assignment.gateway
    }

    /// What the environment of a worker says.
    static func environment(index: Int, count: Int, gateway: Gateway) throws -> [String: String] {
        [variable: try Output.json(Assignment(index: index, count: count, gateway: gateway))]
    }

    /// This process's part of a number of things; all parts add up to it. The number itself if there are no workers.
    static func share(_ total: Int) -> Int {
        guard let current else { return total }
        return share(total, index: current.index, count: current.count)
    }

    /// The part of one of several workers.
    static func share(_ total: Int, index: Int, count: Int) -> Int { total * (index + 1) / count - total * index / count }

    /// Tells the first process something.
    func send(_ message: WorkerMessage) {
        // One that can't be encoded would be noticed as missing.
        if let line = try? Output.json(message) { Output.write(line) }
    }

    /// Says that this process has come to a step, and waits until all have.
    func wait(at barrier: String) throws {
        send(.barrier(barrier))
        guard let line = Swift.readLine(), line == barrier else { throw LoadError("another process of the run has ended") }
    }
}

/// A line from a worker.
enum WorkerMessage: Codable, Sendable {
    case barrier(String)
    case sample(Sample)
    case result(Report, [String: Latencies], [String: FigureMerge])
    /// It couldn't begin.
    case failed(String)
}

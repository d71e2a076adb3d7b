import Foundation

/// Wall time and CPU time of both sides, from a start on.
struct Stopwatch: Sendable {
    private let server: ProcessMeter?
    private let start: UInt64
    private let startServer: Double?
    private let startOwn: Double

    /// Starts now.
    init(_ target: Target) {
        server = target.pid.map { ProcessMeter(pid: $0) }
        start = Fleet.nanoseconds
        startServer = server?.cpuSeconds
        startOwn = ProcessMeter.own.cpuSeconds ?? 0
    }

    /// What has passed since the start.
    func read() -> Reading {
        var cpu = Report.CPU(generator: (ProcessMeter.own.cpuSeconds ?? 0) - startOwn)
        if let startServer, let now = server?.cpuSeconds { cpu.server = now - startServer }
        return Reading(seconds: Double(Fleet.nanoseconds - start) / 1e9, cpu: cpu)
    }

    /// What has passed.
    struct Reading: Sendable {
        var seconds: Double
        var cpu: Report.CPU
        /// By how much this program was late with what was due, by its own fault; nil: nothing was due at a time.
        var lagMicrosecondsP99: Double?

        /// More than what its timers and a busy machine make of it.
        static let lagMicrosecondsMax = 20_000.0

        /// What kept the figures from being better, as far as CPU time tells. The generator is one thread.
        var bound: String {
            let cores = Double(ProcessInfo.processInfo.activeProcessorCount)
            let generator = cpu.generator / seconds
            if let lag = lagMicrosecondsP99, lag > Self.lagMicrosecondsMax {
                return "generator: it was late with 1 of 100 things by \(Report.duration(lag)) or more, by its own fault"
            }
            guard let server = cpu.server.map({ $0 / seconds }) else {
                return generator >= 0.9 ? "generator" : "unknown: the server's pid isn't known"
            }
            if generator >= 0.9 && server < cores * 0.9 {
                return generator + server >= cores * 0.9 ? "machine: generator and server share all of it" : "generator: not the server"
            }
            if generator + server >= cores * 0.9 { return "machine: generator and server share all of it" }
            return "server or disk: neither the generator nor the machine is busy"
        }
    }
}

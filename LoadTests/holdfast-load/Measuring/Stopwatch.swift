import Foundation

/// Wall time and CPU time of both sides, from a start on.
struct Stopwatch: Sendable {
    private let server: ProcessMeter?
    private let start: UInt64
    private let startServer: Double?
    private let startOwn: Double
    private let startMachine: Double
    /// Of the run's other processes: workers beside this one, and what it has started.
    private let startFamily: [Int32: Double]

    /// Starts now.
    init(_ target: Target) {
        server = target.pid.map { ProcessMeter(pid: $0) }
        startFamily = Self.family(without: target.pid)
        start = Fleet.nanoseconds
        startServer = server?.cpuSeconds
        startOwn = ProcessMeter.own.cpuSeconds ?? 0
        startMachine = ProcessMeter.machineSeconds
    }

    /// What has passed since the start.
    func read() -> Reading {
        var cpu = Report.CPU(generator: (ProcessMeter.own.cpuSeconds ?? 0) - startOwn)
        if let startServer, let now = server?.cpuSeconds { cpu.server = now - startServer }
        let seconds = Double(Fleet.nanoseconds - start) / 1e9
        let family = Self.family(without: server?.pid).reduce(0) { $0 + $1.value - (startFamily[$1.key] ?? 0) }
        // The system's tasks for both sides' packets are theirs; a server that isn't known counts as a stranger.
        let others = ProcessMeter.machineSeconds - startMachine - cpu.generator - (cpu.server ?? 0) - family
        return Reading(seconds: seconds, cpu: cpu, othersCores: cpu.server == nil ? 0 : max(0, others / seconds))
    }

    /// CPU time of the run's other processes, by their numbers.
    static func family(without server: Int32?) -> [Int32: Double] {
        let head = WorkerPlace.current == nil ? getpid() : getppid()
        let others = PeerMeter(roots: [head]).pids.filter { $0 != getpid() && $0 != server }
        return others.reduce(into: [:]) { $0[$1] = ProcessMeter(pid: $1).cpuSeconds }
    }

    /// What has passed.
    struct Reading: Sendable {
        var seconds: Double
        var cpu: Report.CPU
        /// Cores that other programs took meanwhile, as far as is known.
        var othersCores = 0.0
        /// By how much this program was late with what was due, by its own fault; nil: nothing was due at a time.
        var lagMicrosecondsP99: Double?

        /// This part and another one after it.
        static func + (first: Reading, second: Reading) -> Reading {
            let seconds = first.seconds + second.seconds
            let server = first.cpu.server.flatMap { server in second.cpu.server.map { server + $0 } }
            let others = first.othersCores * first.seconds + second.othersCores * second.seconds
            return Reading(
                seconds: seconds, cpu: .init(server: server, generator: first.cpu.generator + second.cpu.generator),
                othersCores: others / max(seconds, 1e-9))
        }

        /// More than what a quiet machine's own programs take.
        static let othersCoresMax = 0.25
        /// More than what its timers and a busy machine make of it.
        static let lagMicrosecondsMax = 20_000.0

        /// What kept the figures from being better, as far as CPU time tells. The generator is one thread.
        var bound: String {
            let cores = Double(ProcessInfo.processInfo.activeProcessorCount)
            let generator = cpu.generator / seconds
            if let lag = lagMicrosecondsP99, lag > Self.lagMicrosecondsMax {
                let text = "1 of 100 things was begun \(Report.duration(lag)) or more after it was due"
                return othersCores > Self.othersCoresMax && generator < 0.9
                    ? "other programs: they took \(Report.number(othersCores)) cores, and \(text)" : "generator: \(text), not by the server"
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

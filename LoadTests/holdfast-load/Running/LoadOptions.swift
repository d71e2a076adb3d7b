import ArgumentParser
import Foundation
import Glibc
import HoldfastIO
import Synchronization

/// What all scenarios take: where the gateway is, or that one is to be started, and how the report is printed.
struct LoadOptions: ParsableArguments {
    @OptionGroup(title: "The gateway") var target: TargetOptions

    @Flag(help: "Start a gateway for this run on loopback, with empty data, and stop it at the end.")
    var start = false

    @Option(help: ArgumentHelp("With --start: the holdfast program. Default: the one beside this program.", valueName: "file"))
    var gateway: String?

    @Option(help: ArgumentHelp("With --start: where its data is made, and removed. Default: /tmp.", valueName: "dir"))
    var directory: String?

    @Option(
        help: ArgumentHelp(
            "With --start: a flame graph of the gateway from the run's begin to its end, as SVG; needs perf.", valueName: "file"))
    var profile: String?

    @OptionGroup(title: "The report") var output: OutputOptions

    @Option(help: ArgumentHelp("Connections of one process; for more, this program starts several.", valueName: "n"))
    var clientsPerProcess = 18_000

    func validate() throws {
        if start && target.isGiven {
            throw ValidationError("--start makes a gateway: leave --server, --data, --token-file, --pid and --trust out")
        }
        if !start && (gateway != nil || directory != nil) { throw ValidationError("--gateway and --directory need --start") }
        if profile != nil && !start {
            throw ValidationError("--profile needs --start: only a gateway that this run has started is profiled")
        }
        if clientsPerProcess < 1 { throw ValidationError("--clients-per-process must be at least 1") }
    }

    /// Runs a scenario and prints its report; in several processes if one can't have so many connections.
    /// - Parameters:
    ///   - connections: of the whole run, open at once.
    ///   - keepsSessions: with TLS, connects resume the TLS session of those before them.
    ///   - configuration: for a gateway that is started; nil: all defaults.
    ///   - diskBytes: what the run will write at most: refused when the disk of the gateway's data hasn't that.
    func run(
        connections: Int, keepsSessions: Bool = false, configuration: String? = nil, diskBytes: Int = 0,
        _ scenario: (Target) async throws -> Report
    ) async throws {
        if let place = WorkerPlace.current {
            // The first process decides what an interrupt is; this one ends with what it has.
            let isFirst = Mutex(true)
            let watcher = try SignalWatcher([.interrupt, .terminate]) { _ in
                let isFirst = isFirst.withLock { isFirst in
                    defer { isFirst = false }
                    return isFirst
                }
                if isFirst && !LoadRun.interrupt() {
                    place.send(.failed("interrupted before it began"))
                    _exit(1)
                }
            }
            defer { watcher.stop() }
            do {
                let file = try target.tokenFile.map { try TokenFile($0) }
                _ = try await scenario(place.target(tokens: file, keepsSessions: keepsSessions))
            } catch {
                place.send(.failed("\(error)"))
            }
            return
        }
        // Before a gateway is started in vain.
        if profile != nil { try Profiler.find() }
        let workshop = start ? try Workshop(gateway: gateway, parent: directory ?? "/tmp") : nil
        let watcher = try ChildProcess.stopOnInterrupt(
            removing: workshop?.directory ?? "", unless: { WorkerProcesses.interrupt() || LoadRun.interrupt() })
        defer { watcher.stop() }
        if let workshop { try FreeDisk.check(workshop.directory, bytes: diskBytes) }
        let process = try workshop.map { try GatewayProcess($0, name: "data", configuration: configuration) }
        defer { process?.remove() }
        let found = try process?.target(tls: target.tls, keepsSessions: keepsSessions) ?? target.target(keepsSessions: keepsSessions)
        if process == nil {
            try found.requireListener()
            // One elsewhere has a disk elsewhere.
            if target.tokenFile == nil || target.data != nil { try FreeDisk.check(found.data, bytes: diskBytes) }
        }
        let profiler: Profiler? =
            if let profile, let workshop, let process {
                try Profiler(pid: process.child.pid, file: profile, directory: workshop.directory)
            } else {
                nil
            }
        let workers = (connections + clientsPerProcess - 1) / clientsPerProcess
        var report = workers > 1 ? try await WorkerProcesses(workers, found).run() : try await scenario(found)
        if let ending = process?.ending { report.notes.append(ending) }
        do {
            if let profiler { report.notes.append(try profiler.finish(title: "\(report.scenario), \(report.clients) clients")) }
        } catch {
            report.faults["\(error)"] = 1
        }
        try report.finish(json: output.json)
    }
}

/// Whether connects resume a TLS session.
struct TLSResumeOptions: ParsableArguments {
    @Flag(help: "With --tls: connects resume the TLS session of those before them, instead of a full handshake.")
    var tlsResume = false
}

extension TLSResumeOptions {
    /// Throws if TLS is to be resumed that there isn't.
    func check(_ load: LoadOptions) throws {
        if tlsResume && !load.target.tls { throw ValidationError("--tls-resume needs --tls") }
    }
}

extension WorkerPlace {
    /// The gateway that the first process found or started.
    func target(tokens: TokenFile?, keepsSessions: Bool) throws -> Target {
        try Target(
            address: SocketAddress(parsing: gateway.address), tls: gateway.serverName, trust: gateway.trust, data: gateway.data,
            tokens: tokens,
            pid: gateway.pid, keepsSessions: keepsSessions)
    }
}

import Foundation

/// The runs behind `holdfast-load compare`: servers take turns, and each report is kept as soon as it is there.
final class Comparison {
    private let workshop: Workshop
    private let options: ComparisonOptions
    private let progress = ProgressLine()
    private(set) var reports: [Report] = []
    /// Runs that didn't work.
    private(set) var failures: [String] = []
    /// Servers that aren't installed.
    private(set) var missing: [String] = []
    private var kinds: [PeerKind]
    private var caveats: [PeerKind: [String]] = [:]
    /// What the run that writes most may write: each server's data are removed before the next one's start.
    private var diskBytes = 0

    /// What to do.
    struct ComparisonOptions: Sendable {
        var kinds: [PeerKind]
        var scenarios: [ComparisonScenario]
        var transports: [PeerTransport]
        var runs: Int
        var seconds: Double
        var isQuick: Bool
        /// Of each scenario and server; nil: as each can stand.
        var clients: Int?
        var peer: PeerOptions
        /// File that gets a line for each report.
        var results: String?
        var json: Bool
    }

    init(_ workshop: Workshop, _ options: ComparisonOptions) {
        self.workshop = workshop
        self.options = options
        kinds = options.kinds
    }

    /// Runs everything, and prints a table after each scenario.
    func run() async throws {
        findServers()
        guard !kinds.isEmpty else { throw LoadError("none of the servers can be started: see above") }
        try FreeDisk.check(workshop.directory, bytes: diskBytes)
        for scenario in options.scenarios {
            for run in 1...options.runs {
                for kind in kinds { try await self.run(scenario, kind, run) }
            }
            if !options.json { try printTables(scenario) }
        }
        guard !options.json else { return }
        Output.write("What each server promises, and what was set:")
        for kind in kinds { for caveat in caveats[kind] ?? [] { Output.write("  \(kind.rawValue): \(caveat)") } }
        for text in missing + failures { Output.write("not compared: \(text)") }
    }

    /// Leaves out what isn't installed, and says so.
    private func findServers() {
        kinds = kinds.filter { kind in
            do {
                let server = try kind.make(workshop, options.peer)
                caveats[kind] = server.caveats
                let scale = scale(server)
                diskBytes = options.scenarios.map { $0.diskBytes(scale, seconds: options.seconds) }.reduce(diskBytes, max)
                server.stop()
                return true
            } catch {
                missing.append("\(kind.rawValue): \(error)")
                say("left out: \(kind.rawValue): \(error)")
                return false
            }
        }
    }

    private func run(_ scenario: ComparisonScenario, _ kind: PeerKind, _ run: Int) async throws {
        do {
            let server = try kind.make(workshop, options.peer)
            defer { server.stop() }
            progress.show("\(kind.rawValue), \(scenario.rawValue), run \(run) of \(options.runs): starting")
            try await server.start()
            let scale = scale(server)
            let bench = ComparisonBench(
                server: server, scale: scale, seconds: options.seconds, progress: progress,
                transports: options.transports.filter { $0 == .plain || scale.hasTLS },
                keep: { report in
                    if let ending = Self.ending(server, scenario) { throw ending }
                    try self.keep(report, run)
                })
            do {
                try await scenario.run(bench)
            } catch {
                // Whatever else went wrong follows from its end.
                throw Self.ending(server, scenario) ?? error
            }
        } catch {
            // The others go on: a server that dies is a result too.
            fail("\(kind.rawValue), \(scenario.rawValue), run \(run): \(error)")
        }
    }

    /// How a server has ended that shouldn't; in `kill` it should.
    private static func ending(_ server: any PeerServer, _ scenario: ComparisonScenario) -> LoadError? {
        scenario == .kill ? nil : server.life?.ending.map { LoadError($0) }
    }

    private func scale(_ server: any PeerServer) -> PeerScale {
        if let clients = options.clients { return PeerScale(clients: clients, hasTLS: server.scale.hasTLS) }
        return options.isQuick ? server.scale.quick : server.scale
    }

    private func keep(_ report: Report, _ run: Int) throws {
        var report = report
        report.figures["run"] = Double(run)
        reports.append(report)
        if let results = options.results { try ResultsFile.append(report, to: results) }
        if options.json { try Output.write(Output.json(report)) }
    }

    private func fail(_ text: String) {
        failures.append(text)
        say(text)
    }

    private func say(_ text: String) {
        progress.end()
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    private func printTables(_ scenario: ComparisonScenario) throws {
        progress.end()
        let prefix = "compare-\(scenario.rawValue)"
        var names: [String] = []
        for report in reports where report.scenario.hasPrefix(prefix) && !names.contains(report.scenario) { names.append(report.scenario) }
        for name in names {
            let columns = kinds.map { kind in
                (kind.rawValue, reports.filter { $0.scenario == name && $0.context.server?.name == kind.rawValue })
            }
            Output.write(ComparisonTable(scenario: name, columns: columns.filter { !$0.1.isEmpty }).text + "\n")
        }
        for caveat in scenario.caveats { Output.write("  \(caveat)") }
        for report in reports where report.scenario.hasPrefix(prefix) {
            for note in report.notes + report.faults.map({ "\($0.key): \($0.value)" }) {
                Output.write("  \(report.context.server?.name ?? ""), run \(Int(report.figures["run"] ?? 0)): \(note)")
            }
        }
        Output.write("")
    }
}

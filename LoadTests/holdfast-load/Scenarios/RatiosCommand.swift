import ArgumentParser
import Foundation
import HoldfastIO

/// The gateway's costs as ratios to the floor and to the disk, measured side by side.
struct RatiosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ratios",
        abstract: "Runs gateway, floor and disk probe side by side and prints ratios with their goals.",
        discussion: """
            Starts everything itself and stops it. Takes about five minutes. Figures of other machines can't be compared; ratios can.

            Examples:
              holdfast-load ratios
              holdfast-load ratios --only heartbeat,throughput --runs 5 --json
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("The floor's sources. Default: LoadTests/floor above this program.", valueName: "dir")) var floor: String?
    @Option(
        help: "Runs of connect, tls-connect, heartbeat and throughput, alternating with what they are compared with; the median counts.")
    var runs = 3
    @Option(help: "Phones of idle; storm takes five sixths of them.") var clients = 18_000
    @Option(help: "Seconds of each measured part.") var duration = 5.0
    @Option(help: ArgumentHelp("Only these: idle, tls, connect, tls-connect, heartbeat, throughput, storm, restart.", valueName: "names"))
    var only: String?

    private static let names = ["idle", "tls", "connect", "tls-connect", "heartbeat", "throughput", "storm", "restart"]

    func run() async throws {
        let chosen = only.map { $0.split(separator: ",").map(String.init) } ?? Self.names
        if let wrong = chosen.first(where: { !Self.names.contains($0) }) {
            throw LoadError("--only doesn't know '\(wrong)': it takes \(Self.names.joined(separator: ", "))")
        }
        guard runs > 0 && clients > 6_000 else { throw LoadError("--runs must be at least 1, --clients above 6000") }
        let workshop = try programs.workshop()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory)
        defer { watcher.stop() }
        var ratios = Ratios(workshop: workshop, floorSources: floor, runs: runs, clients: clients, seconds: duration)
        for name in Self.names where chosen.contains(name) {
            switch name {
            case "idle": try await ratios.idle(tls: false)
            case "tls": try await ratios.idle(tls: true)
            case "connect": try await ratios.connect()
            case "tls-connect": try await ratios.tlsConnect()
            case "heartbeat": try await ratios.heartbeat()
            case "throughput": try await ratios.throughput()
            case "storm": try await ratios.storm()
            default: try await ratios.restart()
            }
        }
        try Output.write(output.json ? Output.json(ratios.result) : ratios.result.text)
        guard ratios.result.reports.allSatisfy(\.isClean) else { throw LoadError("not all runs are clean: see their reports with --json") }
    }
}

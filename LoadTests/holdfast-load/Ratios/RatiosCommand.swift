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

            Each measure's result is printed as soon as its runs are over, with --json as one object on a line; a goal that couldn't be \
            measured, also because of an interrupt, has a row with the reason. The exit status is 0 only if all runs were clean and all \
            goals were measured and reached; 1 otherwise, 130 after SIGINT, 143 after SIGTERM.

            Examples:
              holdfast-load ratios
              holdfast-load ratios --only heartbeat,throughput --runs 5 --json
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("The floor's sources. Default: LoadTests/floor above this program.", valueName: "dir")) var floor: String?
    @Option(
        help: "Runs of connect, tls-connect, heartbeat, throughput and service, in turn with their measure; the median counts.")
    var runs = 3
    @Option(help: "Phones of idle; storm takes five sixths of them.") var clients = 18_000
    @Option(help: "Seconds of each measured part.") var duration = 5.0
    @Option(help: ArgumentHelp("Only these: \(names).", valueName: "names")) var only: String?

    private static let names = RatioMeasure.allCases.map(\.rawValue).joined(separator: ", ")

    func validate() throws {
        guard runs > 0 && clients > 6_000 && duration > 0 else {
            throw ValidationError("--runs must be at least 1, --clients above 6000, --duration above 0")
        }
        _ = try chosen
    }

    func run() async throws {
        let chosen = try chosen
        let workshop = try programs.workshop()
        let json = output.json
        let log = RatioLog(chosen) { result in
            // A report is always encodable.
            Output.write(json ? (try? Output.json(result)) ?? "" : result.text + "\n")
        }
        let watcher = try ChildProcess.stopOnInterrupt(
            removing: workshop.directory,
            unless: {
                // Before what it measures is stopped, which would be another reason.
                log.endAll(because: "interrupted")
                return false
            })
        defer { watcher.stop() }
        let ratios = Ratios(workshop: workshop, floorSources: floor, runs: runs, clients: clients, seconds: duration, log: log)
        for measure in chosen {
            log.begin(measure)
            do {
                try await ratios.run(measure)
                log.end()
            } catch {
                log.end(because: error)
            }
        }
        let result = log.result
        if !json { Output.write(result.table) }
        guard result.reports.allSatisfy(\.isClean) else { throw LoadError("not all runs are clean: see their reports") }
        guard result.isReached else { throw LoadError("not all goals were measured and reached: see above") }
    }

    /// What is to be measured, in its order.
    private var chosen: [RatioMeasure] {
        get throws {
            guard let only else { return RatioMeasure.allCases }
            let words = only.split(separator: ",").map(String.init)
            if let wrong = words.first(where: { RatioMeasure(rawValue: $0) == nil }) {
                throw ValidationError("--only doesn't know '\(wrong)': it takes \(Self.names)")
            }
            return RatioMeasure.allCases.filter { words.contains($0.rawValue) }
        }
    }
}

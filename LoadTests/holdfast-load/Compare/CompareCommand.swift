import ArgumentParser
import Foundation
import HoldfastIO

/// `holdfast-load compare`
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "The same scenarios on Holdfast and on other servers, side by side.",
        discussion: """
            Starts each server itself on free ports of loopback, with its settings in LoadTests/peers, one at a time and in turn, and \
            drives all of them with one event loop. Prints medians, Holdfast's ratio to each peer, and what can't be compared. What isn't \
            installed is left out, and said. --results keeps each run as soon as it is over.

            Scenarios: idle (memory of a connection), connect (CPU of a first connect and of a reconnect), durable (messages to receivers \
            who are there), offline (to absent ones), storm (all come back to 10 messages each), kill (kill -9 under load).

            Examples:
              holdfast-load compare --servers holdfast,mosquitto --quick
              holdfast-load compare --only storm,durable --runs 5 --results compare.jsonl
              holdfast-load compare --servers holdfast,rabbitmq --only offline \\
                --clients 5000

            There is no --rate: each scenario offers as much as a server takes, since that is what is compared. A server that ends by itself \
            fails its run, with how it ended and what it said last; the others go on.
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("These servers, in turn. Known: \(names(PeerKind.self)). Default: all.", valueName: "names"))
    var servers: String?
    @Option(help: ArgumentHelp("Only these scenarios: \(names(ComparisonScenario.self)).", valueName: "names")) var only: String?
    @Option(help: ArgumentHelp("Only these ways to connect, in idle and connect: \(names(PeerTransport.self)).", valueName: "names"))
    var transports: String?
    @Option(
        help: ArgumentHelp(
            "Clients of each scenario, for every server the same. Default: as many as each server can stand in reasonable time.",
            valueName: "n"))
    var clients: Int?
    @Option(help: "Runs of each server and scenario; the medians count. Default: 5, with --quick 1.") var runs: Int?
    @Option(help: "Seconds of each measured part. Default: 5, with --quick 2.") var duration: Double?
    @Flag(help: "Small sizes and short parts: to see that it works.") var quick = false
    @Option(help: ArgumentHelp("The version of MQTT that mosquitto is spoken to with.", valueName: "version")) var mqtt = MQTTVersion.v311
    @Option(help: ArgumentHelp("MQTT's quality of service for mosquitto: 0 or 1.", valueName: "level")) var qos: UInt8 = 1
    @Option(help: ArgumentHelp("The servers' settings. Default: LoadTests/peers above this program.", valueName: "dir")) var peers: String?
    @Option(help: ArgumentHelp("A file that gets a line of JSON for each run, as soon as it is over.", valueName: "file"))
    var results: String?

    func validate() throws {
        guard runs ?? 1 > 0 else { throw ValidationError("--runs must be at least 1") }
        guard 20...1_000_000 ~= clients ?? 20 else { throw ValidationError("--clients must be 20 to 1000000") }
        guard 1...600 ~= duration ?? 1 else { throw ValidationError("--duration must be 1 to 600") }
        guard qos < 2 else { throw ValidationError("--qos must be 0 or 1") }
        let scenarios = try Self.chosen(ComparisonScenario.self, only, "--only")
        guard qos > 0 || scenarios.allSatisfy({ $0 == .idle || $0 == .connect }) else {
            throw ValidationError("--qos 0 acknowledges and queues nothing: it goes with --only idle,connect")
        }
        _ = try Self.chosen(PeerKind.self, servers, "--servers")
        _ = try Self.chosen(PeerTransport.self, transports, "--transports")
    }

    func run() async throws {
        let kinds = try Self.chosen(PeerKind.self, servers, "--servers")
        try PeerConfiguration.use(peers, isNeeded: kinds.contains { $0 != .holdfast })
        let workshop = try programs.workshop()
        let results = results
        let watcher = try ChildProcess.stopOnInterrupt(
            removing: workshop.directory,
            cleanUp: {
                guard let results else { return }
                FileHandle.standardError.write(Data("\nstopped; the runs that were over are in \(results)\n".utf8))
            })
        defer { watcher.stop() }
        let comparison = Comparison(
            workshop,
            .init(
                kinds: kinds,
                scenarios: try Self.chosen(ComparisonScenario.self, only, "--only"),
                transports: try Self.chosen(PeerTransport.self, transports, "--transports"), runs: runs ?? (quick ? 1 : 5),
                seconds: duration ?? (quick ? 2 : 5), isQuick: quick, clients: clients, peer: PeerOptions(mqtt: mqtt, qos: qos),
                results: results,
                json: output.json))
        try await comparison.run()
        // A peer that loses messages is a result; Holdfast mustn't.
        let unclean = comparison.reports.filter { $0.context.server?.name == "holdfast" && !($0.isClean && $0.refused == 0) }
        guard unclean.isEmpty else {
            throw LoadError(
                "holdfast: \(unclean.count) runs aren't clean: \(Set(unclean.map(\.scenario)).sorted().joined(separator: ", "))")
        }
        guard comparison.failures.isEmpty else { throw LoadError("not everything was compared: see above") }
    }

    private static func names<Name: CaseIterable & RawRepresentable<String>>(_ type: Name.Type) -> String {
        type.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private static func chosen<Name: CaseIterable & RawRepresentable<String>>(
        _ type: Name.Type, _ text: String?, _ option: String
    ) throws -> [Name] {
        guard let text else { return Array(type.allCases) }
        return try text.split(separator: ",").map { word in
            guard let name = Name(rawValue: String(word)) else {
                throw ValidationError("\(option) doesn't know '\(word)': it takes \(names(type))")
            }
            return name
        }
    }
}

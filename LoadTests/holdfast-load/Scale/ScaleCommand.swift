import ArgumentParser
import Foundation
import HoldfastIO

/// `holdfast-load scale`
struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "What a connect and a message cost with more connections, and with more sessions on the disk.",
        discussion: """
            Two series on gateways of its own: connections at each number of --connections, and a fixed number of phones among each number of \
            --sessions on the disk. Prints one report for each step, and how far the costs of a series are apart: largest to smallest of \
            the medians of all runs. Beside messages over connections stands how far those of a bare server are apart, at the same rates.

            Examples:
              holdfast-load scale --connections 1000,5000,18000 \\
                --sessions 10000,1000000,10000000
              holdfast-load scale --sessions "" --runs 5
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("Numbers of connections; empty for none.", valueName: "n,n")) var connections = "1000,2000,5000,10000,18000"
    @Option(
        help: ArgumentHelp(
            "Numbers of sessions on the disk; empty for none. Default: \(defaultSessions), those of them that have --clients.",
            valueName: "n,n"))
    var sessions: String?
    private static let defaultSessions = "10000,100000,1000000,10000000"
    @Option(help: "Runs of each series; at each step the median counts.") var runs = 1
    @Option(help: ArgumentHelp("The floor's sources. Default: LoadTests/floor above this program.", valueName: "dir")) var floor: String?
    @Option(help: "Phones of the second series. Default: 5000, at most the smallest of --sessions.") var clients: Int?
    @Option(help: "Messages to each of them.") var messages = 40
    @Option(help: "Seconds of messages at each step of the first series.") var duration = 5.0

    func run() async throws {
        let connections = try Self.numbers(connections, "--connections")
        let given = try sessions.map { try Self.numbers($0, "--sessions") }
        let clients = clients ?? min(5_000, given?.min() ?? 5_000)
        let sessions = try given ?? Self.numbers(Self.defaultSessions, "--sessions").filter { $0 >= clients }
        guard clients > 0, messages > 0, duration > 0, runs > 0, sessions.allSatisfy({ $0 >= clients }) else {
            throw LoadError(
                usage: "--clients, --messages, --duration and --runs must be above 0, each of --sessions at least --clients (\(clients))")
        }
        let workshop = try programs.workshop()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory)
        defer { watcher.stop() }
        let scenario = ScaleScenario(workshop: workshop, floorSources: floor)
        var ratios = RatioResult()
        var onConnections: [Report] = []
        var onDisk: [Report] = []
        for _ in 0..<runs {
            if !connections.isEmpty { onConnections += try await scenario.connections(connections, seconds: duration) }
            for users in sessions { onDisk.append(try await scenario.onDisk(users: users, clients: clients, messagesEach: messages)) }
        }
        add(onConnections, "connections", to: &ratios)
        add(onDisk, "sessions on disk", to: &ratios)
        try Output.write(output.json ? Output.json(ratios) : ratios.text)
        guard ratios.reports.allSatisfy(\.isClean) else { throw LoadError("not all runs are clean: see their reports with --json") }
    }

    private func add(_ steps: [Report], _ series: String, to ratios: inout RatioResult) {
        ratios.reports += steps
        let sizes = Dictionary(grouping: steps) { $0.figures["connections"] ?? $0.figures["sessionsOnDisk"] ?? 0 }
        func spread(_ cost: String) -> Double? {
            let medians = sizes.values.compactMap { Median.of($0.compactMap { $0.figures[cost] }) }
            guard let least = medians.min(), let most = medians.max(), medians.count > 1, least > 0 else { return nil }
            return most / least
        }
        func addGoal(_ name: String, _ cost: String) {
            guard let value = spread(cost) else { return }
            ratios.add(RatioGoal(name: "scale, \(series): CPU of a \(name), largest to smallest", atMost: 1.2), value)
        }
        addGoal("connect", ScaleScenario.Cost.connect)
        addGoal("message", ScaleScenario.Cost.message)
        ratios.add("scale, \(series): the same of a bare server's message", spread(ScaleScenario.Cost.floorMessage))
        addGoal("resume with \(messages) messages", ScaleScenario.Cost.resume)
    }

    private static func numbers(_ text: String, _ option: String) throws -> [Int] {
        try text.split(separator: ",").map { word in
            guard let number = Int(word), number > 0 else { throw LoadError("\(option): '\(word)' isn't a number above 0") }
            return number
        }
    }
}

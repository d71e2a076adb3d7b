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
            --sessions on the disk. Prints one report for each step, and how far the costs of a series are apart: largest to smallest.

            Example: holdfast-load scale --connections 1000,5000,18000 --sessions 10000,1000000,10000000
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("Numbers of connections; empty for none.", valueName: "n,n")) var connections = "1000,2000,5000,10000,18000"
    @Option(help: ArgumentHelp("Numbers of sessions on the disk; empty for none.", valueName: "n,n"))
    var sessions = "10000,100000,1000000,10000000"
    @Option(help: "Phones of the second series.") var clients = 5_000
    @Option(help: "Messages to each of them.") var messages = 40
    @Option(help: "Seconds of messages at each step of the first series.") var duration = 5.0

    func run() async throws {
        let connections = try Self.numbers(connections, "--connections")
        let sessions = try Self.numbers(sessions, "--sessions")
        guard clients > 0, messages > 0, duration > 0, sessions.allSatisfy({ $0 >= clients }) else {
            throw LoadError("--clients, --messages and --duration must be above 0, each of --sessions at least --clients (\(clients))")
        }
        let workshop = try programs.workshop()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory)
        defer { watcher.stop() }
        let scenario = ScaleScenario(workshop: workshop)
        var ratios = RatioResult()
        if !connections.isEmpty {
            let steps = try await scenario.connections(connections, seconds: duration)
            try add(steps, "connections", to: &ratios)
        }
        if !sessions.isEmpty {
            var steps: [(Report, ScaleScenario.Costs)] = []
            for users in sessions { steps.append(try await scenario.onDisk(users: users, clients: clients, messagesEach: messages)) }
            try add(steps, "sessions on disk", to: &ratios)
        }
        try Output.write(output.json ? Output.json(ratios) : ratios.text)
        guard ratios.reports.allSatisfy(\.isClean) else { throw LoadError("not all runs are clean: see their reports with --json") }
    }

    private func add(_ steps: [(Report, ScaleScenario.Costs)], _ series: String, to ratios: inout RatioResult) throws {
        ratios.reports += steps.map(\.0)
        func spread(_ name: String, _ values: [Double]) {
            guard let least = values.min(), let most = values.max(), values.count > 1, least > 0 else { return }
            ratios.add(RatioGoal(name: "scale, \(series): CPU of a \(name), largest to smallest", atMost: 1.2), most / least)
        }
        spread("connect", steps.map(\.1.microsecondsPerConnect))
        spread("message", steps.map(\.1.microsecondsPerMessage))
        spread("resume with \(messages) messages", steps.compactMap(\.1.microsecondsPerResume))
    }

    private static func numbers(_ text: String, _ option: String) throws -> [Int] {
        try text.split(separator: ",").map { word in
            guard let number = Int(word), number > 0 else { throw LoadError("\(option): '\(word)' isn't a number above 0") }
            return number
        }
    }
}

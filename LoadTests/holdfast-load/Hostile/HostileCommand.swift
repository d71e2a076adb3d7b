import ArgumentParser
import Foundation
import HoldfastIO

/// `holdfast-load hostile`
struct HostileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostile",
        abstract: "What one attacker costs the gateway, and what it does to honest clients beside it.",
        discussion: """
            Each case has a gateway of its own, with short deadlines: honest clients with steady traffic are measured without and with the \
            attacker, in turn. Attacker, honest clients and gateway share the machine; the attacker's thread has the lowest priority. A lost \
            connection or message of an honest client, an answer that is missing, or memory or descriptors that the attack may not hold end \
            the run with a non-zero exit code; latencies are only reported. The attacks on the control API last as long as its times, \
            which no configuration key shortens.

            Cases:
            \(HostileCase.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

            Examples:
              holdfast-load hostile --case all
              holdfast-load hostile --case forged-tickets,two-phones --clients 100 \\
                --duration 2 --runs 1 --json
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(name: .customLong("case"), help: ArgumentHelp("The cases, or all.", valueName: "names")) var names = "all"
    @Option(help: "Honest clients; an even number.") var clients = 1000
    @Option(help: "Seconds of each measured part.") var duration = 5.0
    @Option(help: "Quiet and hostile parts of each case; medians count.") var runs = 3
    @Option(help: "Messages of each honest client in a second.") var rate = 1.0
    @Option(help: ArgumentHelp("Append the result to this file, as one line of JSON.", valueName: "file")) var results: String?

    /// Of all cases.
    struct Outcome: Encodable {
        var scenario = "hostile"
        var commit: String
        var violations: Int
        var cases: [HostileResult]
    }

    func run() async throws {
        guard clients >= 2 && clients % 2 == 0 && clients <= 20_000 else {
            throw LoadError(usage: "--clients must be an even number, 2 to 20000")
        }
        guard 0.2...600 ~= duration && 1...100 ~= runs && 0.01...100 ~= rate else {
            throw LoadError(usage: "--duration must be 0.2 to 600, --runs 1 to 100, --rate 0.01 to 100")
        }
        let chosen = try HostileCase.named(names)
        let workshop = try programs.workshop()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory)
        defer { watcher.stop() }
        // Honest clients, the attacker, and their ends.
        try Limits.check(connections: clients + Self.attackConnectionsMax, sources: 16)
        let run = HostileRun(workshop: workshop, clients: clients, runs: runs, seconds: duration, messagesPerSecond: rate)
        var outcome = Outcome(commit: ResultsFile.commit, violations: 0, cases: [])
        for hostile in chosen {
            FileHandle.standardError.write(Data("\(hostile.name): \(hostile.summary)\n".utf8))
            let result = try await run.run(hostile)
            outcome.cases.append(result)
            outcome.violations += result.violations.count
            if !output.json { Output.write(result.text) }
        }
        if output.json { try Output.write(Output.json(outcome)) }
        if let results { try ResultsFile.append(outcome, to: results) }
        guard outcome.violations == 0 else {
            throw LoadError(
                "\(outcome.violations) violations: "
                    + outcome.cases.flatMap { result in result.violations.map { "\(result.name): \($0)" } }.joined(separator: "; "))
        }
    }

    private static let attackConnectionsMax = 6000
}

import ArgumentParser
import Foundation
import HoldfastIO

/// `holdfast-load network`
struct NetworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "Phones and a gateway with a bad network between them; every message is checked.",
        discussion: """
            Makes two network namespaces with a cable between them, for each case anew, and removes them at the end; this needs root. Phones \
            send and receive through the fault. What was acknowledged and never came, came twice or out of order, a phone that doesn't get \
            back, and connections that the gateway keeps for phones that are gone end the run with a non-zero exit code. Times are only \
            reported. The seed governs what the network does; when it does it depends on the machine as well.

            Cases:
            \(NetworkCase.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

            Examples:
              sudo holdfast-load network --case all
              sudo holdfast-load network --case blackhole-long,loss --seed 7 --json
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(name: .customLong("case"), help: ArgumentHelp("The cases, or all.", valueName: "names")) var names = "all"
    @Option(help: "What the network does by chance.") var seed: UInt64 = 1
    @Option(help: "Phones; an even number.") var clients = 20
    @Option(help: "Seconds of the cases that slow down; those that break something take as long as that.") var duration = 5.0
    @Flag(help: "Exit 0 where no network can be made, saying why, instead of with an error.") var skipIfImpossible = false
    @Option(help: ArgumentHelp("Append the result to this file, as one line of JSON.", valueName: "file")) var results: String?

    /// Of all cases.
    struct Outcome: Encodable {
        var scenario = "network"
        var commit: String
        var seed: UInt64
        var run = 0
        var skipped = 0
        var violations = 0
        var cases: [NetworkResult] = []
    }

    func run() async throws {
        guard 2...1000 ~= clients && clients % 2 == 0 else { throw LoadError(usage: "--clients must be an even number, 2 to 1000") }
        guard 0.2...600 ~= duration else { throw LoadError(usage: "--duration must be 0.2 to 600") }
        let chosen = try NetworkCase.named(names)
        var outcome = Outcome(commit: ResultsFile.commit, seed: seed)
        let workshop = try programs.workshop()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory, cleanUp: { NetworkNamespace.removeAll() })
        defer { watcher.stop() }
        NetworkNamespace.removeLeftovers()
        if let reason = NetworkLab.reasonAgainst() {
            guard skipIfImpossible else { throw LoadError(reason) }
            outcome.cases = chosen.map { NetworkResult(name: $0.name, skipped: reason) }
        } else {
            let run = NetworkRun(workshop: workshop, phones: clients, seed: seed, seconds: duration)
            for fault in chosen {
                FileHandle.standardError.write(Data("\(fault.name): \(fault.summary)\n".utf8))
                let result = try await run.run(fault)
                outcome.cases.append(result)
                if !output.json { Output.write(result.text) }
            }
        }
        try finish(&outcome)
    }

    private func finish(_ outcome: inout Outcome) throws {
        outcome.skipped = outcome.cases.count { $0.skipped != nil }
        outcome.run = outcome.cases.count - outcome.skipped
        outcome.violations = outcome.cases.reduce(0) { $0 + $1.violations.count }
        if output.json {
            try Output.write(Output.json(outcome))
        } else {
            Output.write("network: \(outcome.run) cases run, \(outcome.skipped) skipped, \(outcome.violations) violations")
            for result in outcome.cases where result.skipped != nil && outcome.run == 0 { Output.write(result.text) }
        }
        if let results { try ResultsFile.append(outcome, to: results) }
        guard outcome.violations == 0 else {
            throw LoadError(
                "\(outcome.violations) violations: "
                    + outcome.cases.flatMap { result in result.violations.map { "\(result.name): \($0)" } }.joined(separator: "; "))
        }
    }
}

import ArgumentParser
import Foundation
import HoldfastSimulator

/// The simulator: whole lives of a gateway and its phones, from seeds.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Runs the gateway's core and the client machine over a simulated network, clock and disk, and checks every message.",
        discussion: """
            Each seed is another world: who is there, how the gateway is configured, what is sent, and what goes wrong. In one thread and \
            without a clock, so that the same seed, steps and clients are the same run to the last byte, on any machine.

            A run that breaks a guarantee ends with exit code 1 and prints the command that repeats it; one seed alone prints the last \
            events too. Over 200 seeds and more, a fault or a transition that never occurred is a failure as well.

            Examples:
              holdfast-load simulate --seeds 500
              holdfast-load simulate --seed 17
              holdfast-load simulate --seed 17 --minimise
              holdfast-load simulate --long --seeds 100
              holdfast-load simulate --digests --seeds 20
              holdfast-load simulate --seeds 10000 --from-seed 501 \\
                --results LoadTests/proofs/simulation.jsonl
            """)

    @Option(help: "Runs this seed alone and shows its last events if it fails.") var seed: UInt64?
    @Option(help: "Runs so many seeds.") var seeds: UInt64 = 100
    @Option(help: ArgumentHelp("The first of them: a long run continues where it stopped.", valueName: "seed")) var fromSeed: UInt64 = 1
    @Flag(help: "Lives of months, in which sessions expire and are forgotten and old states come back: 5000 operations, 20 phones.")
    var long = false
    @Option(name: .customLong("steps"), help: "Operations of a run: what users do and what goes wrong. (default: 240)") var stepsGiven: Int?
    @Option(name: .customLong("clients"), help: "Phones. (default: 8)") var clientsGiven: Int?
    @Option(help: "Threads, each with its own seeds.") var threads = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: ArgumentHelp("With --seed: only these operations of the plan, by number.", valueName: "numbers")) var only: String?
    @Option(help: ArgumentHelp("With --seed: shows so many of the last events.", valueName: "lines")) var trace = 80
    @Flag(help: "Prints a digest of each seed's events: the same in every process and on every machine.") var digests = false
    @Option(
        help: ArgumentHelp("The key of the core's own hashes: with another one it reads other rows at other times.", valueName: "number"))
    var hashKey: UInt64 = 0
    @Flag(help: "With --seed: takes out every operation that the failure doesn't need.") var minimise = false
    @Option(help: ArgumentHelp("Appends a line about the run to this file.", valueName: "file")) var results: String?
    @OptionGroup var output: OutputOptions

    private var campaign: Campaign { long ? .long : .standard }
    var steps: Int { stepsGiven ?? campaign.steps }
    var clients: Int { clientsGiven ?? campaign.clients }

    func validate() throws {
        guard (1...1_000).contains(clients) else { throw ValidationError("--clients takes 1 to 1000.") }
        guard (1...100_000).contains(steps) else { throw ValidationError("--steps takes 1 to 100000.") }
        guard seeds > 0, threads > 0 else { throw ValidationError("--seeds and --threads must be at least 1.") }
        if (only != nil || minimise) && seed == nil { throw ValidationError("--only and --minimise have an effect with --seed only.") }
    }

    func run() async throws {
        if let seed { try runOne(seed) } else if digests { printDigests() } else { try runMany() }
    }

    private func printDigests() {
        for seed in fromSeed..<fromSeed + seeds {
            let result = Simulation(Plan(seed: seed, steps: steps, clients: clients), isTracing: true, hashKey: hashKey).run()
            Output.write("\(seed) \(Self.text(result.digest))\(result.problems.first.map { " \($0)" } ?? "")")
        }
    }

    // MARK: - One seed

    private func runOne(_ seed: UInt64) throws {
        var plan = Plan(seed: seed, steps: steps, clients: clients)
        if let only {
            let numbers = only.split(separator: ",").map { Int($0) }
            guard numbers.allSatisfy({ $0 != nil }) else {
                throw LoadError(usage: "--only takes numbers with commas between them, not '\(only)'")
            }
            plan = plan.only(numbers.compactMap(\.self))
        }
        let result = Simulation(plan, isTracing: true, hashKey: hashKey).run()
        guard let problem = result.problems.first else {
            return Output.write(
                "seed \(seed): \(result.acknowledged) acknowledged, \(result.delivered) shown, nothing wrong; digest \(Self.text(result.digest))"
            )
        }
        if minimise {
            try showMinimised(plan, seed)
        } else {
            Output.write(result.trace.suffix(trace).joined(separator: "\n"))
            throw LoadError("seed \(seed): \(problem)\nrepeat it: \(command(seed, only))")
        }
    }

    private static func text(_ digest: UInt64) -> String {
        let text = String(digest, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    private func showMinimised(_ plan: Plan, _ seed: UInt64) throws {
        var minimiser = Minimiser(plan)
        let progress = ProgressLine()
        let numbers = minimiser.minimise { left, runs in progress.show("\(left) operations left after \(runs) runs") }
        progress.end()
        let least = plan.only(numbers)
        let result = Simulation(least, isTracing: true).run()
        for (number, operation) in zip(numbers, least.operations) {
            Output.write("operation \(number): \(operation.kind) at \(operation.time / 1000) s")
        }
        Output.write(result.trace.suffix(trace).joined(separator: "\n"))
        let text = numbers.map(String.init).joined(separator: ",")
        throw LoadError("seed \(seed): \(result.problems.first ?? "")\nrepeat it: \(command(seed, text))")
    }

    private func command(_ seed: UInt64, _ only: String?) -> String {
        "holdfast-load simulate --seed \(seed) --steps \(steps) --clients \(clients)" + (only.map { " --only \($0)" } ?? "")
    }

    // MARK: - Many seeds

    private func runMany() throws {
        let campaign = SimulationThreads(
            campaign: Campaign(steps: steps, clients: clients, hashKey: hashKey), seeds: fromSeed..<fromSeed + seeds, threads: threads)
        let start = ContinuousClock.now
        let totals = campaign.run()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let report = SimulationReport(totals, campaign: self, seconds: seconds)
        if let results { try ResultsFile.append(report, to: results) }
        try Output.write(output.json ? Output.json(report) : report.text)
        for failure in totals.failures.prefix(10) {
            Output.write("seed \(failure.seed): \(failure.problem)\n  repeat it: \(command(failure.seed, nil))")
        }
        guard totals.failures.isEmpty else { throw LoadError("\(totals.failures.count) of \(totals.seeds) seeds broke a guarantee") }
        if totals.seeds >= Self.coverageSeedsMin, !totals.neverOccurred.isEmpty {
            throw LoadError("never occurred, so that the run proves less than it says: \(totals.neverOccurred.joined(separator: ", "))")
        }
    }

    /// With fewer, something rare may well not occur.
    private static let coverageSeedsMin = 200
}

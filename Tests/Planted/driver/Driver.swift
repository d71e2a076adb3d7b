import HoldfastSimulator
import HoldfastWire

#if canImport(Glibc)
    import Glibc
#endif

/// Runs seeds with a planted bug until one finds it.
@main
struct Driver {
    static func main() {
        var arguments = CommandLine.arguments.dropFirst()
        let pins = arguments.first == "--pin"
        if pins { arguments = arguments.dropFirst() }
        guard let seeds = arguments.first.flatMap(UInt64.init), seeds > 0 else { fail("the first argument is the number of seeds") }
        let bugs = arguments.dropFirst().map { name in
            guard let bug = PlantedBug(rawValue: name) else {
                fail("there is no bug '\(name)': it is one of \(PlantedBug.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return bug
        }
        var isRight = true
        if let (seed, problem) = firstFailure(nil, min(seeds, 200)) {
            say("no bug: seed \(seed) found '\(problem)'")
            isRight = false
        } else {
            say("no bug: \(min(seeds, 200)) seeds found nothing")
        }
        for bug in bugs.isEmpty ? PlantedBug.allCases : Array(bugs) {
            PlantedBug.active = bug
            if pins {
                if let history = History.all.first(where: { $0.bug == bug.rawValue }) {
                    let seed = (1...seeds).first { !history.run(seed: $0).problems.isEmpty }
                    say("        // \(bug): its history with seed \(seed.map(String.init) ?? "NONE")")
                    continue
                }
                guard let (seed, _) = firstFailure(bug, seeds) else { continue }
                say("        PinnedSeed(bug: \"\(bug)\", seed: \(seed)),")
            } else if let (finder, problem) = firstFinding(bug, seeds) {
                say("\(bug): found by \(finder): \(problem)")
            } else {
                say("\(bug): NOT FOUND in \(seeds) seeds")
                isRight = false
            }
        }
        exit(isRight ? 0 : 1)
    }

    /// A bug that a history is about is found by that one, one that has a pinned seed by that; the others by any of the seeds.
    private static func firstFinding(_ bug: PlantedBug, _ seeds: UInt64) -> (finder: String, problem: String)? {
        PlantedBug.active = bug
        let histories = History.all.filter { $0.bug == bug.rawValue }
        if let pin = PinnedSeed.all.first(where: { $0.bug == bug.rawValue }) {
            return failure(bug, pin.seed).map { ("its seed, \(pin.seed)", $0) }
        }
        guard !histories.isEmpty else { return firstFailure(bug, seeds).map { ("seed \($0.0)", $0.1) } }
        return histories.lazy.compactMap { history in history.run().problems.first.map { ("its history", $0) } }.first
    }

    private static func firstFailure(_ bug: PlantedBug?, _ seeds: UInt64) -> (UInt64, String)? {
        for seed in 1...seeds {
            if let problem = failure(bug, seed) { return (seed, problem) }
        }
        return nil
    }

    private static func failure(_ bug: PlantedBug?, _ seed: UInt64) -> String? {
        PlantedBug.active = bug
        var totals = Campaign.Totals()
        Campaign.standard.run(seed: seed, into: &totals)
        return totals.failures.first?.problem
    }

    /// At once: the next bug may take minutes.
    private static func say(_ text: String) {
        print(text)
        fflush(nil)
    }

    private static func fail(_ text: String) -> Never {
        say("planted: \(text)")
        exit(2)
    }
}

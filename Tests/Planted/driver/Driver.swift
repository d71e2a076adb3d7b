import HoldfastSimulator
import HoldfastWire

#if canImport(Glibc)
    import Glibc
#endif

/// Runs seeds with a planted bug until one finds it.
@main
struct Driver {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard let seeds = arguments.first.flatMap(UInt64.init), seeds > 0 else { fail("the first argument is the number of seeds") }
        let bugs = arguments.dropFirst().map { name in
            guard let bug = PlantedBug(rawValue: name) else {
                fail("there is no bug '\(name)': it is one of \(PlantedBug.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return bug
        }
        var isRight = true
        if let (seed, problem) = firstFailure(nil, min(seeds, 200)) {
            print("no bug: seed \(seed) found '\(problem)'")
            isRight = false
        } else {
            print("no bug: \(min(seeds, 200)) seeds found nothing")
        }
        for bug in bugs.isEmpty ? PlantedBug.allCases : Array(bugs) {
            if let (finder, problem) = firstFinding(bug, seeds) {
                print("\(bug): found by \(finder): \(problem)")
            } else {
                print("\(bug): NOT FOUND in \(seeds) seeds")
                isRight = false
            }
        }
        exit(isRight ? 0 : 1)
    }

    /// A bug that a history is about is found by that one; the others by seeds.
    private static func firstFinding(_ bug: PlantedBug, _ seeds: UInt64) -> (finder: String, problem: String)? {
        PlantedBug.active = bug
        let histories = History.all.filter { $0.bug == bug.rawValue }
        guard !histories.isEmpty else { return firstFailure(bug, seeds).map { ("seed \($0.0)", $0.1) } }
        return histories.lazy.compactMap { history in history.run().problems.first.map { ("its history", $0) } }.first
    }

    private static func firstFailure(_ bug: PlantedBug?, _ seeds: UInt64) -> (UInt64, String)? {
        PlantedBug.active = bug
        for seed in 1...seeds {
            var totals = Campaign.Totals()
            Campaign.standard.run(seed: seed, into: &totals)
            if let failure = totals.failures.first { return (seed, failure.problem) }
        }
        return nil
    }

    private static func fail(_ text: String) -> Never {
        print("planted: \(text)")
        exit(2)
    }
}

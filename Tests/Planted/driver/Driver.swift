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
            if let (seed, problem) = firstFailure(bug, seeds) {
                print("\(bug): found by seed \(seed): \(problem)")
            } else {
                print("\(bug): NOT FOUND in \(seeds) seeds")
                isRight = false
            }
        }
        exit(isRight ? 0 : 1)
    }

    private static func firstFailure(_ bug: PlantedBug?, _ seeds: UInt64) -> (UInt64, String)? {
        PlantedBug.active = bug
        // What short lives don't find, one long life in five is given a chance to.
        for (campaign, count) in [(Campaign.standard, seeds), (.long, bug == nil ? 0 : seeds / 5)] where count > 0 {
            for seed in 1...count {
                var totals = Campaign.Totals()
                campaign.run(seed: seed, into: &totals)
                if let failure = totals.failures.first { return (seed, "\(failure.problem) (\(campaign.steps) steps)") }
            }
        }
        return nil
    }

    private static func fail(_ text: String) -> Never {
        print("planted: \(text)")
        exit(2)
    }
}

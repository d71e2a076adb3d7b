/// Takes operations out of a failing run as long as it goes on failing: delta debugging (Zeller, Hildebrandt: Simplifying and Isolating
/// Failure-Inducing Input, 2002).
package struct Minimiser {
    let plan: Plan
    /// What the failure says without its numbers and names: a shorter run has to fail in the same way.
    private let signature: String
    /// Runs that may be spent.
    package var runsMax = 600
    package private(set) var runs = 0

    package init(_ plan: Plan) {
        self.plan = plan
        signature = Self.signature(Simulation(plan).run())
    }

    private static func signature(_ result: SimulationResult) -> String {
        guard let problem = result.problems.first else { return "" }
        return problem.split(separator: " ").filter { word in !word.contains { $0.isNumber } }.joined(separator: " ")
    }

    /// The numbers of the operations that are left.
    /// - Parameter progress: told how many are left, and how many runs it took.
    package mutating func minimise(progress: (Int, Int) -> Void = { _, _ in }) -> [Int] {
        var numbers = Array(plan.operations.indices)
        var parts = 2
        while numbers.count > 1, runs < runsMax {
            let size = max(1, numbers.count / parts)
            var isShorter = false
            for start in stride(from: 0, to: numbers.count, by: size) where runs < runsMax {
                var rest = numbers
                rest.removeSubrange(start..<min(start + size, numbers.count))
                guard fails(rest) else { continue }
                numbers = rest
                isShorter = true
                progress(numbers.count, runs)
                break
            }
            if isShorter {
                parts = max(2, parts - 1)
            } else if size == 1 {
                return numbers
            } else {
                parts = min(numbers.count, parts * 2)
            }
        }
        return numbers
    }

    private mutating func fails(_ numbers: [Int]) -> Bool {
        runs += 1
        return Self.signature(Simulation(plan.only(numbers)).run()) == signature
    }
}

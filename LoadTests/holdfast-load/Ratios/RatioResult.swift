import Foundation

/// Ratios with their goals, and the runs that they come from.
struct RatioResult: Codable, Sendable {
    /// One figure.
    struct Ratio: Codable, Sendable {
        var name: String
        /// Missing when it couldn't be measured.
        var value: Double?
        var atMost: Double?
        var atLeast: Double?
        /// Missing when there is no goal, or no value.
        var isReached: Bool?
        /// Why there is no value.
        var notMeasured: String?
    }

    private(set) var ratios: [Ratio] = []
    var reports: [Report] = []

    /// Adds a figure without a goal, if it is there.
    mutating func add(_ name: String, _ value: Double?) {
        guard let value, value.isFinite else { return }
        ratios.append(Ratio(name: name, value: value))
    }

    /// Adds a figure that has a goal, also if it couldn't be measured.
    /// - Parameter reason: why there is no value; nil: what went wrong in the runs.
    mutating func add(_ goal: RatioGoal, _ value: Double?, because reason: String? = nil) {
        var ratio = Ratio(name: goal.name, atMost: goal.atMost, atLeast: goal.atLeast)
        if let value, value.isFinite {
            ratio.value = value
            ratio.isReached = goal.atMost.map { value <= $0 } ?? goal.atLeast.map { value >= $0 }
        } else {
            ratio.notMeasured = reason ?? reports.flatMap { $0.faults.keys.sorted() }.first ?? "no run gave this figure"
        }
        ratios.append(ratio)
    }

    /// Takes over all of another one.
    mutating func add(_ other: RatioResult) {
        ratios += other.ratios
        reports += other.reports
    }

    /// Whether all goals were measured and reached.
    var isReached: Bool { ratios.allSatisfy { $0.notMeasured == nil && $0.isReached != false } }

    /// The runs and the table, for people.
    var text: String { (reports.map { $0.text + "\n" } + [table]).joined(separator: "\n") }

    /// A row for each figure, for people.
    var table: String {
        let width = ratios.map(\.name.count).max() ?? 0
        return ratios.map { ratio in
            let goal = ratio.atMost.map { "at most \(Report.number($0))" } ?? ratio.atLeast.map { "at least \(Report.number($0))" } ?? ""
            let verdict = ratio.notMeasured.map { "not measured: \($0)" } ?? ratio.isReached.map { $0 ? "reached" : "MISSED" } ?? ""
            let cells = [(ratio.name, width), (ratio.value.map(Report.number) ?? "-", 10), (goal, 15), (verdict, 0)]
            return cells.map { $0.0.padding(toLength: max($0.1, $0.0.count), withPad: " ", startingAt: 0) }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

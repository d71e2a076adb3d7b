import Foundation

/// What one run of `crash` or `powercut` found: printed, and kept as a line of `--results`.
struct CrashReport: Encodable {
    var scenario: String
    /// Of the sources; "unknown" where git doesn't know.
    var commit = ResultsFile.commit
    var seed: UInt64
    var from: Int
    /// The last cycle that was done.
    var to: Int
    var seconds = 0.0
    /// Messages that were sent, in testbeds that ended well: they have arrived once and in order.
    var messages = 0
    /// How often what was killed or cut.
    var counts: [String: Int] = [:]
    var violations: [String] = []

    /// For people.
    var text: String {
        let counts = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return """
            \(scenario): cycles \(from) to \(to), seed \(seed), commit \(commit), \(Report.number(seconds)) s
              counts      \(counts)
              messages    \(messages) arrived once and in order
              violations  \(violations.isEmpty ? "none" : String(violations.count))
            """
    }
}

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
    /// How often what was killed or cut, and what the backend's requests went through.
    var counts: [String: Int] = [:]
    var violations: [String] = []

    /// What a run must have seen of the backend to show anything about it; nil: all of that. A kill meets a request between its sync and its answer now and
    /// then only, so that runs of a few cycles may not have seen it.
    var missing: String? {
        let cycles = to - from + 1
        let soon = ["pushes repeated after one", "pushes replayed", "lines answered"]
        let late = ["pushes repeated without an answer", "pushes stored without an answer", "lines stored without an answer"]
        return ((cycles >= 5 ? soon : []) + (cycles >= 100 ? late : [])).first { counts[$0, default: 0] == 0 }
            .map { "the run shows nothing about '\($0)': there were none" }
    }

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

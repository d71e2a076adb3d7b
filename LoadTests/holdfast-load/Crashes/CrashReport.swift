import Foundation

/// What one run of `crash` or `powercut` found: printed, and kept as a line of `--results`.
struct CrashReport: Encodable {
    var scenario: String
    /// Of the sources; "unknown" where git doesn't know.
    var commit = Self.sourceCommit()
    var seed: UInt64
    var from: Int
    /// The last cycle that was done.
    var to: Int
    var seconds = 0.0
    /// Messages that were sent, in worlds that ended well: they have arrived once and in order.
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

    /// Adds it to a file, as one JSON object on a line.
    func append(to path: String) throws {
        if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
        guard let file = FileHandle(forWritingAtPath: path) else { throw LoadError("--results: \(path) can't be written") }
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data((Output.json(self) + "\n").utf8))
    }

    private static func sourceCommit() -> String {
        guard let git = try? ChildProcess("/usr/bin/git", ["-C", Workshop.ownDirectory, "rev-parse", "HEAD"]),
            let line = try? git.readLine(), line.count >= 40
        else { return "unknown" }
        return line
    }
}

/// Shows on standard error how far a long run is: in place on a terminal, else a line now and then.
struct CycleProgress {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var shownAt: ContinuousClock.Instant?

    mutating func show(_ text: String) {
        if let shownAt, ContinuousClock.now - shownAt < .seconds(isTerminal ? 0.2 : 10) { return }
        shownAt = .now
        FileHandle.standardError.write(Data((isTerminal ? "\r\u{1B}[K" + text : text + "\n").utf8))
    }

    func end() {
        if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
}

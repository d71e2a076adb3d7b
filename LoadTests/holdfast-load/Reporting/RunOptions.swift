/// The options of the command that made a run: what was asked for. Pure.
struct RunOptions: Hashable, Sendable {
    /// By name without dashes; an empty text for one without a value.
    let values: [String: String]

    /// Options that say where things are, how results are kept, and how often: not what was measured.
    private static let ignored: Set<String> = [
        "data", "directory", "floor", "gateway", "json", "only", "output", "peers", "pid", "profile", "recorder", "results", "runs", "seed",
        "server", "servers", "token-file", "transports", "trust",
    ]

    /// Those of a command line.
    init(command: String) {
        var values: [String: String] = [:]
        var last: String?
        for word in command.split(whereSeparator: \.isWhitespace).dropFirst() {
            guard word.hasPrefix("--"), word.count > 2 else {
                if let last { values[last] = [values[last] ?? "", String(word)].filter { !$0.isEmpty }.joined(separator: " ") }
                continue
            }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            values[name] = parts.count > 1 ? String(parts[1]) : ""
            last = name
        }
        self.values = values.filter { !Self.ignored.contains($0.key) }
    }
}

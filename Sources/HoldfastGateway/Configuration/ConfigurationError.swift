/// A configuration that can't be used: which key of which file, what is wrong, and what to do.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible, Sendable {
    /// The file, or where else the value came from ("command line").
    package var source: String
    /// The key, or empty when the file as a whole is meant.
    package var key: String
    /// The value as it was written, when there is one.
    package var value: String?
    /// What is wrong with it, with the limit that it breaks.
    package var problem: String
    /// What to do.
    package var advice: String
    /// The file as a whole can't be read.
    package var isFileUnusable = false
    /// What else is wrong, so that nobody has to start again for each.
    package var others: [ConfigurationError] = []

    package init(source: String, key: String, value: String?, problem: String, advice: String) {
        self.source = source
        self.key = key
        self.value = value
        self.problem = problem
        self.advice = advice
    }

    /// All problems as one error; nil when there is none.
    init?(_ problems: [ConfigurationError]) {
        guard let first = problems.first else { return nil }
        self = first
        others = Array(problems.dropFirst())
    }

    package var description: String { ([text] + others.map(\.text)).joined(separator: "\n") }

    private var text: String {
        let subject = key.isEmpty ? "" : "\(key): "
        let written = value.map { "\"\($0)\" " } ?? ""
        return "\(source): \(subject)\(written)\(problem). \(advice)."
    }
}

package import HoldfastCore
package import HoldfastIO

/// One key of the configuration file: where its value goes, which values it may have, and what it is for.
///
/// The table `all` is what the parser, the checks and README's table are made from; a key that isn't in it doesn't exist.
package struct ConfigurationKey: Sendable {
    /// What values a key takes, and where they go.
    package enum Form: Sendable {
        case integer(any WritableKeyPath<Configuration, Int> & Sendable, ClosedRange<Int>)
        /// A whole number, or the word `auto`.
        case automatic(any WritableKeyPath<Configuration, Int?> & Sendable, ClosedRange<Int>)
        case flag(any WritableKeyPath<Configuration, Bool> & Sendable)
        case text(any WritableKeyPath<Configuration, String> & Sendable)
        /// Several texts; a file may write a single one without brackets.
        case list(any WritableKeyPath<Configuration, [String]> & Sendable)
        case tlsVersion(any WritableKeyPath<Configuration, TLSVersion> & Sendable)
        case inboxPolicy(any WritableKeyPath<Configuration, InboxPolicy> & Sendable)
        case logUsers(any WritableKeyPath<Configuration, Configuration.LogUsers> & Sendable)
    }

    package var name: String
    package var form: Form
    package var summary: String

    init(_ name: String, _ form: Form, _ summary: String) {
        self.name = name
        self.form = form
        self.summary = summary
    }

    /// The values that the key takes, in words.
    package var allowedText: String {
        switch form {
        case .integer(_, let range): "\(range.lowerBound)...\(range.upperBound)"
        case .automatic(_, let range): "\(Self.automaticWord), \(range.lowerBound)...\(range.upperBound)"
        case .flag: "true, false"
        case .text: "text"
        case .list: "list of texts"
        case .tlsVersion: TLSVersion.allCases.map(\.rawValue).joined(separator: ", ")
        case .inboxPolicy: [InboxPolicy.refuseSender, .evictWithGap].map(\.rawValue).joined(separator: ", ")
        case .logUsers: Configuration.LogUsers.allCases.map(\.rawValue).joined(separator: ", ")
        }
    }

    /// The value of the key in `configuration`, as a file would write it.
    package func text(in configuration: Configuration) -> String {
        switch form {
        case .integer(let path, _): String(configuration[keyPath: path])
        case .automatic(let path, _): configuration[keyPath: path].map { String($0) } ?? Self.automaticWord
        case .flag(let path): String(configuration[keyPath: path])
        case .text(let path): "\"\(configuration[keyPath: path])\""
        case .list(let path): "[" + configuration[keyPath: path].map { "\"\($0)\"" }.joined(separator: ", ") + "]"
        case .tlsVersion(let path): "\"\(configuration[keyPath: path].rawValue)\""
        case .inboxPolicy(let path): configuration[keyPath: path].rawValue
        case .logUsers(let path): configuration[keyPath: path].rawValue
        }
    }

    /// Puts the written values into `configuration`; the error is the problem, in words.
    func apply(_ values: [String], to configuration: inout Configuration) -> String? {
        if case .list(let path) = form {
            configuration[keyPath: path] = values
            return nil
        }
        guard values.count == 1, let value = values.first else { return "takes one value" }
        switch form {
        case .integer(let path, let range):
            let (number, problem) = wholeNumber(value, range)
            if let problem { return problem }
            configuration[keyPath: path] = number
        case .automatic(let path, let range):
            if value == Self.automaticWord {
                configuration[keyPath: path] = nil
                return nil
            }
            let (number, problem) = wholeNumber(value, range)
            if let problem { return problem }
            configuration[keyPath: path] = number
        case .flag(let path):
            guard let flag = Bool(value) else { return "is not true or false" }
            configuration[keyPath: path] = flag
        case .text(let path):
            configuration[keyPath: path] = value
        case .tlsVersion(let path):
            guard let version = TLSVersion(rawValue: value) else { return "is none of \(allowedText)" }
            configuration[keyPath: path] = version
        case .inboxPolicy(let path):
            guard let policy = InboxPolicy(rawValue: value) else { return "is none of \(allowedText)" }
            configuration[keyPath: path] = policy
        case .logUsers(let path):
            guard let users = Configuration.LogUsers(rawValue: value) else { return "is none of \(allowedText)" }
            configuration[keyPath: path] = users
        case .list:
            preconditionFailure("lists are applied above")
        }
        return nil
    }

    /// What a key says whose value follows from the memory.
    private static let automaticWord = "auto"

    private func wholeNumber(_ text: String, _ range: ClosedRange<Int>) -> (number: Int, problem: String?) {
        guard let number = Int(text.filter { $0 != "_" }) else { return (0, "is not a whole number") }
        return (number, range.contains(number) ? nil : "is not in \(allowedText)")
    }
}

internal import Foundation
internal import Yams

extension Configuration {
    /// Reads the configuration file at `path`: keys that it doesn't name keep their defaults.
    package init(file path: String) throws(ConfigurationError) {
        guard let data = FileManager.default.contents(atPath: path) else {
            var error = ConfigurationError(
                source: path, key: "", value: nil, problem: "the file can't be read", advice: "Check that it exists and may be read")
            error.isFileUnusable = true
            throw error
        }
        guard data.count <= Self.fileBytesMax else {
            throw ConfigurationError(
                source: path, key: "", value: nil, problem: "the file has more than \(Self.fileBytesMax) bytes",
                advice: "Check that it is a configuration file")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw ConfigurationError(source: path, key: "", value: nil, problem: "the file is not UTF-8", advice: "Save it as UTF-8")
        }
        try self.init(yaml: text, source: path)
    }

    /// Reads configuration text; `source` is what errors call it.
    package init(yaml: String, source: String) throws(ConfigurationError) {
        self.init()
        var problems: [ConfigurationError] = []
        for (key, values) in try Self.entries(of: yaml, source: source) {
            guard let known = ConfigurationKey.all.first(where: { $0.name == key }) else {
                problems.append(
                    ConfigurationError(source: source, key: key, value: nil, problem: "there is no such key", advice: Self.advice(for: key))
                )
                continue
            }
            if let problem = known.apply(values, to: &self) {
                problems.append(
                    ConfigurationError(
                        source: source, key: key, value: values.joined(separator: ", "), problem: problem,
                        advice: "It takes: \(known.allowedText); the default is \(known.text(in: Configuration()))"))
            }
        }
        problems += self.problems(source: source)
        if let error = ConfigurationError(problems) { throw error }
    }

    /// A configuration is a page of text; more is a mistake, and would only cost memory.
    private static let fileBytesMax = 1 << 20

    /// The keys and their values as written, in order. Aliases are refused: a page of settings needs none.
    private static func entries(of yaml: String, source: String) throws(ConfigurationError) -> [(String, [String])] {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw ConfigurationError(source: source, key: "", value: nil, problem: "not valid YAML: \(error)", advice: "Correct that line")
        }
        guard let root else { return [] }
        if case .scalar(let scalar) = root, scalar.string.isEmpty { return [] }
        guard case .mapping(let mapping) = root else {
            throw ConfigurationError(
                source: source, key: "", value: nil, problem: "not a list of keys and values", advice: "Write one \"key: value\" a line")
        }
        var entries: [(String, [String])] = []
        for (keyNode, valueNode) in mapping {
            guard case .scalar(let key) = keyNode else {
                throw ConfigurationError(
                    source: source, key: "", value: nil, problem: "a key is not a word", advice: "Write \"key: value\"")
            }
            guard let values = texts(of: valueNode) else {
                throw ConfigurationError(
                    source: source, key: key.string, value: nil, problem: "takes a value or a list of values",
                    advice: "Write \"key: value\"")
            }
            entries.append((key.string, values))
        }
        return entries
    }

    private static func texts(of node: Node) -> [String]? {
        switch node {
        case .scalar(let scalar):
            return [scalar.string]
        case .sequence(let sequence):
            var texts: [String] = []
            for element in sequence {
                guard case .scalar(let scalar) = element else { return nil }
                texts.append(scalar.string)
            }
            return texts
        default:
            return nil
        }
    }

    /// Names the key that was probably meant: the one with the longest common beginning, letter case aside.
    private static func advice(for key: String) -> String {
        let wanted = key.lowercased()
        let best = ConfigurationKey.all.map { ($0.name, $0.name.lowercased().commonPrefix(with: wanted).count) }.max { $0.1 < $1.1 }
        guard let best, best.1 >= 3 else { return "README lists the keys" }
        return "Perhaps \(best.0) is meant; README lists the keys"
    }
}

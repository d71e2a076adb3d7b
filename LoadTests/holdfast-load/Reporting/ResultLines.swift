import Foundation

/// What files of results hold: runs, and ratios with their goals.
struct ResultLines: Sendable {
    private(set) var runs: [Report] = []
    private(set) var ratios: [RatioResult.Ratio] = []

    /// Reads files in their order.
    /// - Throws: `LoadError` with the file and the line of the first that is no result.
    static func read(_ paths: [String]) throws -> ResultLines {
        var lines = ResultLines()
        for path in paths {
            guard let data = FileManager.default.contents(atPath: path) else { throw LoadError("\(path) can't be read") }
            try lines.add(String(decoding: data, as: UTF8.self), file: path)
        }
        guard !lines.runs.isEmpty || !lines.ratios.isEmpty else {
            throw LoadError("\(paths.joined(separator: ", ")): no results. \(expected)")
        }
        return lines
    }

    private static let expected =
        "Expected is one JSON object a line, as 'holdfast-load SCENARIO --json', 'ratios --json' and 'compare --json' print them"

    /// Takes over the lines of a file. Empty ones don't count.
    mutating func add(_ text: String, file: String) throws {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimmingCharacters(in: .whitespacesAndNewlines)
            if line.isEmpty { continue }
            do {
                try add(Data(line.utf8))
            } catch {
                throw LoadError("\(file):\(index + 1): \(Self.reason(error)). \(Self.expected)")
            }
        }
    }

    private mutating func add(_ line: Data) throws {
        let kind = try JSONDecoder().decode(Kind.self, from: line)
        if kind.ratios != nil {
            let result = try JSONDecoder().decode(RatioResult.self, from: line)
            runs += result.reports
            ratios += result.ratios
        } else if kind.scenario != nil {
            runs.append(try JSONDecoder().decode(Report.self, from: line))
        } else {
            throw LoadError("neither a run, which has a 'scenario', nor ratios, which have 'ratios'")
        }
    }

    /// Which kind of object it is.
    private struct Kind: Decodable {
        var scenario: Present?
        var ratios: Present?

        struct Present: Decodable { init(from decoder: any Decoder) {} }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            "\(name(context.codingPath + [key])) is missing, as in lines of other versions of this program"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            context.codingPath.isEmpty ? "not a JSON object" : "\(name(context.codingPath)) has a value of another kind"
        case DecodingError.dataCorrupted(let context):
            context.codingPath.isEmpty ? "not JSON" : "\(name(context.codingPath)) has a value that can't be read"
        default: "\(error)"
        }
    }

    private static func name(_ path: [any CodingKey]) -> String {
        "'\(path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: "."))'"
    }
}

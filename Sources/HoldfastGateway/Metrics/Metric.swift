/// A metric that the gateway tells: its name and meaning, and how it is read from the figures.
package struct Metric: Sendable {
    typealias Sample = MetricFamily.Sample

    package let name: String
    package let kind: MetricFamily.Kind
    /// The names of its labels. None tells of a user, a device, an address or a token.
    package let labels: [String]
    package let help: String
    private let read: @Sendable (GatewayFigures) -> [Sample]

    /// - Parameter read: gives a sample for each combination of the labels' values, always the same ones, so that no series begins late.
    init(
        _ kind: MetricFamily.Kind, _ name: String, _ labels: [String] = [], _ help: String,
        read: @escaping @Sendable (GatewayFigures) -> [Sample]
    ) {
        self.kind = kind
        self.name = name
        self.labels = labels
        self.help = help
        self.read = read
    }

    /// Of one value; nil: it isn't known, and nothing is told.
    init(_ kind: MetricFamily.Kind, _ name: String, _ help: String, value: @escaping @Sendable (GatewayFigures) -> MetricFamily.Value?) {
        self.init(kind, name, [], help) { figures in value(figures).map { [Sample($0)] } ?? [] }
    }

    /// With the values of the figures.
    package func family(_ figures: GatewayFigures) -> MetricFamily {
        MetricFamily(name: name, kind: kind, help: help, samples: read(figures))
    }
}

extension Metric {
    /// All that there are, in the order of the text and of the documents' table: what an operator needs first comes first.
    package static let all: [Metric] = loss + connections + messages + core + disk + process

    /// The table of all metrics, as the runbook has it.
    package static var markdownTable: String {
        var lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
        for metric in all {
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
            lines.append("| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What one label says, with the count of it.
    static func samples<Key>(
        _ label: String, _ counts: [(Key, UInt64)], _ more: [(name: String, value: String)] = []
    ) -> [Sample] {
        counts.map { Sample(.counted($0.1), more + [(label, "\($0.0)")]) }
    }
}

extension GatewayFigures {
    /// The sum of a counter of all loops.
    func sum(_ count: (LoopFigures) -> UInt64) -> UInt64 { loops.reduce(0) { $0 &+ count($1) } }
    func sum(_ count: (LoopFigures) -> Int) -> Int { loops.reduce(0) { $0 + count($1) } }

    /// All observations of the loops.
    func sum(_ histogram: (LoopFigures) -> Histogram) -> Histogram {
        var sum = Histogram(.latency)
        for loop in loops { sum.add(histogram(loop)) }
        return sum
    }
}

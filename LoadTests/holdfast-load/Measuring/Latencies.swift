import Histogram

/// Durations in nanoseconds, to three digits.
struct Latencies: Sendable {
    private var histogram = Histogram<UInt64>(highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: .three)

    /// Adds one. More than an hour counts as an hour.
    mutating func record(_ nanoseconds: UInt64) {
        if !histogram.record(nanoseconds) { histogram.record(3_600_000_000_000) }
    }

    /// Adds all of another one: the percentiles are then those of both together.
    mutating func add(_ other: Latencies) { histogram.add(other.histogram) }

    private static let percentiles: [Double] = [
        0, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 96.25, 97.5, 98, 98.75, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 99.999,
        100,
    ]

    /// How many there are.
    var count: Int { Int(histogram.totalCount) }

    /// The usual percentiles; nil if there are none.
    var summary: LatencySummary? {
        guard count > 0 else { return nil }
        func microseconds(_ percentile: Double) -> Double { Double(histogram.valueAtPercentile(percentile)) / 1000 }
        return LatencySummary(
            count: count, p50: microseconds(50), p90: microseconds(90), p99: microseconds(99), p999: microseconds(99.9),
            max: microseconds(100),
            distribution: Self.percentiles.map { .init(percentile: $0, microseconds: microseconds($0)) })
    }
}

/// As the values that occur, and how often.
extension Latencies: Codable {
    private enum CodingKeys: CodingKey {
        case values
        case counts
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let values = try container.decode([UInt64].self, forKey: .values)
        let counts = try container.decode([UInt64].self, forKey: .counts)
        for (value, count) in zip(values, counts) { _ = histogram.record(value, count: count) }
    }

    func encode(to encoder: any Encoder) throws {
        let recorded = histogram.recordedValues().map { ($0.value, $0.count) }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(recorded.map { min($0.0, 3_600_000_000_000) }, forKey: .values)
        try container.encode(recorded.map(\.1), forKey: .counts)
    }
}

/// Percentiles in microseconds.
struct LatencySummary: Codable, Sendable {
    var count: Int
    var p50: Double
    var p90: Double
    var p99: Double
    var p999: Double
    var max: Double
    /// The whole distribution, in steps that become finer towards its end.
    var distribution: [Point]

    /// So many percent took at most so long.
    struct Point: Codable, Sendable {
        var percentile: Double
        var microseconds: Double
    }
}

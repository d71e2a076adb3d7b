/// Figures at one moment of a run; a run's samples, about a second apart, are its course over time.
struct Sample: Codable, Sendable {
    /// Since the run began.
    var seconds: Double
    /// By name: `connected`, `acknowledgedPerSecond`, `deliveredPerSecond`, `serverPrivateBytes`, `serverCores`, `generatorCores`, and what
    /// a scenario adds. Rates are those since the sample before; cores are CPU seconds a second.
    var values: [String: Double]
}

extension Sample {
    /// Runs that are shorter have no trend.
    private static let trendSecondsMin = 60.0

    /// The slope of the server's memory over the second half of a run, by least squares, in bytes an hour; nil for a short run.
    static func bytesPerHour(_ samples: [Sample]) -> Double? {
        let points = samples.compactMap { sample in sample.values["serverPrivateBytes"].map { (sample.seconds, $0) } }
        guard let first = points.first, let last = points.last, last.0 - first.0 >= trendSecondsMin else { return nil }
        let half = points.filter { $0.0 >= (first.0 + last.0) / 2 }
        guard half.count > 2 else { return nil }
        let count = Double(half.count)
        let (x, y) = (half.reduce(0) { $0 + $1.0 } / count, half.reduce(0) { $0 + $1.1 } / count)
        let spread = half.reduce(0) { $0 + ($1.0 - x) * ($1.0 - x) }
        return half.reduce(0) { $0 + ($1.0 - x) * ($1.1 - y) } / spread * 3_600
    }
}

/// Figures at one moment of a run; a run's samples, about a second apart, are its course over time.
struct Sample: Codable, Sendable {
    /// Since the run began.
    var seconds: Double
    /// By name: `connected`, `acknowledgedPerSecond`, `deliveredPerSecond`, `serverPrivateBytes`, `serverCores`, `generatorCores`, and what
    /// a scenario adds. Rates are those since the sample before; cores are CPU seconds a second.
    var values: [String: Double]
}

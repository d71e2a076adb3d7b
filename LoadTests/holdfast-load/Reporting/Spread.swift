/// A figure of several runs: its median and its range.
struct Spread: Sendable, Equatable {
    var median: Double
    var low: Double
    var high: Double
    /// Of how many runs.
    var count: Int

    /// That of one run.
    init(_ value: Double) { (median, low, high, count) = (value, value, value, 1) }

    /// That of several; nil if none is finite.
    init?(_ values: [Double]) {
        let sorted = values.filter(\.isFinite).sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        let middle = sorted.count / 2
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        (low, high, count) = (first, last, sorted.count)
    }

    /// The median, and the range of several.
    func text(_ quantity: Quantity) -> String {
        guard count > 1, quantity.text(low) != quantity.text(high) else { return quantity.text(median) }
        return "\(quantity.text(median)) (\(quantity.text(low)) to \(quantity.text(high)))"
    }
}

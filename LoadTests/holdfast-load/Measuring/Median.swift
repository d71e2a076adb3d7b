/// The middle of what was measured.
enum Median {
    /// The middle one of the finite values, or the mean of the two in the middle; nil if there are none.
    static func of(_ values: [Double]) -> Double? {
        let sorted = values.filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return nil }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// That of one series to that of another; nil if there is none.
    static func ratio(_ values: [Double], to others: [Double]) -> Double? {
        guard let value = of(values), let other = of(others) else { return nil }
        return value / other
    }
}

import Foundation

/// Maps values to places along an axis. Pure.
struct Scale: Sendable {
    enum Kind: Sendable { case linear, logarithmic }

    let kind: Kind
    /// The axis's ends: at ticks, and around all values.
    let domain: ClosedRange<Double>
    /// Where the axis has marks, rising.
    let ticks: [Double]

    /// An axis around values. Those that aren't finite, and on a logarithmic one those that aren't above 0, don't count.
    /// - Parameter wanted: about how many ticks.
    init(_ kind: Kind, around values: some Sequence<Double>, wanted: Int = 5) {
        let usable = values.filter { $0.isFinite && (kind == .linear || $0 > 0) }
        self.kind = kind
        switch kind {
        case .linear: ticks = Self.linearTicks(low: min(0, usable.min() ?? 0), high: max(0, usable.max() ?? 1), wanted: wanted)
        case .logarithmic: ticks = Self.logarithmicTicks(low: usable.min() ?? 1, high: usable.max() ?? 10, wanted: wanted)
        }
        domain = ticks[0]...ticks[ticks.count - 1]
    }

    /// An axis with given ticks, which rise.
    init(linear ticks: [Double], to end: Double) {
        kind = .linear
        self.ticks = ticks
        domain = ticks[0]...max(end, ticks[ticks.count - 1])
    }

    /// Logarithmic if the values, all above 0, span more than a decade.
    static func fitting(_ values: [Double]) -> Kind {
        let usable = values.filter(\.isFinite)
        guard let low = usable.min(), let high = usable.max(), low > 0 else { return .linear }
        return high > low * 10 ? .logarithmic : .linear
    }

    /// From 0 at the axis's begin to 1 at its end; nil for what has no place on it. What lies outside is put at the end.
    func place(_ value: Double) -> Double? {
        guard value.isFinite, kind == .linear || value > 0 else { return nil }
        let (low, high, at) =
            kind == .linear
            ? (domain.lowerBound, domain.upperBound, value) : (log10(domain.lowerBound), log10(domain.upperBound), log10(value))
        return min(1, max(0, (at - low) / (high - low)))
    }

    /// Multiples of 1, 2 or 5 times a power of ten, from at most `low` to at least `high`.
    private static func linearTicks(low: Double, high: Double, wanted: Int) -> [Double] {
        guard high > low else { return [0, 1] }
        let rough = (high - low) / Double(max(1, wanted))
        let power = pow(10, log10(rough).rounded(.down))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999_999 } ?? 10 * power
        let first = (low / step + 1e-9).rounded(.down)
        let last = (high / step - 1e-9).rounded(.up)
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    /// Powers of ten; for few decades also their 2- and 5-fold.
    private static func logarithmicTicks(low: Double, high: Double, wanted: Int) -> [Double] {
        let (low, high) = (max(low, 1e-30), min(high, 1e30))
        let firstDecade = Int((log10(low) + 1e-9).rounded(.down))
        let lastDecade = max(firstDecade + 1, Int((log10(high) - 1e-9).rounded(.up)))
        let decades = lastDecade - firstDecade
        if decades <= 2 {
            let marks = (firstDecade...lastDecade).flatMap { decade in [1, 2, 5].map { $0 * pow(10, Double(decade)) } }
            let from = marks.lastIndex { $0 <= low * 1.000_001 } ?? 0
            let to = marks.firstIndex { $0 >= high * 0.999_999 && $0 > marks[from] } ?? marks.count - 1
            return Array(marks[from...max(to, from + 1)])
        }
        let step = max(1, decades / max(1, wanted))
        let last = firstDecade + (decades + step - 1) / step * step
        return stride(from: firstDecade, through: last, by: step).map { pow(10, Double($0)) }
    }
}

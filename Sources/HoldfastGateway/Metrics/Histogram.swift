/// How often something took how long, or was how large: a count for each bucket of fixed bounds, and the sum. Owned by one thread; a copy is what
/// others get. To observe costs a search among some twenty bounds.
package struct Histogram: Equatable, Sendable {
    /// The upper bounds of the buckets, and the unit of what is observed.
    package struct Buckets: Equatable, Sendable {
        /// Rising; what is above the last one is in a bucket without a bound.
        package let bounds: [UInt64]
        /// What a bound and a sum are divided by for the base unit that the metric names.
        package let divisor: UInt64

        /// 100 microseconds to 10 seconds, observed in microseconds, told in seconds.
        package static let latency = Buckets(
            bounds: [
                100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
                10_000_000,
            ], divisor: 1_000_000)
        /// 1 to 10,000 things.
        package static let count = Buckets(bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000], divisor: 1)
        /// A thousandth to a million of whatever a library measures, observed in thousandths.
        package static let any = Buckets(
            bounds: (0...9).map { exponent in (0..<exponent).reduce(1) { value, _ in value * 10 } }, divisor: 1_000)
        /// 256 bytes to 64 MiB.
        package static let bytes = Buckets(bounds: (4...13).map { 1 << (2 * UInt64($0)) }, divisor: 1)
    }

    package let buckets: Buckets
    /// One more than there are bounds, each without those below it.
    package private(set) var counts: ContiguousArray<UInt64>
    package private(set) var sum: UInt64 = 0

    package init(_ buckets: Buckets) {
        self.buckets = buckets
        counts = ContiguousArray(repeating: 0, count: buckets.bounds.count + 1)
    }

    /// How many were observed.
    package var count: UInt64 { counts.reduce(0, &+) }

    /// Observes a value, several times.
    package mutating func observe(_ value: UInt64, times: UInt64 = 1) {
        var (low, high) = (0, buckets.bounds.count)
        while low < high {
            let middle = low + (high - low) / 2
            if value <= buckets.bounds[middle] { high = middle } else { low = middle + 1 }
        }
        counts[low] &+= times
        sum &+= value &* times
    }

    /// Adds what another thread has observed.
    package mutating func add(_ other: Histogram) {
        precondition(other.buckets == buckets, "histograms of the same buckets are added")
        for index in counts.indices { counts[index] &+= other.counts[index] }
        sum &+= other.sum
    }
}

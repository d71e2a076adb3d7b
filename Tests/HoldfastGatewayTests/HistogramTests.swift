import Testing

@testable import HoldfastGateway

@Suite struct HistogramTests {
    @Test func `a value is counted in the first bucket that holds it`() {
        var histogram = Histogram(.count)
        histogram.observe(1)
        histogram.observe(2)
        histogram.observe(3, times: 4)
        histogram.observe(10_000)
        histogram.observe(10_001)
        #expect(histogram.counts.prefix(3) == [1, 1, 4])
        #expect(histogram.counts.suffix(2) == [1, 1])
        #expect(histogram.count == 8 && histogram.sum == 1 + 2 + 12 + 20_001)
    }

    @Test(arguments: [Histogram.Buckets.latency, .count, .bytes, .any]) func `bounds rise, and each is in its own bucket`(
        _ buckets: Histogram.Buckets
    ) {
        #expect(zip(buckets.bounds, buckets.bounds.dropFirst()).allSatisfy { $0 < $1 })
        for (index, bound) in buckets.bounds.enumerated() {
            var histogram = Histogram(buckets)
            histogram.observe(bound)
            histogram.observe(bound + 1)
            #expect(histogram.counts[index] == 1 && histogram.counts[index + 1] == 1)
        }
    }

    @Test func `what two threads observed is added`() {
        var (first, second) = (Histogram(.latency), Histogram(.latency))
        first.observe(70)
        second.observe(70)
        second.observe(99_000_000)
        first.add(second)
        #expect(first.count == 3 && first.counts.first == 2 && first.counts.last == 1 && first.sum == 99_000_140)
    }
}

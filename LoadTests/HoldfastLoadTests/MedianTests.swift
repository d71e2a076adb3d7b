import Testing

@testable import holdfast_load

@Suite struct MedianTests {
    @Test func `the median of an even number lies between`() {
        #expect(Median.of([3]) == 3)
        #expect(Median.of([5, 1, 3]) == 3)
        #expect(Median.of([4, 1, 2, 3]) == 2.5)
    }

    @Test func `what isn't a number doesn't count`() {
        #expect(Median.of([]) == nil)
        #expect(Median.of([.nan, 1]) == 1)
        #expect(Median.ratio([6], to: []) == nil)
        #expect(Median.ratio([6, .nan], to: [2, 4]) == 2)
    }
}

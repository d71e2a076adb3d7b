import Testing

@testable import HoldfastIO

/// The bucket for what a peer makes the loop do in vain.
@Suite struct ReceiveOverheadTests {
    @Test func `records without data are few, tiny ones many, and those with data free`() {
        var overhead = ReceiveOverhead()
        #expect(overhead.emptyRecordsLeft == 109)
        var isHeld = [overhead.add(emptyRecords: 100, dataRecords: 0, byteCount: 0)]
        #expect(overhead.emptyRecordsLeft == 9)
        isHeld.append(overhead.add(emptyRecords: 10, dataRecords: 0, byteCount: 0))
        #expect(isHeld == [true, false])
        overhead = ReceiveOverhead()
        isHeld = (0..<2).map { _ in overhead.add(emptyRecords: 0, dataRecords: 60_000, byteCount: 60_000) }
        #expect(isHeld == [true, false])
        overhead = ReceiveOverhead()
        isHeld = [overhead.add(emptyRecords: 0, dataRecords: 1_000_000, byteCount: 64_000_000)]
        #expect(isHeld == [true])
        #expect(overhead == ReceiveOverhead())
    }

    @Test func `as much as it holds runs out in a second`() {
        var overhead = ReceiveOverhead()
        // A tick is 32 ms.
        let isHeld = (0..<1_000).map { _ in
            defer { overhead.leak(ticks: 1) }
            return overhead.add(emptyRecords: 3, dataRecords: 200, byteCount: 200)
        }
        #expect(isHeld.allSatisfy { $0 })
        #expect(overhead.level == 0)
        _ = overhead.add(emptyRecords: 109, dataRecords: 0, byteCount: 0)
        #expect(overhead.emptyRecordsLeft == 0)
        overhead.leak(ticks: 31)
        #expect(overhead.emptyRecordsLeft > 100)
        overhead.leak(ticks: .max)
        #expect(overhead == ReceiveOverhead())
    }

    @Test func `a read that brings little to a long beginning weighs by its length`() {
        func reads(_ byteCount: Int, behind keptCount: Int) -> Int {
            var overhead = ReceiveOverhead()
            for count in 0..<100_000 where !overhead.add(readBytes: byteCount, behind: keptCount) { return count }
            return 100_000
        }
        #expect(reads(1, behind: 0) == 100_000)
        #expect(reads(256, behind: 65_536) == 100_000)
        #expect(reads(1, behind: 1) > 10_000)
        #expect(reads(1, behind: 65_536) < 300)
    }
}

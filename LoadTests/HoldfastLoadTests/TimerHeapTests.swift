import Testing

@testable import holdfast_load

/// The order in which phones are called.
@Suite struct TimerHeapTests {
    @Test(arguments: 1...20) func `due entries come in the order of their times`(seed: UInt64) {
        var state = seed
        func random() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        var heap = TimerHeap()
        var times: [UInt64] = []
        for phone in 0..<200 {
            times.append(random() % 1000)
            heap.insert(.init(at: times[phone], phone: UInt32(phone)))
        }
        var popped: [UInt64] = []
        while let entry = heap.popDue(500) {
            #expect(times[Int(entry.phone)] == entry.at)
            popped.append(entry.at)
        }
        #expect(popped == times.filter { $0 <= 500 }.sorted())
        #expect(heap.popDue(500) == nil)
    }
}

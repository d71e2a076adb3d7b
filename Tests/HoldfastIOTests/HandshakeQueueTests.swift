import Testing

@testable import HoldfastIO

@Suite struct HandshakeQueueTests {
    private func id(_ slot: UInt32) -> ConnectionID { ConnectionID(slot: slot, generation: 1) }

    @Test func `handshakes that have begun go first, each kind in its order`() {
        var queue = HandshakeQueue()
        #expect(queue.isEmpty)
        for (slot, isBegun) in [(1, false), (2, true), (3, false), (4, true)] { queue.append(id(UInt32(slot)), isBegun: isBegun) }
        #expect(queue.freshCount == 2)
        var order: [UInt32] = []
        while let next = queue.pop() { order.append(next.slot) }
        #expect(order == [2, 4, 1, 3])
        #expect(queue.isEmpty)
    }

    @Test func `those that haven't begun have one turn of four, however many others go on`() {
        var queue = HandshakeQueue()
        queue.append(id(1_000), isBegun: false)
        for slot in 0..<8 { queue.append(id(UInt32(slot)), isBegun: true) }
        var order: [UInt32] = []
        for _ in 0..<4 { if let next = queue.pop() { order.append(next.slot) } }
        #expect(order == [0, 1, 2, 1_000])
    }

    @Test func `a pause between two bursts isn't taken for slowness`() {
        var queue = HandshakeQueue()
        let before = queue.perSecond
        for burst in 0..<10 {
            let now = UInt64(burst) * 300_000
            for slot in 0..<50 { queue.append(id(UInt32(slot)), isBegun: false) }
            queue.measure(now: now)
            for _ in 0..<45 { _ = queue.pop() }
            queue.measure(now: now + 10)
            while queue.pop() != nil {}
        }
        #expect(queue.perSecond == before)
    }

    @Test func `there is room for as many as are done in the time, at the rate that was seen`() {
        var queue = HandshakeQueue()
        for slot in 0..<6_000 { queue.append(id(UInt32(slot)), isBegun: false) }
        queue.measure(now: 1_000)
        // 100 in each 100 ms.
        for round in 1...50 {
            for _ in 0..<100 { _ = queue.pop() }
            queue.measure(now: 1_000 + UInt64(round) * 100)
        }
        #expect(900...1_100 ~= queue.perSecond)
        #expect(queue.hasRoom(milliseconds: 1_200))
        #expect(!queue.hasRoom(milliseconds: 800))
    }

    @Test func `a loop that has little to do learns nothing from that`() {
        var queue = HandshakeQueue()
        let before = queue.perSecond
        for round in 1...50 {
            queue.append(id(1), isBegun: false)
            _ = queue.pop()
            queue.measure(now: UInt64(round) * 100)
        }
        #expect(queue.perSecond == before)
    }
}

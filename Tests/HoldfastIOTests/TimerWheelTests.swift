import HoldfastTestSupport
import Testing

@testable import HoldfastIO

@Suite struct TimerWheelTests {
    /// A slab of slots in use and its wheel.
    private func withWheel<Result>(slots count: Int, _ body: (inout TimerWheel) throws -> Result) rethrows -> Result {
        let slots = UnsafeMutablePointer<Connection>.allocate(capacity: count)
        defer { unsafe slots.deallocate() }
        var slab = unsafe ConnectionSlab(slots: slots, capacity: count)
        for _ in 0..<count { _ = slab.allocate(descriptor: -1, state: .open, flags: [], tick: 0) }
        var wheel = unsafe TimerWheel(slots: slots)
        return try body(&wheel)
    }

    private func taken(_ wheel: inout TimerWheel) -> Set<UInt32> {
        var result: Set<UInt32> = []
        while let slot = wheel.popDue() { result.insert(slot) }
        return result
    }

    @Test func `an entry is due at its tick, not before, and once`() {
        withWheel(slots: 2) { wheel in
            wheel.arm(0, at: 10)
            wheel.advance(to: 9)
            #expect(taken(&wheel) == [])
            wheel.advance(to: 10)
            #expect(taken(&wheel) == [0])
            wheel.advance(to: 20_000)
            #expect(taken(&wheel) == [])
            #expect(wheel.count == 0)
        }
    }

    @Test func `an entry more than a turn away waits for its own turn`() {
        withWheel(slots: 2) { wheel in
            wheel.arm(0, at: 5000)
            wheel.arm(1, at: 5000 - 4096)
            wheel.advance(to: 4999)
            #expect(taken(&wheel) == [1])
            wheel.advance(to: 5000)
            #expect(taken(&wheel) == [0])
        }
    }

    @Test func `what is armed for the past is due at the next tick`() {
        withWheel(slots: 1) { wheel in
            wheel.advance(to: 100)
            wheel.arm(0, at: 3)
            wheel.advance(to: 101)
            #expect(taken(&wheel) == [0])
        }
    }

    @Test func `an entry that is due can still be disarmed or armed again`() {
        withWheel(slots: 3) { wheel in
            for slot in 0..<3 as Range<UInt32> { wheel.arm(slot, at: 5) }
            wheel.advance(to: 5)
            wheel.disarm(1)
            wheel.arm(2, at: 7)
            #expect(taken(&wheel) == [0])
            wheel.advance(to: 7)
            #expect(taken(&wheel) == [2])
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `random operations agree with a dictionary`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let slotCount: UInt32 = 50
        withWheel(slots: Int(slotCount)) { wheel in
            var model: [UInt32: UInt32] = [:]
            for step in 0..<20_000 {
                let slot = UInt32.random(in: 0..<slotCount, using: &random)
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<5:
                    let reach: UInt32 = Bool.random(using: &random) ? 20 : 20_000
                    let tick = wheel.current + UInt32.random(in: 0...reach, using: &random)
                    wheel.arm(slot, at: tick)
                    model[slot] = max(tick, wheel.current + 1)
                case 5..<7:
                    wheel.disarm(slot)
                    model[slot] = nil
                default:
                    let reach: UInt32 = Int.random(in: 0..<20, using: &random) == 0 ? 10_000 : 5
                    wheel.advance(to: wheel.current + UInt32.random(in: 0...reach, using: &random))
                    let expected = Set(model.filter { $0.value <= wheel.current }.keys)
                    let due = taken(&wheel)
                    #expect(due == expected, "seed \(seed) step \(step)")
                    for slot in due { model[slot] = nil }
                }
                let nearest = model.values.min().map { $0 - wheel.current } ?? 4
                #expect(wheel.ticksUntilNext(limit: 4) <= max(1, min(nearest, 4)), "seed \(seed) step \(step)")
                #expect(wheel.count == model.count)
            }
        }
    }
}

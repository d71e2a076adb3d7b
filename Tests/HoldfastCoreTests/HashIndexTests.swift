import Testing

@testable import HoldfastCore

@Suite struct HashIndexTests {
    @Test func `it finds what a dictionary would, whatever was added and removed`() {
        var state: UInt64 = 1
        func random() -> UInt32 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: state >> 33) % 300
        }
        var index = HashIndex()
        var slots: [UInt32: CacheSlot] = [:]
        // Few hashes, and neighbours: runs of places that wrap around and are closed by removals.
        for step in 0..<20_000 {
            let hash = random() &* (step % 2 == 0 ? 1 : 0x0100_0000)
            if let slot = slots[hash] {
                index.remove(slot, hash)
                slots[hash] = nil
            } else {
                index.insert(CacheSlot(rawValue: UInt32(step)), hash)
                slots[hash] = CacheSlot(rawValue: UInt32(step))
            }
            let asked = random()
            #expect(index.find(asked) { slots[asked] == $0 } == slots[asked])
        }
        #expect(index.count == slots.count)
        for (hash, slot) in slots { #expect(index.find(hash) { $0 == slot } == slot) }
    }

    @Test func `keys with one hash are told apart by the table`() {
        var index = HashIndex()
        for slot in UInt32(0)..<100 { index.insert(CacheSlot(rawValue: slot), 7) }
        for slot in stride(from: UInt32(0), to: 100, by: 2) { index.remove(CacheSlot(rawValue: slot), 7) }
        for slot in UInt32(0)..<100 { #expect(index.find(7) { $0.rawValue == slot }?.rawValue == (slot % 2 == 0 ? nil : slot)) }
    }
}

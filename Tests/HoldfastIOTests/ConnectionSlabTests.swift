import Testing

@testable import HoldfastIO

@Suite struct ConnectionSlabTests {
    private func withSlab(_ capacity: Int, _ body: (inout ConnectionSlab) throws -> Void) rethrows {
        let slots = UnsafeMutablePointer<Connection>.allocate(capacity: capacity)
        defer { unsafe slots.deallocate() }
        // As the kernel gives it.
        unsafe UnsafeMutableRawPointer(slots).initializeMemory(
            as: UInt8.self, repeating: 0, count: capacity * MemoryLayout<Connection>.stride)
        var slab = unsafe ConnectionSlab(slots: slots, capacity: capacity)
        try body(&slab)
    }

    private func allocate(_ slab: inout ConnectionSlab) -> ConnectionID? {
        slab.allocate(descriptor: 1, state: .open, flags: [], tick: 0).map { unsafe slab.slots[Int($0)].id($0) }
    }

    private func mustAllocate(_ slab: inout ConnectionSlab) throws -> ConnectionID {
        let id = allocate(&slab)
        return try #require(id)
    }

    @Test func `a connection costs no more than its slot, a cache line`() {
        #expect(MemoryLayout<Connection>.stride <= 64)
    }

    @Test func `an id names nothing once its connection is gone, also when the slot is used again`() throws {
        try withSlab(2) { slab in
            let first = try mustAllocate(&slab)
            #expect(unsafe slab.find(first) != nil)
            slab.release(first.slot)
            #expect(unsafe slab.find(first) == nil)
            let second = try mustAllocate(&slab)
            #expect(second.slot == first.slot)
            #expect(second.generation != first.generation)
            #expect(unsafe slab.find(first) == nil)
            #expect(unsafe slab.find(second) != nil)
        }
    }

    @Test func `a full slab gives no slot, and one that is free again is given out`() throws {
        try withSlab(2) { slab in
            let first = try mustAllocate(&slab)
            _ = try mustAllocate(&slab)
            let none = allocate(&slab)
            #expect(none == nil)
            slab.release(first.slot)
            #expect(slab.count == 1)
            _ = try mustAllocate(&slab)
            #expect(slab.count == 2)
        }
    }

    @Test func `generations stay in 24 bits and are never 0`() throws {
        try withSlab(1) { slab in
            let first = try mustAllocate(&slab)
            #expect(first.generation == 1)
            unsafe slab.slots[0].generation = 0xFF_FFFF
            slab.release(0)
            let next = try mustAllocate(&slab)
            #expect(next.generation == 1)
        }
    }

    @Test func `ids that never were name nothing`() throws {
        try withSlab(4) { slab in
            _ = try mustAllocate(&slab)
            #expect(unsafe slab.find(ConnectionID(slot: 1, generation: 1)) == nil)
            #expect(unsafe slab.find(ConnectionID(slot: .max, generation: 1)) == nil)
            #expect(unsafe slab.find(ConnectionID(slot: 0, generation: 0)) == nil)
        }
    }

    @Test func `an id survives its raw value`() {
        let id = ConnectionID(slot: 0xFFFF_FFFE, generation: 0xFF_FFFF)
        #expect(ConnectionID(rawValue: id.rawValue) == id)
        #expect(id.rawValue >> 56 == 0)
    }
}

/// The connections of a loop, in one piece of address space that is filled as far as it is used. A slot never moves.
@safe struct ConnectionSlab: ~Copyable {
    /// The first slot.
    let slots: UnsafeMutablePointer<Connection>
    /// The number of slots there is address space for.
    let capacity: Int
    /// Slots in use.
    private(set) var count = 0
    /// Slots that were ever in use: beyond it nothing may be read.
    private(set) var highWater: UInt32 = 0
    private var firstFree: UInt32 = none
    static let none = UInt32.max

    /// A slab over untouched memory for `capacity` slots, which must outlive it.
    init(slots: UnsafeMutablePointer<Connection>, capacity: Int) {
        unsafe self.slots = slots
        self.capacity = capacity
    }

    /// Takes a slot for a socket; nil if all are in use.
    mutating func allocate(descriptor: Int32, state: Connection.State, flags: Connection.Flags, tick: UInt32) -> UInt32? {
        let slot: UInt32
        var generation: UInt32 = 1
        if firstFree != Self.none {
            slot = firstFree
            unsafe firstFree = slots[Int(slot)].next
            unsafe generation = slots[Int(slot)].generation
        } else {
            guard Int(highWater) < capacity else { return nil }
            slot = highWater
            highWater += 1
        }
        count += 1
        unsafe (slots + Int(slot)).initialize(
            to: Connection(descriptor: descriptor, generation: generation, state: state, flags: flags, tick: tick))
        return slot
    }

    /// Gives a slot back. Ids of its present life name nothing any more.
    mutating func release(_ slot: UInt32) {
        let connection = unsafe slots + Int(slot)
        let next = unsafe (connection.pointee.generation + 1) & 0xFF_FFFF
        unsafe connection.pointee.generation = next == 0 ? 1 : next
        unsafe connection.pointee.state = .free
        unsafe connection.pointee.next = firstFree
        firstFree = slot
        count -= 1
    }

    /// The slot that an id names, nil if that connection is gone.
    @inline(__always)
    func find(_ id: ConnectionID) -> UnsafeMutablePointer<Connection>? {
        guard id.slot < highWater, unsafe slots[Int(id.slot)].generation == id.generation,
            unsafe slots[Int(id.slot)].state != .free
        else { return nil }
        return unsafe slots + Int(id.slot)
    }
}

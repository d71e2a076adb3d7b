/// From a number to a slot: open addressing with linear probing and backward-shift deletion, 12 bytes a place.
/// 0 is not a key.
struct NumberIndex: ~Copyable {
    private var keys = ContiguousArray<UInt64>(repeating: 0, count: 64)
    private var slots = ContiguousArray<Slot>(repeating: noSlot, count: 64)
    private(set) var count = 0

    private func place(of key: UInt64) -> Int {
        // Fibonacci hashing: user numbers are dense, so their product with 2^64 / phi spreads them.
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & (keys.count - 1)
    }

    func find(_ key: UInt64) -> Slot? {
        var place = place(of: key)
        while keys[place] != 0 {
            if keys[place] == key { return slots[place] }
            place = (place + 1) & (keys.count - 1)
        }
        return nil
    }

    mutating func insert(_ key: UInt64, _ slot: Slot) {
        if (count + 1) * 4 > keys.count * 3 { grow() }
        var place = place(of: key)
        while keys[place] != 0, keys[place] != key { place = (place + 1) & (keys.count - 1) }
        if keys[place] == 0 { count += 1 }
        keys[place] = key
        slots[place] = slot
    }

    mutating func remove(_ key: UInt64) {
        var hole = place(of: key)
        while keys[hole] != key {
            if keys[hole] == 0 { return }
            hole = (hole + 1) & (keys.count - 1)
        }
        count -= 1
        var place = hole
        while true {
            place = (place + 1) & (keys.count - 1)
            if keys[place] == 0 { break }
            // A key may move into the hole when its own place isn't between the hole and where it is.
            let home = self.place(of: keys[place])
            let distanceFromHome = (place - home) & (keys.count - 1)
            let distanceFromHole = (place - hole) & (keys.count - 1)
            if distanceFromHome >= distanceFromHole {
                keys[hole] = keys[place]
                slots[hole] = slots[place]
                hole = place
            }
        }
        keys[hole] = 0
    }

    private mutating func grow() {
        let oldKeys = keys
        let oldSlots = slots
        keys = ContiguousArray(repeating: 0, count: oldKeys.count * 2)
        slots = ContiguousArray(repeating: noSlot, count: oldKeys.count * 2)
        count = 0
        for place in oldKeys.indices where oldKeys[place] != 0 { insert(oldKeys[place], oldSlots[place]) }
    }
}

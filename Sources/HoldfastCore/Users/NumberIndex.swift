/// From a user's number to his slot: open addressing with linear probing and backward-shift deletion, 4 bytes a place. The numbers themselves
/// are in the rows, which are given to each call. 0 is not a number.
struct NumberIndex: ~Copyable {
    private var slots = ContiguousArray<UserSlot>(repeating: .none, count: 64)
    private(set) var count = 0

    private func place(of number: UInt64) -> Int {
        // Fibonacci hashing: user numbers are dense, so their product with 2^64 / phi spreads them.
        Int(truncatingIfNeeded: (number &* 0x9E37_79B9_7F4A_7C15) >> 32) & (slots.count - 1)
    }

    func find(_ number: UInt64, in users: borrowing ContiguousArray<UserRow>) -> UserSlot? {
        var place = place(of: number)
        while slots[place] != .none {
            if users[slots[place].index].number == number { return slots[place] }
            place = (place + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Adds the row at `slot`, whose number isn't in the index.
    mutating func insert(_ slot: UserSlot, in users: borrowing ContiguousArray<UserRow>) {
        assert(find(users[slot.index].number, in: users) == nil, "a number has one place")
        if (count + 1) * 4 > slots.count * 3 { grow(users) }
        put(slot, users)
        count += 1
    }

    /// Takes the row at `slot` out, which still has its number.
    mutating func remove(_ slot: UserSlot, in users: borrowing ContiguousArray<UserRow>) {
        var hole = place(of: users[slot.index].number)
        while slots[hole] != slot {
            if slots[hole] == .none { return }
            hole = (hole + 1) & (slots.count - 1)
        }
        count -= 1
        var place = hole
        while true {
            place = (place + 1) & (slots.count - 1)
            if slots[place] == .none { break }
            // A row may move into the hole when its own place isn't between the hole and where it is.
            let home = self.place(of: users[slots[place].index].number)
            let distanceFromHome = (place - home) & (slots.count - 1)
            let distanceFromHole = (place - hole) & (slots.count - 1)
            if distanceFromHome >= distanceFromHole {
                slots[hole] = slots[place]
                hole = place
            }
        }
        slots[hole] = .none
    }

    private mutating func put(_ slot: UserSlot, _ users: borrowing ContiguousArray<UserRow>) {
        var place = place(of: users[slot.index].number)
        while slots[place] != .none { place = (place + 1) & (slots.count - 1) }
        slots[place] = slot
    }

    private mutating func grow(_ users: borrowing ContiguousArray<UserRow>) {
        let old = slots
        slots = ContiguousArray(repeating: .none, count: old.count * 2)
        for slot in old where slot != .none { put(slot, users) }
    }
}

/// A connection's place in the wheel.
struct TimerLinks {
    /// The next connection in the list.
    var next: UInt32 = TimerWheel.never
    /// The one before, or the list itself (`TimerWheel.listBit` set) for the first.
    var previous: UInt32 = TimerWheel.never
    /// When the wheel looks at the connection; `TimerWheel.never` if it isn't in the wheel.
    var armed: UInt32 = TimerWheel.never
}

/// A hashed timer wheel whose links lie in the connections: arming and disarming are O(1) and allocate nothing.
///
/// A tick is `tickMilliseconds`. An entry stays in the list of its tick modulo the number of lists, so one that is further away
/// than a turn is looked at once a turn. Deadlines that only move later don't touch the wheel at all: the loop compares when
/// the entry fires.
@safe struct TimerWheel: ~Copyable {
    /// No tick; also "no slot" in links.
    static let never = UInt32.max
    /// A tick's length.
    static let tickMilliseconds: UInt64 = 32
    private static let listBit: UInt32 = 1 << 31
    private static let listCount: UInt32 = 4096
    // The list after the last: entries that are due and not yet taken.
    private static let dueList = listCount

    private let heads: UnsafeMutablePointer<UInt32>
    private let slots: UnsafeMutablePointer<Connection>
    /// The tick that was reached.
    private(set) var current: UInt32 = 0
    /// Entries in the wheel.
    private(set) var count = 0

    /// A wheel over the connections at `slots`, which must outlive it.
    init(slots: UnsafeMutablePointer<Connection>) {
        unsafe self.slots = slots
        unsafe heads = .allocate(capacity: Int(Self.listCount) + 1)
        unsafe heads.initialize(repeating: Self.never, count: Int(Self.listCount) + 1)
    }

    deinit { unsafe heads.deallocate() }

    /// Looks at the slot at `tick`, instead of when it was armed for before. A tick that has passed counts as the next one.
    mutating func arm(_ slot: UInt32, at tick: UInt32) {
        disarm(slot)
        let tick = max(tick, current + 1)
        unsafe slots[Int(slot)].timer.armed = tick
        push(slot, onto: tick % Self.listCount)
        count += 1
    }

    /// Takes the slot out, if it is in.
    mutating func disarm(_ slot: UInt32) {
        guard unsafe slots[Int(slot)].timer.armed != Self.never else { return }
        unlink(slot)
        unsafe slots[Int(slot)].timer.armed = Self.never
        count -= 1
    }

    /// Moves on to `tick`; what is due by then can be taken by `popDue`.
    /// - Complexity: O(ticks passed, at most a turn, plus entries in their lists).
    mutating func advance(to tick: UInt32) {
        guard tick > current else { return }
        let passed = min(tick - current, Self.listCount)
        for step in 0..<passed where count > 0 {
            var slot = unsafe heads[Int((tick - step) % Self.listCount)]
            while slot != Self.never {
                let next = unsafe slots[Int(slot)].timer.next
                if unsafe slots[Int(slot)].timer.armed <= tick {
                    unlink(slot)
                    push(slot, onto: Self.dueList)
                }
                slot = next
            }
        }
        current = tick
    }

    /// Takes out an entry that is due, the earliest tick first.
    mutating func popDue() -> UInt32? {
        let slot = unsafe heads[Int(Self.dueList)]
        guard slot != Self.never else { return nil }
        disarm(slot)
        return slot
    }

    /// The number of ticks until the first list with an entry, at most `limit`.
    func ticksUntilNext(limit: UInt32) -> UInt32 {
        guard count > 0 else { return limit }
        for step in 1..<max(limit, 2) where unsafe heads[Int((current + step) % Self.listCount)] != Self.never { return step }
        return limit
    }

    private mutating func push(_ slot: UInt32, onto list: UInt32) {
        let first = unsafe heads[Int(list)]
        unsafe slots[Int(slot)].timer.next = first
        unsafe slots[Int(slot)].timer.previous = list | Self.listBit
        if first != Self.never { unsafe slots[Int(first)].timer.previous = slot }
        unsafe heads[Int(list)] = slot
    }

    private mutating func unlink(_ slot: UInt32) {
        let (next, previous) = unsafe (slots[Int(slot)].timer.next, slots[Int(slot)].timer.previous)
        if previous & Self.listBit != 0 {
            unsafe heads[Int(previous & ~Self.listBit)] = next
        } else {
            unsafe slots[Int(previous)].timer.next = next
        }
        if next != Self.never { unsafe slots[Int(next)].timer.previous = previous }
    }
}

/// A place in one of the core's tables. Each table has a type of its own, so that no place is taken for another table's.
protocol TableSlot: Hashable, Sendable {
    var rawValue: UInt32 { get }
    init(rawValue: UInt32)
}

extension TableSlot {
    /// No place, without the cost of an optional.
    static var none: Self { Self(rawValue: .max) }
    var index: Int { Int(rawValue) }
}

struct UserSlot: TableSlot { let rawValue: UInt32 }

struct SessionSlot: TableSlot { let rawValue: UInt32 }

/// Rows whose places are used again.
struct SlotTable<Row, Slot: TableSlot> {
    private(set) var rows = ContiguousArray<Row>()
    private var free = ContiguousArray<Slot>()

    subscript(slot: Slot) -> Row {
        _read { yield rows[slot.index] }
        _modify { yield &rows[slot.index] }
    }

    /// Rows that are in use.
    var count: Int { rows.count - free.count }
    /// Every place that was ever used is below.
    var end: Int { rows.count }

    mutating func insert(_ row: Row) -> Slot {
        if let slot = free.popLast() {
            rows[slot.index] = row
            return slot
        }
        precondition(rows.count < Int(UInt32.max), "a table has less places than 32 bits count")
        rows.append(row)
        return Slot(rawValue: UInt32(rows.count - 1))
    }

    /// - Parameter empty: what a place without a row has.
    mutating func remove(_ slot: Slot, leaving empty: Row) {
        assert(free.count < rows.count, "what is removed was there")
        rows[slot.index] = empty
        free.append(slot)
    }

    /// Gives the room of a past peak back, as far as its places are behind all that are in use.
    /// - Returns: what is to be freed.
    mutating func giveMemoryBack() -> ContiguousArray<Row> {
        guard rows.count > Self.rowsKept, free.count > rows.count / 2 else { return [] }
        var isUsed = [Bool](repeating: true, count: rows.count)
        for slot in free { isUsed[slot.index] = false }
        let end = isUsed.lastIndex(of: true).map { $0 + 1 } ?? 0
        let old = rows
        rows = ContiguousArray(old.prefix(end))
        free = ContiguousArray(free.lazy.filter { $0.index < end })
        return old
    }

    private static var rowsKept: Int { 1_024 }
}

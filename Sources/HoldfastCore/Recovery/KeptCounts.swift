import HoldfastWire

/// In how many timelines each position is: what a checkpoint adds and takes away, for the store's table of it.
struct KeptCounts {
    private var added = ContiguousArray<UInt64>()
    private var removed = ContiguousArray<UInt64>()

    mutating func reserveCapacity(_ count: Int) { added.reserveCapacity(count) }

    mutating func add(_ position: Position) { added.append(position.rawValue) }

    mutating func remove(_ position: Position) { removed.append(position.rawValue) }

    /// Changes the counts; a position that no timeline holds any more is released.
    /// - Parameter applied: what the store had applied before: of later positions it has no counts.
    func write(to store: any StoreTransaction, applied: Position) throws(StorageError) {
        for (position, count) in Self.runs(added) {
            let before = position <= applied.rawValue ? try Self.count(position, in: store) : 0
            try store.put(.kept, StoreKey.inline(position).span, Self.encoded(before + count).span)
        }
        for (position, count) in Self.runs(removed) {
            #if PLANTED_BUGS
                let left = try Self.count(position, in: store) - count - (PlantedBug.trimTooMuch.isActive ? 1 : 0)
            #else
                let left = try Self.count(position, in: store) - count
            #endif
            let key = StoreKey.inline(position)
            if left > 0 {
                try store.put(.kept, key.span, Self.encoded(left).span)
            } else {
                try store.delete(.kept, key.span)
                try store.put(.released, key.span, [UInt8]().span)
            }
        }
    }

    /// How often each position is in the list, in the order of positions.
    private static func runs(_ positions: ContiguousArray<UInt64>) -> ContiguousArray<(position: UInt64, count: Int)> {
        var runs = ContiguousArray<(position: UInt64, count: Int)>()
        for position in positions.sorted() {
            if runs.last?.position == position { runs[runs.count - 1].count += 1 } else { runs.append((position, 1)) }
        }
        return runs
    }

    private static func count(_ position: UInt64, in store: any StoreTransaction) throws(StorageError) -> Int {
        var count = 0
        _ = try store.get(.kept, StoreKey.inline(position).span) { count = Self.decode($0) ?? 0 }
        return count
    }

    /// A count as it is stored: a varint.
    static func encoded(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(varint: UInt64(count))
        return bytes
    }

    /// - Returns: nil when these bytes are no count.
    static func decode(_ bytes: Span<UInt8>) -> Int? {
        var reader = ByteReader(bytes)
        guard let count = reader.varint(UInt32.self), count > 0, reader.remaining == 0 else { return nil }
        return Int(count)
    }
}

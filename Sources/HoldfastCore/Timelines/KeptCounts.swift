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
        // One array for all values: there are as many as new entries.
        var value: [UInt8] = []
        try Self.eachRun(added) { (position, count) throws(StorageError) in
            let before = position <= applied.rawValue ? try Self.count(position, in: store) : 0
            Self.encode(before + count, into: &value)
            try store.put(.kept, StoreKey.inline(position).span, value.span)
        }
        try Self.eachRun(removed) { (position, count) throws(StorageError) in
            #if PLANTED_BUGS
                let left = try Self.count(position, in: store) - count - (PlantedBug.trimTooMuch.isActive ? 1 : 0)
            #else
                let left = try Self.count(position, in: store) - count
            #endif
            let key = StoreKey.inline(position)
            if left > 0 {
                Self.encode(left, into: &value)
                try store.put(.kept, key.span, value.span)
            } else {
                try store.delete(.kept, key.span)
                try store.put(.released, key.span, [UInt8]().span)
            }
        }
    }

    /// How often each position is in the list, in the order of positions.
    private static func eachRun(
        _ positions: ContiguousArray<UInt64>, _ body: (_ position: UInt64, _ count: Int) throws(StorageError) -> Void
    ) throws(StorageError) {
        let sorted = positions.sorted()
        var start = 0
        while start < sorted.count {
            var end = start + 1
            while end < sorted.count, sorted[end] == sorted[start] { end += 1 }
            try body(sorted[start], end - start)
            start = end
        }
    }

    private static func count(_ position: UInt64, in store: any StoreTransaction) throws(StorageError) -> Int {
        var count = 0
        _ = try store.get(.kept, StoreKey.inline(position).span) { count = Self.decode($0) ?? 0 }
        return count
    }

    /// A count as it is stored: a varint.
    static func encoded(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        encode(count, into: &bytes)
        return bytes
    }

    private static func encode(_ count: Int, into bytes: inout [UInt8]) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(varint: UInt64(count))
    }

    /// - Returns: nil when these bytes are no count.
    static func decode(_ bytes: Span<UInt8>) -> Int? {
        var reader = ByteReader(bytes)
        guard let count = reader.varint(UInt32.self), count > 0, reader.remaining == 0 else { return nil }
        return Int(count)
    }
}

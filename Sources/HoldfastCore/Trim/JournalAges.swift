import HoldfastWire

/// How old the journal's records are, and how many bytes have come with them: a point now and then, because ages and sums rise with positions. From
/// them a limit by age or by bytes becomes a position, without a look at the records.
struct JournalAges {
    struct Point: Equatable, Sendable {
        /// No record up to here is younger.
        var position: Position
        /// By the age clock, in seconds.
        var age: UInt32
        /// Of all records up to here that there ever were, those included that were deleted.
        var bytes: UInt64
    }

    private(set) var points = ContiguousArray<Point>()
    /// Of all records that there ever were.
    private(set) var bytes: UInt64 = 0
    /// What the next checkpoint has to write.
    private var changed = Rows()

    struct Rows: Sendable {
        var put = ContiguousArray<Point>()
        var deleted = ContiguousArray<Position>()
    }

    /// Points are at least so far apart.
    static let secondsMin: UInt32 = 60
    static let bytesMin: UInt64 = 64 << 20

    /// A record was made, or replayed.
    mutating func count(_ bytes: Int) { self.bytes += UInt64(bytes) }

    /// A point for everything up to a position, as of now. The last one may go for it: it is too near to the one before that.
    mutating func note(_ position: Position, age: UInt32) {
        let point = Point(position: position, age: age, bytes: bytes)
        if let last = points.last {
            guard position > last.position else { return }
            assert(age >= last.age, "ages rise with positions")
            if points.count > 1, isNear(last, points[points.count - 2]) {
                points.removeLast()
                delete(last)
            }
        }
        points.append(point)
        changed.put.append(point)
    }

    private func isNear(_ point: Point, _ before: Point) -> Bool {
        point.age &- before.age < Self.secondsMin && point.bytes - before.bytes < Self.bytesMin
    }

    /// The furthest position up to which every record is of this age or older; zero: nothing is known to be.
    func position(upToAge age: UInt32) -> Position { last { $0.age <= age } }

    /// The nearest position after which at most so many bytes have come.
    func position(leaving bytesMax: UInt64) -> Position {
        guard bytes > bytesMax else { return .zero }
        let index = firstIndex { bytes - $0.bytes <= bytesMax }
        return index < points.count ? points[index].position : points.last?.position ?? .zero
    }

    /// Forgets points of which none is asked any more: those before the last one that is as old as `age` and up to `floor`.
    mutating func forget(upToAge age: UInt32, floor: Position) {
        let count = firstIndex { $0.age > age || $0.position > floor } - 1
        guard count > 0 else { return }
        for point in points.prefix(count) { delete(point) }
        points.removeFirst(count)
    }

    private mutating func delete(_ point: Point) {
        // One that no checkpoint has written needs no deletion.
        if changed.put.last == point { changed.put.removeLast() } else { changed.deleted.append(point.position) }
    }

    private func last(_ isWanted: (Point) -> Bool) -> Position {
        let index = firstIndex { !isWanted($0) }
        return index > 0 ? points[index - 1].position : .zero
    }

    /// The first point for which `isBehind` is true, which it stays.
    private func firstIndex(_ isBehind: (Point) -> Bool) -> Int {
        var (low, high) = (0, points.count)
        while low < high {
            let middle = low + (high - low) / 2
            if isBehind(points[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    // MARK: Rows

    /// Rows that the next checkpoint puts or deletes.
    var changedCount: Int { changed.put.count + changed.deleted.count }

    /// What has changed since the last time, for a checkpoint.
    mutating func freeze() -> Rows {
        defer { changed = Rows() }
        return changed
    }

    /// The points as the store has them.
    mutating func load(_ snapshot: any StorageSnapshot) throws(StorageError) {
        var isDamaged = false
        try snapshot.scan(.ages, from: [UInt8]().span) { key, value in
            guard let point = Point(key, value), point.position > points.last?.position ?? .zero, point.age >= points.last?.age ?? 0,
                point.bytes >= points.last?.bytes ?? 0
            else {
                isDamaged = true
                return false
            }
            points.append(point)
            return true
        }
        if isDamaged { throw StorageError(.damaged, "A row of the store's table ages is damaged: run `holdfast repair --dry-run`.") }
        bytes = points.last?.bytes ?? 0
    }

    /// What must hold between the points and doesn't; nil: all does.
    var violation: String? {
        for (point, next) in zip(points, points.dropFirst())
        where point.position >= next.position || point.age > next.age || point.bytes > next.bytes {
            return "the ages of records don't rise at \(next.position.rawValue)"
        }
        return points.last.map { $0.bytes > bytes } ?? false ? "fewer bytes have come than had" : nil
    }
}

extension JournalAges.Rows {
    func write(to store: any StoreTransaction) throws(StorageError) {
        for point in put { try store.put(.ages, StoreKey.inline(point.position.rawValue).span, point.encoded.span) }
        for position in deleted { try store.delete(.ages, StoreKey.inline(position.rawValue).span) }
    }
}

extension JournalAges.Point {
    /// age u32 | bytes u64
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: age)
        bytes.append(bigEndian: self.bytes)
        return bytes
    }

    init?(_ key: Span<UInt8>, _ value: Span<UInt8>) {
        var (key, value) = (ByteReader(key), ByteReader(value))
        guard let position = key.integer(UInt64.self), let age = value.integer(UInt32.self), let bytes = value.integer(UInt64.self) else {
            return nil
        }
        self.init(position: Position(rawValue: position), age: age, bytes: bytes)
    }
}

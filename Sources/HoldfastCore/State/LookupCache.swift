import HoldfastWire

/// What the core knows of a table whose rows are written once: new rows since the last checkpoint, and a bounded cache of
/// what the disk has and has not. One table for all of it, so that a question costs one search.
struct LookupCache<Key: Hashable & Sendable, Value: Sendable> {
    enum Answer {
        case found(Value)
        case absent
        /// Ask the disk.
        case unknown
    }

    typealias Row = (key: Key, value: Value)

    private struct Entry {
        /// nil: not there.
        var value: Value?
        /// Which checkpoint writes it; 0: known from the disk.
        var epoch: UInt32
        /// Its place in `recent`, if it is of the epoch that runs.
        var place: Int32
        /// Since the hand came by.
        var isAskedFor = false
    }

    private var entries: [Key: Entry] = [:]
    /// The keys of all entries, in the order in which they come before the hand, from `hand` on.
    private var order = ContiguousArray<Key>()
    private var hand = 0
    /// Made since the last checkpoint began.
    private(set) var recent = ContiguousArray<Row>()
    /// Being written by the checkpoint that runs.
    private(set) var frozen = ContiguousArray<Row>()
    private var epoch: UInt32 = 1
    private var writtenEpoch: UInt32 = 0
    private let cachedMax: Int

    init(cachedMax: Int) { self.cachedMax = max(1, cachedMax) }

    mutating func find(_ key: Key) -> Answer {
        guard let index = entries.index(forKey: key) else { return .unknown }
        let entry = entries.values[index]
        if !entry.isAskedFor { entries.values[index].isAskedFor = true }
        return entry.value.map(Answer.found) ?? .absent
    }

    /// A new row, or a new value of one: what the disk was known to have is out of date.
    mutating func insert(_ key: Key, _ value: Value) {
        let isKnown: Bool
        if let entry = entries[key] {
            if entry.epoch == epoch {
                recent[Int(entry.place)].value = value
                entries[key] = Entry(value: value, epoch: epoch, place: entry.place)
                return
            }
            isKnown = true
        } else {
            isKnown = false
        }
        entries[key] = Entry(value: value, epoch: epoch, place: Int32(recent.count))
        recent.append((key, value))
        if !isKnown { added(key, needed: 0) }
    }

    /// What a view of the disk said that is not older than the last written checkpoint.
    /// - Parameter needed: how many answers commands wait for: so many are kept in any case.
    mutating func remember(_ key: Key, _ value: Value?, needed: Int = 0) {
        if let index = entries.index(forKey: key) {
            // Asked before it was made, answered after: the disk doesn't have it yet.
            if entries.values[index].epoch <= writtenEpoch { entries.values[index].value = value }
            return
        }
        entries[key] = Entry(value: value, epoch: 0, place: 0)
        added(key, needed: needed)
    }

    /// Makes room: what nobody has asked for since the hand last came by goes. Of a table full of changed rows a few are looked at.
    private mutating func added(_ key: Key, needed: Int) {
        order.append(key)
        let countMax = max(cachedMax, needed) + changedCount
        var steps = 4
        while entries.count > countMax, steps > 0 {
            steps -= 1
            let oldest = order[hand]
            hand += 1
            if let index = entries.index(forKey: oldest) {
                if entries.values[index].isAskedFor || entries.values[index].epoch > writtenEpoch {
                    entries.values[index].isAskedFor = false
                    order.append(oldest)
                } else {
                    entries.remove(at: index)
                }
            }
            if hand >= 4_096, hand > order.count / 2 {
                order.removeSubrange(..<hand)
                hand = 0
            }
        }
    }

    /// The value of a row that the disk doesn't have yet.
    func changed(_ key: Key) -> Value? { entries[key].flatMap { $0.epoch > writtenEpoch ? $0.value : nil } }

    /// Lets go of what the disk knows too.
    mutating func forgetKnown() {
        entries = entries.filter { $0.value.epoch > writtenEpoch }
        order = ContiguousArray(entries.keys)
        hand = 0
    }

    /// The rows that the checkpoint which begins has to write, each key once.
    mutating func freeze() -> ContiguousArray<Row> {
        frozen = recent
        recent = []
        epoch += 1
        return frozen
    }

    /// The frozen rows are on disk, where they will be found.
    mutating func frozenWritten() {
        frozen = []
        writtenEpoch = epoch - 1
    }

    var changedCount: Int { recent.count + frozen.count }
}

import HoldfastWire

/// What the core knows of a table whose rows are written once: new rows since the last checkpoint, and a bounded cache of
/// what the disk has and has not. One table for all of it, so that a question costs one search.
struct LookupCache<Key: CacheKey, Value: Sendable> {
    enum Answer {
        case found(Value)
        case absent
        /// Ask the disk.
        case unknown
    }

    typealias Row = (key: Key, value: Value)

    private struct Entry: Sendable {
        let key: Key
        /// nil: not there.
        var value: Value?
        /// Since the hand came by.
        var isAskedFor = false
        /// The key's.
        let hash: UInt32
        /// Which checkpoint writes it; 0: known from the disk.
        var epoch: UInt32
        /// Its place in `recent`, if it is of the epoch that runs.
        var place: Int32
    }

    /// nil: a free slot.
    private var entries = ContiguousArray<Entry?>()
    private var freeSlots = ContiguousArray<CacheSlot>()
    private var index = HashIndex()
    /// The next slot that the hand comes by.
    private var hand = 0
    /// Made since the last checkpoint began.
    private(set) var recent = ContiguousArray<Row>()
    /// Being written by the checkpoint that runs.
    private(set) var frozen = ContiguousArray<Row>()
    private var epoch: UInt32 = 1
    private var writtenEpoch: UInt32 = 0
    private let cachedMax: Int
    private let hash: KeyedHash
    /// Hashes of what was last asked for and not taken, each at a place that it says itself; empty until the cache is full.
    private var passedOver = ContiguousArray<UInt32>()

    init(cachedMax: Int, _ hash: KeyedHash) {
        self.cachedMax = max(1, cachedMax)
        self.hash = hash
    }

    /// What is known of a key, and its place, to be given to `touch` by a command that uses the answer.
    func find(_ key: Key) -> (answer: Answer, place: CacheSlot) {
        guard let slot = slot(of: key, hash: key.hash(hash)) else { return (.unknown, .none) }
        return (entries[slot]?.value.map(Answer.found) ?? .absent, CacheSlot(rawValue: UInt32(slot)))
    }

    /// Somebody uses what is there: it stays while others go.
    mutating func touch(_ place: CacheSlot) {
        if place != .none { entries[place.index]?.isAskedFor = true }
    }

    private func slot(of key: Key, hash: UInt32) -> Int? {
        index.find(hash) { entries[$0.index]?.key == key }.map(\.index)
    }

    /// A new row, or a new value of one: what the disk was known to have is out of date.
    mutating func insert(_ key: Key, _ value: Value) {
        let keyHash = key.hash(hash)
        guard let slot = slot(of: key, hash: keyHash) else {
            add(Entry(key: key, value: value, hash: keyHash, epoch: epoch, place: Int32(recent.count)))
            recent.append((key, value))
            return makeRoom(needed: 0)
        }
        entries[slot]?.value = value
        if entries[slot]?.epoch == epoch, let place = entries[slot]?.place {
            recent[Int(place)].value = value
        } else {
            entries[slot]?.epoch = epoch
            entries[slot]?.place = Int32(recent.count)
            recent.append((key, value))
        }
    }

    /// What a view of the disk said that is not older than the last written checkpoint.
    /// - Parameter needed: how many answers commands wait for: so many are kept in any case.
    mutating func remember(_ key: Key, _ value: Value?, needed: Int = 0) {
        assert(needed >= 0, "as many answers are needed as commands name")
        let keyHash = key.hash(hash)
        if let slot = slot(of: key, hash: keyHash) {
            // Asked before it was made, answered after: the disk doesn't have it yet.
            if let epoch = entries[slot]?.epoch, epoch <= writtenEpoch { entries[slot]?.value = value }
            return
        }
        add(Entry(key: key, value: value, hash: keyHash, epoch: 0, place: 0))
        makeRoom(needed: needed)
    }

    /// As `remember`, of what stays true and whoever asked has already: when the cache is full, only if it was asked for before, and that lately.
    /// Who goes through more keys than the cache can hold would otherwise push out each just before it comes round again, and all others with it.
    /// - Returns: whether it is remembered.
    @discardableResult
    mutating func rememberIfAskedAgain(_ key: Key, _ value: Value) -> Bool {
        guard index.count >= cachedMax + changedCount else {
            remember(key, value)
            return true
        }
        if passedOver.isEmpty {
            // As many as the cache may hold, up to a power of two.
            passedOver = ContiguousArray(repeating: 0, count: 1 << (Int.bitWidth - (cachedMax - 1).leadingZeroBitCount))
        }
        let keyHash = key.hash(hash)
        let place = Int(keyHash) & (passedOver.count - 1)
        if passedOver[place] == keyHash {
            remember(key, value)
            return true
        }
        passedOver[place] = keyHash
        makeRoom(needed: 0)
        return false
    }

    private mutating func add(_ entry: Entry) {
        assert(slot(of: entry.key, hash: entry.hash) == nil, "a key has one place")
        if let slot = freeSlots.popLast() {
            entries[slot.index] = entry
            index.insert(slot, entry.hash)
        } else {
            entries.append(entry)
            index.insert(CacheSlot(rawValue: UInt32(entries.count - 1)), entry.hash)
        }
    }

    /// What nobody has asked for since the hand last came by goes. Of a table full of changed rows a few are looked at.
    private mutating func makeRoom(needed: Int) {
        let countMax = max(cachedMax, needed) + changedCount
        // The bit is a favour, no right: with it alone nobody might ever go.
        let isFavouring = index.count <= countMax + cachedMax / 8
        var steps = 4
        while index.count > countMax, steps > 0 {
            steps -= 1
            if hand >= entries.count { hand = 0 }
            let slot = hand
            hand += 1
            // Not the whole entry: its name would come into the processor's cache.
            guard let epoch = entries[slot]?.epoch, let isAskedFor = entries[slot]?.isAskedFor, let hash = entries[slot]?.hash else {
                continue
            }
            if isAskedFor && isFavouring || epoch > writtenEpoch {
                entries[slot]?.isAskedFor = false
            } else {
                index.remove(CacheSlot(rawValue: UInt32(slot)), hash)
                entries[slot] = nil
                freeSlots.append(CacheSlot(rawValue: UInt32(slot)))
            }
        }
    }

    /// The value of a row that the disk doesn't have yet.
    func changed(_ key: Key) -> Value? {
        guard let slot = slot(of: key, hash: key.hash(hash)), let entry = entries[slot], entry.epoch > writtenEpoch else { return nil }
        return entry.value
    }

    /// Lets go of what the disk knows too, and of its room.
    /// - Returns: the table as it was, to be freed.
    mutating func forgetKnown() -> any Sendable {
        let old = entries
        // Every changed row is in one of these; in both, if it was changed again.
        let changed = (frozen + recent).compactMap { row in slot(of: row.key, hash: row.key.hash(hash)) }
        entries = []
        freeSlots = []
        index = HashIndex()
        passedOver = []
        hand = 0
        var isAdded = Set<Int>()
        for slot in changed where isAdded.insert(slot).inserted {
            if let entry = old[slot], entry.epoch > writtenEpoch { add(entry) }
        }
        return old
    }

    /// The rows that the checkpoint which begins has to write, each key once.
    mutating func freeze() -> ContiguousArray<Row> {
        precondition(frozen.isEmpty, "one checkpoint at a time")
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

    /// What must hold in the table and doesn't; nil: all does.
    var violation: String? {
        let count = entries.count { $0 != nil }
        if count != index.count { return "\(count) keys, \(index.count) in the index" }
        if count + freeSlots.count != entries.count { return "a place is neither free nor used" }
        for (place, row) in recent.enumerated() {
            guard let slot = slot(of: row.key, hash: row.key.hash(hash)), let entry = entries[slot] else { return "a new row is gone" }
            if entry.epoch != epoch || Int(entry.place) != place { return "a new row isn't at its place" }
        }
        return nil
    }

    var changedCount: Int { recent.count + frozen.count }
}

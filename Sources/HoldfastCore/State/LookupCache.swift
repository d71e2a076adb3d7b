/// What the core knows of a table whose rows are written once: new rows since the last checkpoint, and a bounded cache of
/// what the disk has and has not.
struct LookupCache<Key: Hashable & Sendable, Value: Sendable> {
    enum Answer {
        case found(Value)
        case absent
        /// Ask the disk.
        case unknown
    }

    /// Made since the last checkpoint began.
    private(set) var recent: [Key: Value] = [:]
    /// Being written by the checkpoint that runs.
    private(set) var frozen: [Key: Value] = [:]
    /// Known from the disk; nil: not there. Two generations instead of an order of use: when the young one is full, it
    /// becomes the old one, and what the old one had and nobody asked for is gone.
    private var young: [Key: Value?] = [:]
    private var old: [Key: Value?] = [:]
    private let generationMax: Int

    init(cachedMax: Int) { generationMax = max(1, cachedMax / 2) }

    mutating func find(_ key: Key) -> Answer {
        if let value = recent[key] { return .found(value) }
        if let value = frozen[key] { return .found(value) }
        if let known = young[key] { return known.map(Answer.found) ?? .absent }
        if let known = old[key] {
            remember(key, known)
            return known.map(Answer.found) ?? .absent
        }
        return .unknown
    }

    /// A new row, or a new value of one: what the disk was known to have is out of date.
    mutating func insert(_ key: Key, _ value: Value) {
        recent[key] = value
        young[key] = nil
        old[key] = nil
    }

    /// What a view of the disk said that is not older than the last written checkpoint.
    /// - Parameter needed: how many answers commands wait for: so many are kept in any case.
    mutating func remember(_ key: Key, _ value: Value?, needed: Int = 0) {
        // Asked before it was made, answered after: the disk doesn't have it yet.
        guard recent[key] == nil, frozen[key] == nil else { return }
        if young.count >= max(generationMax, needed) {
            old = young
            young = [:]
        }
        young[key] = .some(value)
    }

    /// Lets go of what the disk knows too.
    mutating func forgetKnown() {
        young = [:]
        old = [:]
    }

    mutating func freeze() -> [Key: Value] {
        frozen = recent
        recent = [:]
        return frozen
    }

    /// The frozen rows are on disk, where they will be found.
    mutating func frozenWritten() { frozen = [:] }

    var changedCount: Int { recent.count + frozen.count }
}

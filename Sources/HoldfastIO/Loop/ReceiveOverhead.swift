/// What a peer makes the loop do without bringing anything: records of TLS that hold no data, and reads that bring next to nothing. A leaky bucket in
/// two bytes of a connection's slot.
///
/// A record without data (a key update costs 7 us, an empty record or a warning less) weighs as much as 600 tiny records with some, so that a peer may
/// send 100 of the former or 60,000 of the latter at once, and as many a second. Honest peers change keys once in millions of records.
struct ReceiveOverhead: Equatable {
    /// What the bucket holds.
    private(set) var level: UInt16 = 0

    /// What runs out in a tick of the wheel, of which there are 31 a second.
    static let unitsPerTick = 2048
    /// A TLS record that brings no data.
    static let unitsPerEmptyRecord = 600
    /// A TLS record pays for itself by this many bytes of data.
    static let bytesPerRecordMin = 64
    /// Fewer bytes than this, added to the unfinished beginning of a frame, don't pay for its being shown again.
    static let bytesPerReadMin = 256

    /// Time has passed.
    mutating func leak(ticks: UInt32) {
        guard level > 0 else { return }
        level = UInt16(max(0, Int(level) - min(Int(ticks), 64) * Self.unitsPerTick))
    }

    /// Records that brought no data, and records that brought `byteCount` bytes in all.
    /// - Returns: whether the bucket holds them.
    mutating func add(emptyRecords: Int, dataRecords: Int, byteCount: Int) -> Bool {
        add(emptyRecords * Self.unitsPerEmptyRecord + max(0, dataRecords - byteCount / Self.bytesPerRecordMin))
    }

    /// A read of `byteCount` bytes behind `keptCount` that were shown before, and are copied and looked at again.
    /// - Returns: whether the bucket holds it.
    mutating func add(readBytes byteCount: Int, behind keptCount: Int) -> Bool {
        keptCount == 0 || byteCount >= Self.bytesPerReadMin || add(4 + min(keptCount, 1 << 17) / 256)
    }

    /// How many records without data it still holds.
    var emptyRecordsLeft: Int { (Int(UInt16.max) - Int(level)) / Self.unitsPerEmptyRecord }

    private mutating func add(_ units: Int) -> Bool {
        guard Int(level) + units <= Int(UInt16.max) else { return false }
        level += UInt16(units)
        return true
    }
}

import HoldfastWire

/// Where a timeline is: a part of its owner's row.
struct TimelineRow {
    /// All that the timeline ever got: the last entry's place and counters.
    var last = InboxEntry.none
    /// The last entry that the store may hold; what is newer is in the list below.
    fileprivate(set) var diskLast = Position.zero
    /// Entries since the last checkpoint, oldest first.
    fileprivate(set) var entries = EntryList()
    /// The store may hold entries, or will when the checkpoint that runs is written.
    fileprivate(set) var isOnDisk = false

    /// A timeline that is wholly on the disk, if it ever got anything.
    init(last: InboxEntry = .none) {
        self.last = last
        diskLast = last.position
        isOnDisk = last.position != .zero
    }
}

/// The timelines of one kind: a part of the core that owns their entries since the last checkpoint, and says what a checkpoint has to write. Whose
/// they are, and where each begins, is for the part that owns the rows.
struct Timelines: ~Copyable {
    private var entries = EntryPool()
    private var images = TimelineImages()
    /// Entries on disk that have left their timeline since the last checkpoint began: it deletes them.
    private var released = 0
    /// Those that the one under way deletes.
    private var frozenReleased = 0

    /// Entries in RAM: the next checkpoint writes them.
    var count: Int { entries.usedCount }

    /// Adds the entries that checkpoints have to write and to delete to `rows`, those of the one under way included.
    func countChanged(_ rows: inout CheckpointRows) {
        rows.entriesAdded += count
        rows.entriesRemoved += released + frozenReleased
    }

    // MARK: Entries

    mutating func append(_ entry: TimelineEntry, size: UInt32, to row: inout TimelineRow) {
        precondition(entry.position > row.last.position, "positions of a timeline rise")
        assert(entry.mark.ordinal == row.last.ordinal &+ 1, "a timeline counts what it gets")
        row.last = entry.mark
        entries.append(entry, size: size, kind: .message, to: &row.entries)
    }

    /// What is below has left the timeline.
    /// - Parameters:
    ///   - before: where the timeline began until now.
    ///   - base: where it begins now.
    mutating func release(from before: InboxEntry, to base: InboxEntry, of row: inout TimelineRow) {
        assert(base.position >= before.position, "a timeline never begins earlier than it did")
        // Those that aren't in RAM are on disk.
        var left = Int(Int32(bitPattern: base.ordinal &- before.ordinal))
        while let first = entries.first(of: row.entries), first.entry.position <= base.position {
            _ = entries.removeFirst(of: &row.entries)
            left -= 1
        }
        if left > 0 { released += left }
    }

    /// The row goes out of RAM.
    mutating func removeAll(of row: inout TimelineRow) { entries.removeAll(of: &row.entries) }

    /// Entries that are in RAM, after one position and up to another.
    func recent(of row: TimelineRow, after start: Position, through end: Position, limit: Int) -> ContiguousArray<TimelineEntry> {
        var found = ContiguousArray<TimelineEntry>()
        var slot = row.entries.head
        while slot != .none, found.count < limit {
            let entry = entries[slot].timelineEntry
            if entry.position > end { break }
            if entry.position > start { found.append(entry) }
            slot = entries.next(after: slot)
        }
        return found
    }

    /// The last of the `count` oldest entries, if all are in RAM; nil: the timeline on disk must be asked.
    /// - Parameter base: where the timeline begins.
    func oldest(_ count: Int, of row: TimelineRow, from base: Position) -> InboxEntry? {
        guard base >= row.diskLast else { return nil }
        return recent(of: row, after: base, through: Position(rawValue: .max), limit: count).last?.mark
    }

    /// The last entry at or before `position`, if the RAM can tell; nil: the timeline on disk must be asked.
    /// - Parameter base: where the timeline begins.
    func entry(of row: TimelineRow, atOrBefore position: Position, from base: Position) -> InboxEntry? {
        if position >= row.last.position { return row.last }
        guard position > base, position >= row.diskLast else { return nil }
        var before: InboxEntry?
        var slot = row.entries.head
        while slot != .none {
            let node = entries[slot]
            if node.entry.position > position {
                return before
                    ?? InboxEntry(
                        position: max(base, row.diskLast), ordinal: node.entry.ordinal &- 1,
                        cumulativeBytes: node.entry.cumulativeBytes &- node.size)
            }
            before = node.entry
            slot = entries.next(after: slot)
        }
        return before ?? row.last
    }

    // MARK: Checkpoints

    /// Begins a checkpoint of all that is in RAM.
    mutating func freeze() {
        frozenReleased = released
        released = 0
        images = TimelineImages(entries: entries.usedCount)
    }

    /// Copies a timeline as it is now.
    mutating func copy(_ row: inout TimelineRow, id: UInt64, from base: Position) {
        let mayHaveReleased = row.isOnDisk && base != .zero
        guard mayHaveReleased || !row.entries.isEmpty else { return }
        images.add(id, base: base, mayHaveReleased: mayHaveReleased)
        var node = row.entries.head
        while node != .none {
            images.add(entries[node].timelineEntry)
            node = entries.next(after: node)
        }
        if !row.entries.isEmpty { row.isOnDisk = true }
    }

    /// The copies for the checkpoint; once.
    mutating func takeImages() -> TimelineImages {
        defer { images = TimelineImages() }
        return images
    }

    mutating func frozenWritten() { frozenReleased = 0 }

    /// Frees entries that the timeline on disk has.
    /// - Returns: whether there were any.
    mutating func letGo(of row: inout TimelineRow, through position: Position) -> Bool {
        var last: Position?
        while let first = entries.first(of: row.entries), first.entry.position <= position {
            _ = entries.removeFirst(of: &row.entries)
            last = first.entry.position
        }
        guard let last else { return false }
        #if PLANTED_BUGS
            if PlantedBug.pageRacesCheckpoint.isActive { return false }
        #endif
        assert(row.isOnDisk && last <= row.last.position, "what is let go of was written")
        row.diskLast = max(row.diskLast, last)
        return true
    }

    // MARK: Invariants

    /// What must hold of a timeline and doesn't; nil: all does.
    /// - Parameters:
    ///   - base: where it begins.
    ///   - count: raised by its entries.
    func violation(_ row: TimelineRow, from base: Position, _ count: inout Int) -> String? {
        var last: InboxEntry?
        var slot = row.entries.head
        while slot != .none {
            count += 1
            let entry = entries[slot].entry
            if entry.position <= base { return "an entry at \(entry.position.rawValue) is below where the timeline begins" }
            if let last, last.position >= entry.position || last.ordinal &+ 1 != entry.ordinal { return "entries don't rise" }
            last = entry
            slot = entries.next(after: slot)
        }
        return last == nil || last == row.last ? nil : "the newest entry isn't the last one that the timeline got"
    }
}

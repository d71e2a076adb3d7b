import HoldfastWire

/// What the checkpoint that runs changes in timelines of one kind: entries since the last one, and those that are gone.
struct TimelineImages: Sendable {
    private struct Image: Sendable {
        var id: UInt64
        /// What is gone from the timeline.
        var base: Position
        /// Whether the timeline on disk may hold something that is gone.
        var mayHaveReleased: Bool
        var entries: Range<Int>
    }

    private var images = ContiguousArray<Image>()
    private var entries = ContiguousArray<TimelineEntry>()

    /// With room for what will be added.
    init(entries entryCount: Int = 0) { entries.reserveCapacity(entryCount) }

    /// Adds a timeline; its entries follow.
    mutating func add(_ id: UInt64, base: Position, mayHaveReleased: Bool) {
        images.append(Image(id: id, base: base, mayHaveReleased: mayHaveReleased, entries: entries.count..<entries.count))
    }

    /// Adds an entry of the timeline that was added last.
    mutating func add(_ entry: TimelineEntry) {
        assert(
            images.last.map { $0.entries.isEmpty || entries[entries.count - 1].position < entry.position } ?? false,
            "entries follow their timeline, and rise")
        entries.append(entry)
        images[images.count - 1].entries = images[images.count - 1].entries.lowerBound..<entries.count
    }

    /// Writes them in the order of their keys.
    func write(_ kind: Timeline.Kind, to store: any StoreTransaction, _ kept: inout KeptCounts) throws(StorageError) {
        kept.reserveCapacity(entries.count)
        for image in images.sorted(by: { $0.id < $1.id }) {
            let timeline = Timeline(kind, image.id)
            if image.mayHaveReleased {
                try store.deleteEntries(of: timeline, through: image.base) { kept.remove($0.position) }
            }
            for entry in entries[image.entries] {
                try store.append(entry, to: timeline)
                kept.add(entry.position)
            }
        }
    }
}

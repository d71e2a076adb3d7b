package import HoldfastWire

/// Records for one synced transaction, in the order of their positions, in one buffer: all of it is stored or nothing. It needs nothing beside
/// itself to be stored, so it can be sent elsewhere.
package struct JournalBatch: Sendable {
    package struct Entry: Sendable {
        package var position: Position
        package var offset: Int
        package var count: Int
        @inlinable package init(position: Position, offset: Int, count: Int) {
            self.position = position
            self.offset = offset
            self.count = count
        }
    }
    /// The encoded records, one after the other, checksum included.
    package var bytes: [UInt8] = []
    package var entries: ContiguousArray<Entry> = []
    /// Positions below the checkpoint that nothing needs any more, rising: deleted in the same transaction; missing ones are no error.
    package var deletions: ContiguousArray<Position> = []
    /// Its place: the next position of the batch before it. One that only deletes takes no position, and so has the place of the one behind it.
    package var firstPosition: Position = .zero
    /// Stored with the batch, so that no position is ever given out twice. Above every entry.
    package var nextPosition: Position = .zero
    package init() {}
    package var isEmpty: Bool { entries.isEmpty && deletions.isEmpty }
    /// The last position that it takes; of one that only deletes, the last one before it.
    package var lastPosition: Position { Position(rawValue: nextPosition.rawValue - 1) }
    /// What it takes up on its way: its records and its deletions.
    package var byteCount: Int { bytes.count + deletions.count * Self.deletionBytes }

    /// Bytes of a deletion: a position.
    static let deletionBytes = 8
}

package import HoldfastWire

// Records in the order of their positions, on one disk or on a replicated log. The core gives out batches, up to the window, and is told
// how far they are synced (`CoreMessage.committed(through:)`). Rows change when a record is made, so no batch can be taken back: when it is
// unknown what has become of one, the same bytes are offered again at the same place until they are found there (`JournalWriter`).

/// How much may be on its way to a journal at once.
package struct JournalWindow: Equatable, Sendable {
    /// Batches that were given out and aren't known to be synced.
    package var batches: Int
    /// What they hold together. One batch may always be under way, whatever it holds.
    package var bytes: Int

    package init(batches: Int, bytes: Int = .max) {
        precondition(batches >= 1 && bytes >= 1, "a window lets something through")
        self.batches = batches
        self.bytes = bytes
    }

    /// Of a disk that syncs one transaction after the other.
    package static let one = JournalWindow(batches: 1)
}

/// What a journal says of a batch that it was offered.
package enum CommitAnswer: Sendable {
    /// The batch is in its place and synced, and with it everything before it.
    case synced
    /// The journal didn't take it, this time: something before it is missing, or its place is taken, perhaps by itself. That proves nothing.
    case refused
    /// No answer came, or none that says anything: it may be in its place, or get there later.
    case unknown
}

/// What is in the place of a batch.
package enum JournalPlace: Equatable, Sendable {
    /// Nothing yet.
    case empty
    /// The batch.
    case batch
    /// What somebody else has written.
    case other
}

/// Records in the order of their positions, written by one process at a time.
///
/// Whoever opens a journal shuts out what an earlier process may still have on its way, because clients are about to be told what isn't stored, and
/// that has to stay so. Where the earlier one may still live, a position is no fence: of two batches in flight the first may be lost, another's records may
/// end where it would have ended, and the second would be taken behind those.
package protocol Journal: AnyObject, Sendable {
    /// How many batches may be offered before the first of them is answered. It never changes.
    var window: JournalWindow { get }
    /// The first position not given out yet, as stored by the last batch (or by the making of the journal).
    var nextPosition: Position { get }
    /// Appends and deletes in one transaction, in the batch's place, and syncs it. When it throws, nothing of the batch may be taken as stored or as
    /// lost: the process ends. A journal with a window of more than one takes a batch only in its place, behind all before it.
    @discardableResult func commit(_ batch: JournalBatch) throws(StorageError) -> CommitAnswer
    /// What is in the batch's place now.
    func place(of batch: JournalBatch) throws(StorageError) -> JournalPlace
}

extension Journal {
    /// Stores a batch, for a thread that has one at a time: it comes back when the batch is known to be in its place. A `JournalWriter` does the
    /// same for several.
    package func commitUntilSynced(_ batch: JournalBatch) throws(StorageError) {
        while try commit(batch) != .synced {
            switch try place(of: batch) {
            case .empty: continue
            case .batch: return
            case .other: throw .anotherWriter(at: batch.firstPosition)
            }
        }
    }
}

extension StorageError {
    /// In the place of a batch is what this process didn't write: another one took the journal over.
    static func anotherWriter(at position: Position) -> StorageError {
        StorageError(
            .inUse,
            "At position \(position.rawValue) the journal has records of another gateway, which has taken it over. Nothing of this one's was "
                + "confirmed since. Have one gateway only, and start this one again if it is to be that.")
    }
}

/// A view of the journal.
package protocol JournalSnapshot {
    /// The first position not given out yet, of the same moment as the records.
    func nextPosition() throws(StorageError) -> Position
    /// Hands the record's bytes to `body`; false when the journal doesn't have it.
    func record(at position: Position, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool
    /// Records after `position` in order, until `body` returns false.
    func records(after position: Position, _ body: (Position, Span<UInt8>) -> Bool) throws(StorageError)
    /// The positions of the records after `position`, at most `limit`, without touching their bytes.
    func positions(after position: Position, limit: Int, into positions: inout ContiguousArray<Position>) throws(StorageError)
}

extension JournalSnapshot {
    /// What is in the batch's place. A batch is there with all its records or not at all. One that only deletes leaves nothing to be found; but it
    /// goes alone, and what is in its place is another's.
    package func place(of batch: JournalBatch) throws(StorageError) -> JournalPlace {
        guard try nextPosition() > batch.firstPosition else { return .empty }
        guard !batch.entries.isEmpty else { return .other }
        var stored = ContiguousArray<Position>()
        try positions(
            after: Position(rawValue: batch.firstPosition.rawValue - 1), limit: batch.entries.count + 1, into: &stored)
        let positions = stored.prefix { $0 < batch.nextPosition }
        guard positions.elementsEqual(batch.entries.lazy.map(\.position)) else { return .other }
        for entry in batch.entries {
            var isSame = false
            _ = try record(at: entry.position) { bytes in
                isSame = bytes.count == entry.count && bytes.indices.allSatisfy { bytes[$0] == batch.bytes[entry.offset + $0] }
            }
            guard isSame else { return .other }
        }
        return .batch
    }
}

extension Storage {
    package func place(of batch: JournalBatch) throws(StorageError) -> JournalPlace {
        var place = JournalPlace.empty
        try read { (snapshot) throws(StorageError) in place = try snapshot.place(of: batch) }
        return place
    }
}

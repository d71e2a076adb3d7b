import Glibc
package import HoldfastCore
package import HoldfastWire
import Synchronization

/// Journal and store in two LMDB environments of one data directory.
///
/// Threads: one commits, one checkpoints, any number read; `nextPosition` and `isSpaceLow` are for everybody and never touch a map.
package final class LMDBStorage: RepairableStorage {
    let directory: DataDirectory
    /// Of the directory; where a migration isn't done, what it is to become.
    package let format: StorageFormat
    let journal: LMDBJournal
    let store: LMDBStore
    let readers: LMDBReaderPool
    /// Whoever uses the environments is inside.
    private let gate = Gate()
    /// None when read-only.
    private let space: SpaceMonitor?
    private let earlierReaders: EarlierReaders.View
    /// None when read-only.
    private let place: DirectoryPlace?
    private let storedNextPosition: Atomic<UInt64>
    /// Views that the process keeps places for.
    private let readersKept: Int
    /// Set by a write of which it is unknown whether it is on the disk: nothing may be written after it.
    private let hasFailed = Atomic(false)
    /// Both, for those who look into their tables of readers.
    var environments: [LMDBEnvironment] { [journal.environment, store.environment] }

    /// - Parameter space: none to read only.
    init(
        directory: DataDirectory, format: StorageFormat, journal: LMDBJournal, store: LMDBStore, space: SpaceMonitor?, readersKept: Int
    ) throws(StorageError) {
        self.directory = directory
        self.format = format
        self.journal = journal
        self.store = store
        self.space = space
        earlierReaders = EarlierReaders.View(directory)
        place = space == nil ? nil : try DirectoryPlace(directory)
        readers = LMDBReaderPool(journal: journal, store: store, gate: gate)
        self.readersKept = readersKept
        storedNextPosition = Atomic(try journal.nextPosition().rawValue)
        try readers.fill(readersKept)
    }

    /// A transaction is synced before the next one begins.
    package var window: JournalWindow { .one }

    /// The first position not given out yet, as of the last commit.
    package var nextPosition: Position { Position(rawValue: storedNextPosition.load(ordering: .acquiring)) }

    /// Whether new messages have to be refused for want of room. Looks at the file system at most ten times a second.
    package var isSpaceLow: Bool { space?.isLow ?? true }

    /// About how many bytes of records may be stored before that is so. Looks at the file system as often.
    package func roomBytes(checkpoint rows: CheckpointRows) -> Int { space?.roomBytes(checkpoint: rows) ?? 0 }

    /// Why room is low, or what will make it so first, and what to do.
    package var lowRoom: LowRoom { space?.lowRoom ?? LowRoom(cause: "", text: "") }

    /// Which other process keeps the most pages from being used again.
    package var pageHolder: PageHolder? { space?.pageHolder }

    /// How full the files were when that was counted last.
    package var figures: StorageFigures { space?.figures ?? StorageFigures() }

    /// Counts the room anew: a view of another process's may have ended, and somebody may have made room on the disk.
    package func countRoom() throws(StorageError) {
        guard let space else { return }
        // Inside of the gate: `giveMemoryBack` closes what this looks into.
        try gate.enter { () throws(StorageError) in forgetReaders() }
        try countPages(space, isDue: true)
    }

    /// Whether the files are still those at their paths. If not, nothing is written any more.
    package func checkPlace() throws(StorageError) {
        do throws(StorageError) {
            try place?.check()
        } catch {
            hasFailed.store(true, ordering: .releasing)
            throw error
        }
    }

    /// Of a command that looked into the directory and was killed, the view would hold every page back for ever.
    private func forgetReaders() {
        for environment in environments { environment.forgetDeadReaders() }
        earlierReaders.closeIfUnused()
    }

    /// Before the first write: for commands that read without a place in the tables of readers.
    func keepWhatEarlierReadersSee() throws(StorageError) { try earlierReaders.open(journal: journal, store: store) }

    /// Deletes, appends and stores the next position in one synced transaction. A failure leaves a marker that makes the next start verify.
    @discardableResult package func commit(_ batch: JournalBatch) throws(StorageError) -> CommitAnswer {
        let space = try writable()
        guard !batch.isEmpty || batch.nextPosition != nextPosition else { return .synced }
        guard batch.nextPosition >= nextPosition else {
            throw StorageError.failure(
                .system, "append to", directory.journal,
                "the next position would fall from \(nextPosition.rawValue) to \(batch.nextPosition.rawValue)")
        }
        space.prepareToWrite()
        do throws(StorageError) {
            try gate.enter { () throws(StorageError) in try write(batch) }
        } catch {
            hasFailed.store(true, ordering: .releasing)
            throw error
        }
        storedNextPosition.store(batch.nextPosition.rawValue, ordering: .releasing)
        space.committed(bytes: batch.bytes.count)
        try countPages(space, isDue: space.arePagesDue)
        return .synced
    }

    private func write(_ batch: JournalBatch) throws(StorageError) {
        try journal.commit(batch) { leaveMarker($0) }
        guard !batch.deletions.isEmpty, space?.isLow == true else { return }
        // The pages that a transaction frees can be used by the one after the next: nothing else may come that would be the next.
        var empty = JournalBatch()
        empty.nextPosition = batch.nextPosition
        try journal.commit(empty) { leaveMarker($0) }
    }

    /// Puts records in their places and deletes others in one synced transaction: for a repair.
    package func rewrite(
        _ records: [(Position, [UInt8])], deleting deletions: [Position], nextPosition next: Position
    ) throws(StorageError) {
        let space = try writable()
        space.prepareToWrite()
        let next = max(next, nextPosition)
        do throws(StorageError) {
            try gate.enter { () throws(StorageError) in
                try journal.rewrite(records, deleting: deletions, nextPosition: next) { leaveMarker($0) }
            }
        } catch {
            hasFailed.store(true, ordering: .releasing)
            throw error
        }
        storedNextPosition.store(next.rawValue, ordering: .releasing)
    }

    /// Writes the store in one synced transaction.
    package func checkpoint(_ body: (any StoreTransaction) throws(StorageError) -> Void) throws(StorageError) {
        let space = try writable()
        space.prepareToWrite()
        try gate.enter { () throws(StorageError) in
            try writeStore(body)
            // As with the journal's deletions.
            if space.isLow { try writeStore { (transaction) throws(StorageError) in try transaction.touch() } }
            forgetReaders()
        }
        try countPages(space, isDue: true)
    }

    private func writeStore(_ body: (LMDBStoreTransaction) throws(StorageError) -> Void) throws(StorageError) {
        unsafe try store.environment.write("write a checkpoint to") { (transaction) throws(StorageError) in
            let checkpoint = unsafe LMDBStoreTransaction(transaction, store)
            defer { checkpoint.finish() }
            try body(checkpoint)
            if let failure = checkpoint.failure { throw failure }
        } commitFailed: {
            hasFailed.store(true, ordering: .releasing)
            leaveMarker($0)
        }
    }

    /// Gives back the memory that LMDB keeps of its largest transactions; who reads or writes meanwhile waits for some microseconds. An
    /// error ends the process, and nobody reads or writes after it. Does nothing while the process has few descriptors left, or when other files have
    /// taken the place of these: it might not get back what it closes.
    package func giveMemoryBack() throws(StorageError) {
        guard space != nil, !hasFailed.load(ordering: .acquiring) else { return }
        // A view that somebody relies on is the environments', too.
        earlierReaders.closeIfUnused()
        guard !earlierReaders.isOpen else { return }
        let spare = (0..<Self.descriptorsSpare).map { _ in dup(STDERR_FILENO) }
        try gate.alone { () throws(StorageError) in
            // The readers' transactions are the environments'.
            readers.removeAll()
            for descriptor in spare where descriptor >= 0 { close(descriptor) }
            guard spare.allSatisfy({ $0 >= 0 }), store.environment.isInPlace, journal.environment.isInPlace else { return }
            try store.reopen()
            try journal.reopen()
            try readers.fill(readersKept)
        }
    }

    /// More than other threads open in the microseconds between closing and opening.
    private static let descriptorsSpare = 256

    /// Runs `body` on a view of both that ends with it; the view must not be kept.
    package func read(_ body: (any StorageSnapshot) throws(StorageError) -> Void) throws(StorageError) {
        try readers.read { (reader) throws(StorageError) in try body(reader) }
    }

    /// Refuses a store that has applied what the journal doesn't have, for instance after one of them was restored without the other.
    package func checkApplied(_ position: Position) throws(StorageError) {
        guard position >= nextPosition else { return }
        throw StorageError.failure(
            .storeAhead, "use the data directory", directory.path,
            "the store has applied position \(position.rawValue), but the journal's next is \(nextPosition.rawValue)")
    }

    /// How much both hold, counted now.
    package func usage() throws(StorageError) -> StorageUsage {
        var usage = StorageUsage()
        try readers.read { (reader) throws(StorageError) in usage = try reader.usage() }
        return usage
    }

    /// Checks what only writing needs: the lists of free pages.
    package func checkFreePages() throws(StorageError) {
        try readers.read { (reader) throws(StorageError) in
            unsafe try reader.store.environment.checkFreePages(reader.rows())
            unsafe try reader.journal.environment.checkFreePages(reader.journalRows())
        }
    }

    /// Checks every record of the journal; nil when all are good, else the first that isn't.
    func firstDamaged(_ isIntact: (Position, Span<UInt8>) -> Bool) throws(StorageError) -> Position? {
        var damaged: Position?
        try read { (snapshot) throws(StorageError) in
            try snapshot.records(after: .zero) { position, record in
                if !isIntact(position, record) { damaged = position }
                return damaged == nil
            }
        }
        return damaged
    }

    private func writable() throws(StorageError) -> SpaceMonitor {
        guard let space else {
            throw StorageError.failure(.readOnly, "write to", directory.path, "it was opened for reading")
        }
        if hasFailed.load(ordering: .acquiring) {
            throw StorageError.failure(.system, "write to", directory.path, "a write before failed, and what it left is unknown")
        }
        return space
    }

    private func countPages(_ space: SpaceMonitor, isDue: Bool) throws(StorageError) {
        guard isDue else { return }
        let start = ContinuousClock.now
        try readers.read { (reader) throws(StorageError) in
            let rooms = try reader.rooms()
            space.counted(journal: rooms.journal, store: rooms.store, in: .now - start)
        }
    }

    /// Best effort: on a full disk the reserve's room is what it is written to.
    private func leaveMarker(_ error: StorageError) {
        space?.releaseReserve()
        DurableFile.leave(error.description + "\n", at: directory.marker)
    }
}

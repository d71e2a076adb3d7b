import CLMDB
import HoldfastCore
import HoldfastWire

/// What becomes of a directory of an earlier format that is opened for writing.
package struct Migration {
    /// How far it is.
    package struct Progress: Equatable, Sendable {
        package var movedEntries: Int
        package var entryCount: Int
    }

    /// Whether one may begin. One that has begun goes on in any case: there is no other way for the directory.
    package var isWanted: Bool
    /// Told after each transaction.
    package var progress: (Progress) -> Void

    package init(isWanted: Bool = false, progress: @escaping (Progress) -> Void = { _ in }) {
        self.isWanted = isWanted
        self.progress = progress
    }
}

/// What a migration takes, from the number of entries that it has to move.
struct MigrationEstimate: Equatable {
    var entryCount: Int
    var timelineCount: Int

    /// Measured on two cores that others used, too: 900,000 entries a second with one for each user, 3,000,000 with ten and more. Less than half of the
    /// lower one, since others' disks are slower.
    private static let entriesPerSecond = 400_000
    /// An entry grows by 8 bytes, and a transaction writes copies of the pages that it changes before the old ones are free. Measured: the store grew by
    /// 10 to 17 bytes an entry where there were a million and more.
    private static let bytesPerEntry = 16
    private static let bytesPerTimeline = 48

    var seconds: Int { entryCount / Self.entriesPerSecond + 1 }

    /// - Parameter transactionBytes: the most that one writes.
    func bytes(transactionBytes: Int) -> Int {
        let moved = entryCount * (Self.bytesPerEntry + 24) + timelineCount * Self.bytesPerTimeline
        return entryCount * Self.bytesPerEntry + timelineCount * Self.bytesPerTimeline + min(3 * transactionBytes, moved) + (1 << 20)
    }
}

/// Rows of the store's table `meta` that are of the storage and no counters of the core.
enum StorageRow {
    /// The mark of a migration: the user whose entries were moved last, perhaps not all of them.
    static let migratedThrough = Array("migratedThrough".utf8)

    /// A copy has its own.
    static func isOwn(_ key: [UInt8]) -> Bool { key == StorageFormat.key || key == migratedThrough }
}

// From format 1 to format 2: the entries of the inboxes move from the table `inbox` to `timelines`, user by user, in transactions of a bounded size.
// An entry is deleted from the one in the transaction that puts it into the other, so that a kill or a power cut at any moment leaves each in one of
// them, and the next start goes on with what is left. Pages that a transaction frees are used again by the one after the next: there is no second store.
extension LMDBStorage {
    /// What a migration of the directory would take.
    func migrationEstimate() throws(StorageError) -> MigrationEstimate {
        let usage = try usage()
        return MigrationEstimate(
            entryCount: usage.timelineEntryCount,
            timelineCount: min(usage.timelineEntryCount, usage.rowCounts[Int(StoreTable.users.rawValue)]))
    }

    /// Whether something is left of a migration.
    func needsMigration() throws(StorageError) -> Bool {
        if store.format < .current { return true }
        return try journal.format() < .current
    }

    /// Moves what is left to be moved. The file `format` has been raised before; nothing else uses the directory.
    /// - Parameter bytesMax: about the most that one transaction writes.
    func migrate(bytesMax: Int, _ progress: (Migration.Progress) -> Void) throws(StorageError) {
        do throws(StorageError) {
            if try journal.format() < .current { try journal.raiseFormat(to: .current) }
            if store.format < .current { try moveTimelines(bytesMax: bytesMax, progress) }
        } catch {
            guard error.code != .damaged else { throw error }
            throw StorageError(
                error.code,
                error.description
                    + " The migration of \(directory.path) has stopped at that; nothing is lost, and the next start goes on with it.")
        }
    }

    private func moveTimelines(bytesMax: Int, _ progress: (Migration.Progress) -> Void) throws(StorageError) {
        var isDone = false
        while !isDone {
            var state = Migration.Progress(movedEntries: 0, entryCount: 0)
            unsafe try store.environment.write("move timelines in") { (transaction) throws(StorageError) in
                let move = unsafe try TimelineMove(transaction, store)
                isDone = try move.run(bytesMax: bytesMax)
                state = try move.progress()
            } commitFailed: { _ in
            }
            progress(state)
        }
    }
}

import Glibc
import HoldfastCore
import Synchronization

/// Commands that read a directory in which there is no table of readers, and the gateway that may start beside them.
///
/// LMDB would make the table, a file, as whoever reads; a gateway of another user could not open it any more. So a command takes no place in a
/// table that isn't there, and shares a lock on the file `format` instead. A gateway makes the tables first and asks for that lock then: whoever
/// has it came before, and whoever comes later finds the tables.
enum EarlierReaders {
    /// For a command that reads: nil when both environments have their tables, else what it keeps for as long as it reads.
    static func join(_ directory: DataDirectory) throws(StorageError) -> FileLock? {
        // Without its format it is no directory that a gateway would write into.
        guard !hasTables(directory), DurableFile.exists(directory.formatFile) else { return nil }
        let lock = try FileLock(sharing: directory.formatFile)
        // A gateway may have made them before it was taken.
        return hasTables(directory) ? nil : lock
    }

    private static func hasTables(_ directory: DataDirectory) -> Bool {
        [directory.journal, directory.store].allSatisfy(hasTable)
    }

    /// Whether there is a table of readers in an environment's directory.
    static func hasTable(_ directory: String) -> Bool { DurableFile.exists(directory + "/lock.mdb") }

    /// For a gateway: the view that keeps what they see, until all are done. LMDB gives no page away that was in use when it began, or later.
    final class View: Sendable {
        private let path: String
        private let reader = Mutex<LMDBReader?>(nil)

        init(_ directory: DataDirectory) { path = directory.formatFile }

        /// Whether somebody still reads.
        var isOpen: Bool { reader.withLock { $0 != nil } }

        /// Takes a view if anybody reads. Before the first write.
        func open(journal: LMDBJournal, store: LMDBStore) throws(StorageError) {
            guard isAnybodyThere else { return }
            let made = try LMDBReader(journal: journal, store: store)
            try made.begin()
            reader.withLock { $0 = made }
        }

        /// Lets go of the view once nobody reads any more.
        func closeIfUnused() {
            reader.withLock { reader in
                guard reader != nil, !isAnybodyThere else { return }
                reader?.end()
                reader = nil
            }
        }

        private var isAnybodyThere: Bool {
            // What can't be found out is taken for a reader: a view that is kept for too long costs room, and no data.
            guard let descriptor = try? DurableFile.open(path, O_RDONLY) else { return true }
            defer { close(descriptor) }
            return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
        }
    }
}

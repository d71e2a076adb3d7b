import CLMDB
import Glibc
package import HoldfastCore
package import HoldfastWire

extension LMDBStorage {
    /// Opens the data directory at `path` for this process alone, making it if it isn't there.
    ///
    /// - Parameters:
    ///   - migration: whether one of an earlier format may be migrated first.
    ///   - isIntact: whether a record passes its checksum.
    ///     After a commit that failed every record is asked before anything is served.
    /// - Throws: `.inUse`, `.readOnly`, `.full`, `.newerFormat`, `.olderFormat`, `.damaged`, `.failedCommit`, or `.system`.
    package static func open(
        directory path: String, configuration: StorageConfiguration = .init(), migration: Migration = .init(),
        isIntact: (Position, Span<UInt8>) -> Bool
    ) throws(StorageError) -> LMDBStorage {
        try open(DataDirectory(path: path), configuration, makes: .current, migration, isIntact)
    }

    /// - Parameter new: the format of a directory that is made.
    static func open(
        _ directory: DataDirectory, _ configuration: StorageConfiguration, makes new: StorageFormat, _ migration: Migration,
        _ isIntact: (Position, Span<UInt8>) -> Bool
    ) throws(StorageError) -> LMDBStorage {
        // A file that would get too long is an error of the write then, and not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        try DurableFile.makeDirectory(directory.path)
        let lock = try directory.acquireLock()
        // Names that were given and not synced, by a gateway that was killed then, are seen now: they must not go later.
        try DurableFile.syncDirectory(directory.path)
        let made = try directory.madeFormat()
        let isNew = made == nil
        if let made, made < .current { try beginMigration(directory, made, configuration, lock: lock, migration, isIntact) }
        let space = SpaceMonitor(directory: directory, configuration: configuration)
        if isNew { try space.makeFirstReserve() }
        for environment in [directory.journal, directory.store] {
            if isNew { try directory.removeUnfinished(environment) }
            try directory.makeEnvironment(environment)
        }
        let storage =
            try isNew
            ? make(directory, new, configuration, lock: lock, space: space, .make(new))
            : openMade(directory, configuration, lock: lock, space: space, migration)
        try storage.countRoom()
        if isNew { try directory.writeFormat(new) } else { space.findReserve() }
        try storage.checkMarker(isIntact)
        if DurableFile.exists(directory.marker) { try DurableFile.remove(directory.marker) }
        do throws(StorageError) {
            try DurableFile.prepareWrite(to: directory.marker)
        } catch {
            // On a disk that is full by now what is stored goes out all the same.
            if isNew { throw error }
        }
        return storage
    }

    /// After a commit that failed every record is looked at.
    private func checkMarker(_ isIntact: (Position, Span<UInt8>) -> Bool) throws(StorageError) {
        guard let text = try DurableFile.read(directory.marker), let position = try firstDamaged(isIntact) else { return }
        throw StorageError.failure(
            .failedCommit, "serve from", directory.path,
            "the record at position \(position.rawValue) is damaged since a write failed (\(text.prefix { $0 != "\n" }))")
    }

    /// Looks at a directory of an earlier format without changing it, and raises its number when a migration may begin.
    private static func beginMigration(
        _ directory: DataDirectory, _ format: StorageFormat, _ configuration: StorageConfiguration, lock: FileLock,
        _ migration: Migration, _ isIntact: (Position, Span<UInt8>) -> Bool
    ) throws(StorageError) {
        let storage = try make(directory, format, configuration, lock: lock, space: nil, .read)
        let estimate = try storage.migrationEstimate()
        let bytes = estimate.bytes(transactionBytes: configuration.migrationBytesMax)
        guard migration.isWanted else {
            throw StorageError(
                .olderFormat,
                "Can't serve from \(directory.path): its format is \(format.rawValue), this version writes \(StorageFormat.current.rawValue). "
                    + "holdfast serve --migrate changes it first: \(estimate.entryCount) inbox entries, which takes about "
                    + "\(estimate.seconds) s and up to \(bytes >> 20) MiB of room on its file system. An earlier version can't use it after that, "
                    + "and the only way back is a backup: make one now (holdfast backup).")
        }
        try storage.checkMarker(isIntact)
        if let available = FileSystem.availableBytes(directory.path), available < bytes {
            throw StorageError.failure(
                .full, "migrate", directory.path, "that takes up to \(bytes) bytes, and its file system has \(available) left")
        }
        try directory.raiseFormat(to: .current)
    }

    /// Opens a directory whose number is the current one, and does what is left of its migration, if anything is.
    private static func openMade(
        _ directory: DataDirectory, _ configuration: StorageConfiguration, lock: FileLock, space: SpaceMonitor, _ migration: Migration
    ) throws(StorageError) -> LMDBStorage {
        do {
            let storage = try make(directory, .current, configuration, lock: lock, space: space, .write)
            try storage.keepWhatEarlierReadersSee()
            guard try storage.needsMigration() else { return storage }
            try storage.migrate(bytesMax: configuration.migrationBytesMax, migration.progress)
        }
        // Anew, with the tables that there are now; the one before is closed.
        let storage = try make(directory, .current, configuration, lock: lock, space: space, .write)
        try storage.keepWhatEarlierReadersSee()
        return storage
    }

    /// Opens the data directory at `path` for reading, beside the gateway that has it. Not twice in one process, nor beside `open`:
    /// LMDB's locks are the process's. Makes and changes nothing in it.
    package static func openReadOnly(directory path: String, configuration: StorageConfiguration = .init()) throws(StorageError)
        -> LMDBStorage
    {
        let directory = DataDirectory(path: path)
        guard DurableFile.isDirectory(directory.path) != false else {
            throw StorageError.failure(.absent, "read the data directory", directory.path, "it is a file, not a directory")
        }
        guard let format = try directory.madeFormat() else {
            throw StorageError.failure(
                .absent, "read the data directory", directory.path,
                DurableFile.exists(directory.path) ? "there is no data directory's file \"format\" in it" : "it isn't there")
        }
        let lock = try EarlierReaders.join(directory)
        return try make(directory, format, configuration, lock: lock, space: nil, .read)
    }

    /// - Parameter space: none to read only.
    private static func make(
        _ directory: DataDirectory, _ format: StorageFormat, _ configuration: StorageConfiguration, lock: FileLock?,
        space: SpaceMonitor?, _ use: TableUse
    ) throws(StorageError) -> LMDBStorage {
        // The journal is read in order: a cold scan of 768,000 records took 0.06 s with read-ahead and 1.1 s without.
        // The store's rows are read at random, where read-ahead made no difference on an idle disk and reads in vain on a busy one.
        var options = LMDBEnvironment.Options(
            mapBytesMax: configuration.mapBytesMax, reserveBytes: configuration.reserveBytes + 3 * configuration.unsyncedBytesMax,
            readersMax: configuration.readersMax, tablesMax: LMDBJournal.tableCount,
            isReadOnly: space == nil, readsAhead: true)
        let journal = try LMDBJournal(
            LMDBEnvironment(directory: directory.journal, options: options, lock: lock),
            use, firstPosition: configuration.firstPosition)
        options.tablesMax = LMDBStore.tableCount
        options.readsAhead = false
        let store = try LMDBStore(LMDBEnvironment(directory: directory.store, options: options, lock: lock), use)
        for (name, stored) in [("journal", try journal.format()), ("store", store.format)] where stored > format {
            throw StorageError.failure(
                .damaged, "use the data directory", directory.path,
                "its file format says \(format.rawValue), but its \(name) is of format \(stored.rawValue)")
        }
        return try LMDBStorage(
            directory: directory, format: format, journal: journal, store: store, space: space,
            readersKept: space == nil ? 0 : configuration.readersKept)
    }
}

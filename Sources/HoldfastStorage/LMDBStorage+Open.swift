import CLMDB
import Glibc
package import HoldfastCore
package import HoldfastWire

extension LMDBStorage {
    /// Opens the data directory at `path` for this process alone, making it if it isn't there.
    ///
    /// - Parameter isIntact: whether a record passes its checksum.
    ///   After a commit that failed every record is asked before anything is served.
    /// - Throws: `.inUse`, `.readOnly`, `.full`, `.newerFormat`, `.damaged`, `.failedCommit`, or `.system`.
    package static func open(
        directory path: String, configuration: StorageConfiguration = .init(), isIntact: (Position, Span<UInt8>) -> Bool
    ) throws(StorageError) -> LMDBStorage {
        let directory = DataDirectory(path: path)
        // A file that would get too long is an error of the write then, and not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        try DurableFile.makeDirectory(directory.path)
        let lock = try directory.acquireLock()
        // Names that were given and not synced, by a gateway that was killed then, are seen now: they must not go later.
        try DurableFile.syncDirectory(directory.path)
        let isNew = try !directory.isMade()
        let space = SpaceMonitor(directory: directory, configuration: configuration)
        if isNew { try space.makeFirstReserve() }
        for environment in [directory.journal, directory.store] {
            if isNew { try directory.removeUnfinished(environment) }
            try directory.makeEnvironment(environment)
        }
        let storage = try make(directory, configuration, lock: lock, space: space, isNew: isNew)
        if !isNew { try storage.keepWhatEarlierReadersSee() }
        try storage.countRoom()
        if isNew { try directory.writeFormat() } else { space.findReserve() }
        if let text = try DurableFile.read(directory.marker) {
            if let position = try storage.firstDamaged(isIntact) {
                throw StorageError.failure(
                    .failedCommit, "serve from", directory.path,
                    "the record at position \(position.rawValue) is damaged since a write failed (\(text.prefix { $0 != "\n" }))")
            }
            try DurableFile.remove(directory.marker)
        }
        do throws(StorageError) {
            try DurableFile.prepareWrite(to: directory.marker)
        } catch {
            // On a disk that is full by now what is stored goes out all the same.
            if isNew { throw error }
        }
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
        guard try directory.isMade() else {
            throw StorageError.failure(
                .absent, "read the data directory", directory.path,
                DurableFile.exists(directory.path) ? "there is no data directory's file \"format\" in it" : "it isn't there")
        }
        let lock = try EarlierReaders.join(directory)
        return try make(directory, configuration, lock: lock, space: nil, isNew: false)
    }

    /// - Parameter space: none to read only.
    private static func make(
        _ directory: DataDirectory, _ configuration: StorageConfiguration, lock: FileLock?, space: SpaceMonitor?, isNew: Bool
    ) throws(StorageError) -> LMDBStorage {
        // The journal is read in order: a cold scan of 768,000 records took 0.06 s with read-ahead and 1.1 s without.
        // The store's rows are read at random, where read-ahead made no difference on an idle disk and reads in vain on a busy one.
        var options = LMDBEnvironment.Options(
            mapBytesMax: configuration.mapBytesMax, reserveBytes: configuration.reserveBytes + 3 * configuration.unsyncedBytesMax,
            readersMax: configuration.readersMax, tablesMax: LMDBJournal.tableCount,
            isReadOnly: space == nil, readsAhead: true)
        let journal = try LMDBJournal(
            LMDBEnvironment(directory: directory.journal, options: options, lock: lock),
            firstPosition: isNew ? configuration.firstPosition : nil)
        options.tablesMax = LMDBStore.tableCount
        options.readsAhead = false
        let store = try LMDBStore(LMDBEnvironment(directory: directory.store, options: options, lock: lock), isNew: isNew)
        return try LMDBStorage(
            directory: directory, journal: journal, store: store, space: space, readersKept: space == nil ? 0 : configuration.readersKept)
    }
}

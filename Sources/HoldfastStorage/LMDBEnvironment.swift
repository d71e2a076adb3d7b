import CLMDB
import Glibc
import HoldfastCore
import HoldfastSystem

/// One LMDB environment: a file, its map and its table of readers. Closed when the last user lets go.
///
/// Unchecked: LMDB lets any thread use the handle; a write transaction begins and ends in one call and so on one thread. Nobody uses it during
/// `reopen`.
@safe final class LMDBEnvironment: @unchecked Sendable {
    /// How an environment is opened.
    struct Options {
        /// What it is meant to hold; the map is larger.
        var mapBytesMax: Int
        /// What must fit beyond that.
        var reserveBytes = 0
        var readersMax: Int
        var tablesMax: Int
        var isReadOnly = false
        /// Off where rows are read at random, on where the file is read in order.
        var readsAhead: Bool
    }

    /// A named table.
    struct Table {
        var name: String
        var flags: Int32
        /// It can't be missing in an environment that is whole.
        var isRequired: Bool
        /// Whoever writes makes it when it is missing.
        var isMade: Bool

        init(_ name: String, flags: Int32 = 0, isRequired: Bool = false, isMade: Bool = true) {
            self.name = name
            self.flags = flags
            self.isRequired = isRequired
            self.isMade = isMade
        }
    }

    /// Below this a map isn't worth having.
    private static let mapBytesMin = 64 << 20
    /// What can't grow by this has no room.
    private static let growthBytes = 1 << 16

    /// LMDB's environment.
    private(set) var handle: OpaquePointer
    /// Where its files are.
    let directory: String
    /// What it is meant to hold.
    var limitBytes: Int { options.mapBytesMax }
    /// The unit that LMDB writes and frees.
    let pageBytes: Int
    /// Released only after the environment is closed.
    private let lock: FileLock?
    private let options: Options
    /// It could not be opened again: the handle is nobody's.
    private var isClosed = false

    /// - Parameter lock: held for as long as the environment is open.
    init(directory: String, options: Options, lock: FileLock?) throws(StorageError) {
        self.directory = directory
        self.lock = lock
        self.options = options
        unsafe handle = try Self.open(directory, options)
        var statistics = MDB_stat()
        unsafe mdb_env_stat(handle, &statistics)
        pageBytes = Int(statistics.ms_psize)
        forgetDeadReaders()
    }

    /// Readers that died in their transaction would hold back its pages for ever.
    func forgetDeadReaders() {
        var dead: Int32 = 0
        unsafe mdb_reader_check(handle, &dead)
    }

    deinit { if !isClosed { unsafe mdb_env_close(handle) } }

    /// Whether the file that is open is the one at its path: somebody may have moved the directory.
    var isInPlace: Bool {
        var descriptor: mdb_filehandle_t = -1
        var (opened, named) = (stat(), stat())
        guard unsafe mdb_env_get_fd(handle, &descriptor) == MDB_SUCCESS, unsafe fstat(descriptor, &opened) == 0,
            unsafe stat(directory + "/data.mdb", &named) == 0
        else { return false }
        return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
    }

    /// Closes it and opens it again, with the same tables. Nobody may use it meanwhile, nor hold a transaction.
    ///
    /// LMDB keeps the pages of its largest write transaction in memory for as long as it is open: after a checkpoint of a million rows that is
    /// more than a hundred megabytes.
    func reopen(_ tables: [Table], numbered numbers: [MDB_dbi?]) throws(StorageError) {
        unsafe mdb_env_close(handle)
        isClosed = true
        unsafe handle = try Self.open(directory, options)
        isClosed = false
        let opened = try openTables(tables, .read)
        precondition(opened == numbers, "LMDB numbers tables in the order in which they are opened")
    }

    private static func open(_ directory: String, _ options: Options) throws(StorageError) -> OpaquePointer {
        var mapBytes = mapBytes(options, in: directory)
        while true {
            var created: OpaquePointer?
            unsafe try check(ReaderIdentity.makeEnvironment(&created), "prepare", directory)
            guard let environment = unsafe created else { throw StorageError.system(ENOMEM, "prepare", directory) }
            // No flag that weakens the sync is ever set.
            var flags = UInt32(MDB_NOTLS)
            if options.isReadOnly { flags |= UInt32(MDB_RDONLY) }
            // What only reads makes nothing: see `EarlierReaders`.
            if options.isReadOnly, !EarlierReaders.hasTable(directory) { flags |= UInt32(MDB_NOLOCK) }
            if !options.readsAhead { flags |= UInt32(MDB_NORDAHEAD) }
            unsafe Damage.endsProcess(environment)
            unsafe mdb_env_set_mapsize(environment, mapBytes)
            unsafe mdb_env_set_maxreaders(environment, UInt32(options.readersMax))
            unsafe mdb_env_set_maxdbs(environment, MDB_dbi(options.tablesMax))
            let code = unsafe mdb_env_open(environment, directory, flags, DurableFile.fileMode)
            if code == MDB_SUCCESS {
                // A writer that was killed in its commit may have left a transaction that is seen and not synced: nothing may be built on it.
                if !options.isReadOnly { unsafe try check(mdb_env_sync(environment, 1), "sync", directory) }
                return unsafe environment
            }
            unsafe mdb_env_close(environment)
            // A limit on address space: try with less.
            guard code == ENOMEM, mapBytes / 2 >= mapBytesMin else {
                // LMDB maps as many pages as the file's head says that there are.
                if code == ENOMEM, SystemLimit.reached(ENOMEM) == nil {
                    throw StorageError.failure(.damaged, "open", directory, "its head says that it has more pages than any file can have")
                }
                // Where nothing is made, these are of the file itself and no limit of this process: a repair may go on without it.
                if options.isReadOnly, code == EIO || code == ENOENT {
                    throw StorageError.failure(
                        .damaged, "read", directory + "/data.mdb", code == EIO ? "the disk reports an error" : "it is missing")
                }
                throw StorageError.lmdb(code, "open", directory)
            }
            mapBytes /= 2
        }
    }

    /// Runs `body` in a write transaction and syncs it; nothing is stored when it throws.
    /// `failed` is told of an error of the commit itself, after which it is unknown what is on the disk.
    func write(
        _ action: StaticString, _ body: (OpaquePointer) throws(StorageError) -> Void, commitFailed: (StorageError) -> Void
    ) throws(StorageError) {
        let transaction = unsafe try begin(isReadOnly: false)
        do throws(StorageError) {
            unsafe try body(transaction)
        } catch {
            unsafe mdb_txn_abort(transaction)
            throw withLimit(error)
        }
        do throws(StorageError) {
            let code = unsafe mdb_txn_commit(transaction)
            // LMDB calls a write that was taken only in part an I/O error, too.
            try check(code == EIO ? causeOfShortWrite() ?? EIO : code, action, directory)
        } catch {
            commitFailed(error)
            throw withLimit(error)
        }
    }

    /// Why the file can't grow, if it can't: for want of room, of quota, or because of a limit of its size.
    private func causeOfShortWrite() -> Int32? {
        var descriptor: mdb_filehandle_t = -1
        var status = stat()
        guard unsafe mdb_env_get_fd(handle, &descriptor) == MDB_SUCCESS, unsafe fstat(descriptor, &status) == 0 else { return nil }
        let code = posix_fallocate(descriptor, status.st_size, off_t(Self.growthBytes))
        ftruncate(descriptor, status.st_size)
        return [ENOSPC, EDQUOT, EFBIG].contains(code) ? code : nil
    }

    /// Names the limit in an error that says that the map is used up.
    private func withLimit(_ error: StorageError) -> StorageError {
        guard error.code == .limit else { return error }
        return StorageError(
            .limit, "\(error.description) It is made for storageBytesMax: \(limitBytes), and the file takes \(usedFileBytes) bytes.")
    }

    /// Opens named tables. Those that are missing are made for a writer, in one transaction; for a reader they are nil, and empty.
    func openTables(_ tables: [Table], _ use: TableUse) throws(StorageError) -> [MDB_dbi?] {
        if case .make = use { return try openTables(tables, makes: true) }
        let opened = try openTables(tables, makes: false)
        for (table, number) in zip(tables, opened) where table.isRequired && number == nil {
            throw StorageError.lmdb(MDB_NOTFOUND, "open a table in", directory)
        }
        guard use == .write, zip(tables, opened).contains(where: { $0.isMade && $1 == nil }) else { return opened }
        return try openTables(tables, makes: true)
    }

    /// The only table of an environment that is made.
    func makeTable(_ name: String) throws(StorageError) -> MDB_dbi {
        guard let number = try openTables([Table(name)], makes: true)[0] else { preconditionFailure("a table that is made is there") }
        return number
    }

    private func openTables(_ tables: [Table], makes: Bool) throws(StorageError) -> [MDB_dbi?] {
        let transaction = unsafe try begin(isReadOnly: !makes)
        var opened: [MDB_dbi?] = []
        for table in tables {
            var number: MDB_dbi = 0
            let flags = table.flags | (makes && table.isMade ? MDB_CREATE : 0)
            let code = unsafe mdb_dbi_open(transaction, table.name, UInt32(flags), &number)
            guard code == MDB_SUCCESS || code == MDB_NOTFOUND else {
                unsafe mdb_txn_abort(transaction)
                throw StorageError.lmdb(code, "open a table in", directory)
            }
            opened.append(code == MDB_SUCCESS ? number : nil)
        }
        // Of a read transaction too: only a commit keeps the tables' numbers.
        unsafe try check(mdb_txn_commit(transaction), "open the tables in", directory)
        return opened
    }

    /// The format that the environment names in its table `meta`; without a row it is the first one.
    func storedFormat(in meta: MDB_dbi) throws(StorageError) -> StorageFormat {
        let transaction = unsafe try begin(isReadOnly: true)
        defer { unsafe mdb_txn_abort(transaction) }
        guard let number = unsafe try number(StorageFormat.key, meta, transaction) else { return .one }
        if let format = StorageFormat(rawValue: number) { return format }
        throw StorageError.failure(
            number == 0 ? .damaged : .newerFormat, "use", directory,
            "its format is \(number), this version reads up to \(StorageFormat.current.rawValue)")
    }

    /// The number in a row; nil: there is none.
    func number(_ key: [UInt8], _ table: MDB_dbi, _ transaction: OpaquePointer) throws(StorageError) -> UInt64? {
        unsafe try withValue(key.span) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            let code = unsafe mdb_get(transaction, table, &key, &value)
            if code == MDB_NOTFOUND { return nil }
            try check(code, "read", directory)
            return unsafe try value.number(directory)
        }
    }

    /// Puts a number into a row.
    func put(_ key: [UInt8], _ number: UInt64, _ table: MDB_dbi, _ transaction: OpaquePointer) throws(StorageError) {
        let code = unsafe try withValue(key.span) { (key) throws(StorageError) in
            unsafe try withKey(number) { (value) throws(StorageError) in unsafe mdb_put(transaction, table, &key, &value, 0) }
        }
        try check(code, "write to", directory)
    }

    /// A transaction that the caller ends.
    func begin(isReadOnly: Bool) throws(StorageError) -> OpaquePointer {
        var transaction: OpaquePointer?
        let flags = isReadOnly ? UInt32(MDB_RDONLY) : 0
        var code = unsafe mdb_txn_begin(handle, nil, flags, &transaction)
        if code == MDB_READERS_FULL {
            forgetDeadReaders()
            unsafe code = mdb_txn_begin(handle, nil, flags, &transaction)
        }
        if code == MDB_READERS_FULL { throw tableIsFull() }
        try check(code, "begin a transaction in", directory)
        guard let begun = unsafe transaction else { throw StorageError.system(ENOMEM, "begin a transaction in", directory) }
        return unsafe begun
    }

    /// The number of the last transaction whose head is written, if not synced yet.
    var lastTransaction: Int {
        var info = unsafe MDB_envinfo()
        unsafe mdb_env_info(handle, &info)
        return unsafe info.me_last_txnid
    }

    /// How far the file has ever been used.
    var usedFileBytes: Int {
        var info = unsafe MDB_envinfo()
        unsafe mdb_env_info(handle, &info)
        return unsafe (info.me_last_pgno + 1) * pageBytes
    }

    /// Reads the list of free pages, which the next write takes its pages from: a wrong number in it would overwrite what is in use.
    func checkFreePages(_ transaction: OpaquePointer) throws(StorageError) {
        let pageCount = usedFileBytes / pageBytes
        let cursor = unsafe try LMDBCursor(transaction, table: 0, directory)
        defer { cursor.close() }
        var key = unsafe MDB_val()
        var value = unsafe MDB_val()
        var seen: Set<Int> = []
        var isThere = unsafe try cursor.get(&key, &value, MDB_FIRST)
        while isThere {
            let words = unsafe UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
            let count = words.count >= 8 ? unsafe words.loadUnaligned(as: Int.self) : -1
            // The numbers fall, and two pages at the front are LMDB's own.
            guard count >= 0, words.count / 8 >= count + 1 else { throw wrongFreePages() }
            var last = pageCount
            for index in 0..<count {
                let page = unsafe words.loadUnaligned(fromByteOffset: 8 * (index + 1), as: Int.self)
                guard page < last, page >= 2, seen.insert(page).inserted else { throw wrongFreePages() }
                last = page
            }
            isThere = unsafe try cursor.get(&key, &value, MDB_NEXT)
        }
    }

    private func wrongFreePages() -> StorageError {
        .failure(.damaged, "read the list of free pages in", directory, "its numbers make no sense")
    }
}

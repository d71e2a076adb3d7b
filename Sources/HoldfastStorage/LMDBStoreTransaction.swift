import CLMDB
import HoldfastCore
import HoldfastWire

/// A checkpoint's transaction on the store. Used on one thread, inside `LMDBStorage.checkpoint`.
@safe final class LMDBStoreTransaction: StoreTransaction {
    /// A cursor stays where it wrote last, so that rising keys are found without a search from the root;
    /// a key behind the last one is appended.
    private final class TableWriter {
        let cursor: LMDBCursor
        /// No key of the table is greater; empty while the table is.
        private var upperBound: [UInt8]

        init(_ cursor: LMDBCursor, upperBound: [UInt8]) {
            self.cursor = cursor
            self.upperBound = upperBound
        }

        /// Whether `key` is greater than all keys of the table, which it is the greatest of then.
        func isBehindAll(_ key: Span<UInt8>) -> Bool {
            guard isBehindBound(key) else { return false }
            upperBound.removeAll(keepingCapacity: true)
            for index in key.indices { upperBound.append(key[index]) }
            return true
        }

        private func isBehindBound(_ key: Span<UInt8>) -> Bool {
            for index in 0..<min(key.count, upperBound.count) where key[index] != upperBound[index] {
                return key[index] > upperBound[index]
            }
            return key.count > upperBound.count
        }
    }

    private let store: LMDBStore
    private let transaction: OpaquePointer
    private var writers: [TableWriter?]
    private let table: TimelineTable
    private var timelineCursor: LMDBCursor?
    /// The last entry of the timeline that was appended to last.
    private var appended: (timeline: Timeline, position: Position)?
    /// After an operation that failed nothing of the transaction may be committed, even if the body went on.
    private(set) var failure: StorageError?
    private var isOpen = true
    private var path: String { store.environment.directory }

    /// Inside `transaction`, which the caller ends after `finish`.
    init(_ transaction: OpaquePointer, _ store: LMDBStore) {
        precondition(store.timelines.count == 1, "nothing is written to timelines before their migration is done")
        self.store = store
        table = store.timelines[0]
        unsafe self.transaction = transaction
        writers = Array(repeating: nil, count: StoreTable.allCases.count)
    }

    /// To be called before the transaction ends: its cursors end with it.
    func finish() {
        writers.forEach { $0?.cursor.close() }
        timelineCursor?.close()
        isOpen = false
    }

    func get(_ table: StoreTable, _ key: Span<UInt8>, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool {
        try guarded { () throws(StorageError) in
            unsafe try withValue(key) { (key) throws(StorageError) in
                var value = unsafe MDB_val()
                let code = unsafe mdb_get(transaction, store.table(table), &key, &value)
                if code == MDB_NOTFOUND { return false }
                try check(code, "read", path)
                let bytes = unsafe value.bytes
                unsafe body(bytes.span)
                return true
            }
        }
    }

    func put(_ table: StoreTable, _ key: Span<UInt8>, _ value: Span<UInt8>) throws(StorageError) {
        try guarded { () throws(StorageError) in
            let writer = try writer(table)
            let isAppend = writer.isBehindAll(key)
            unsafe try withValue(key) { (key) throws(StorageError) in
                unsafe try withValue(value) { (value) throws(StorageError) in
                    unsafe try writer.cursor.put(&key, &value, isAppend ? MDB_APPEND : 0)
                }
            }
        }
    }

    func delete(_ table: StoreTable, _ key: Span<UInt8>) throws(StorageError) {
        try guarded { () throws(StorageError) in
            let cursor = try writer(table).cursor
            unsafe try withValue(key) { (key) throws(StorageError) in
                var value = unsafe MDB_val()
                if unsafe try cursor.get(&key, &value, MDB_SET) { try cursor.delete() }
            }
        }
    }

    func append(_ entry: TimelineEntry, to timeline: Timeline) throws(StorageError) {
        try guarded { () throws(StorageError) in
            let cursor = try timelineWriter()
            unsafe try table.withKey(timeline) { (key) throws(StorageError) in
                var last = appended
                if last?.timeline != timeline { last = unsafe try lastEntry(&key, cursor).map { (timeline, $0.position) } }
                if let last, entry.position <= last.position {
                    throw StorageError.failure(
                        .system, "append to a timeline in", path,
                        "position \(entry.position.rawValue) is not after \(last.position.rawValue), the last one of "
                            + "\(timeline.kind) \(timeline.id)")
                }
                unsafe try table.withEncoded(entry) { (value) throws(StorageError) in
                    unsafe try cursor.put(&key, &value, last == nil ? 0 : MDB_APPENDDUP)
                }
                appended = (timeline, entry.position)
            }
        }
    }

    func deleteEntries(
        of timeline: Timeline, through position: Position, _ body: (TimelineEntry) -> Void
    ) throws(StorageError) {
        try guarded { () throws(StorageError) in
            let cursor = try timelineWriter()
            if appended?.timeline == timeline { appended = nil }
            unsafe try table.withKey(timeline) { (key) throws(StorageError) in
                guard let last = unsafe try lastEntry(&key, cursor) else { return }
                var value = unsafe MDB_val()
                if last.position <= position {
                    try table.eachEntry(cursor, path) { entry in
                        body(entry)
                        return true
                    }
                    return try cursor.delete(MDB_NODUPDATA)
                }
                // Found anew for each: after a deletion LMDB moves entries within the page. The last one stays, so that this ends.
                while unsafe try cursor.get(&key, &value, MDB_SET), case let first = unsafe table.entry(value, at: 0),
                    first.position <= position
                {
                    try cursor.delete()
                    body(first)
                }
            }
        }
    }

    /// Writes a row as it is.
    func touch() throws(StorageError) {
        try guarded { () throws(StorageError) in
            let cursor = try writer(.meta).cursor
            var key = unsafe MDB_val()
            var value = unsafe MDB_val()
            if unsafe try cursor.get(&key, &value, MDB_FIRST) { unsafe try cursor.put(&key, &value, MDB_CURRENT) }
        }
    }

    /// The last entry of the key; leaves the cursor at the key's last.
    private func lastEntry(_ key: inout MDB_val, _ cursor: LMDBCursor) throws(StorageError) -> TimelineEntry? {
        var value = unsafe MDB_val()
        guard unsafe try cursor.get(&key, &value, MDB_SET) else { return nil }
        // Sets its key to memory of the map, which a write would move under it.
        var unused = unsafe MDB_val()
        guard unsafe try cursor.get(&unused, &value, MDB_LAST_DUP) else { return nil }
        return unsafe table.entry(value, at: try table.count(value, path) - 1)
    }

    private func writer(_ table: StoreTable) throws(StorageError) -> TableWriter {
        let index = Int(table.rawValue)
        if let writer = writers[index] { return writer }
        let cursor = unsafe try LMDBCursor(transaction, table: store.table(table), path)
        var key = unsafe MDB_val()
        do throws(StorageError) {
            let upperBound = unsafe try cursor.getKey(&key, MDB_LAST) ? Array(key.bytes) : []
            let writer = TableWriter(cursor, upperBound: upperBound)
            writers[index] = writer
            return writer
        } catch {
            cursor.close()
            throw error
        }
    }

    private func timelineWriter() throws(StorageError) -> LMDBCursor {
        if let timelineCursor { return timelineCursor }
        let cursor = unsafe try LMDBCursor(transaction, table: table.number, path)
        timelineCursor = cursor
        return cursor
    }

    /// Runs an operation unless one failed before, and remembers its failure.
    private func guarded<Result>(_ operation: () throws(StorageError) -> Result) throws(StorageError) -> Result {
        precondition(isOpen, "the checkpoint is over")
        if let failure { throw failure }
        do throws(StorageError) {
            return try operation()
        } catch {
            failure = error
            throw error
        }
    }
}

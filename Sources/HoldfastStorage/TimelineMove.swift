import CLMDB
import HoldfastCore
import HoldfastWire

/// One transaction of a migration: moves entries from the timelines of format 1 to those of format 2.
@safe struct TimelineMove {
    private let transaction: OpaquePointer
    private let environment: LMDBEnvironment
    private let meta: MDB_dbi
    /// Nil: there is nothing to move.
    private let old: TimelineTable?
    private let new: TimelineTable
    private var path: String { environment.directory }

    // What an entry and a timeline make a transaction write, with the pages of the old table that it changes: more than was measured.
    private static let entryBytes = 64
    private static let timelineBytes = 192

    /// Inside `transaction`, which the caller ends.
    init(_ transaction: OpaquePointer, _ store: LMDBStore) throws(StorageError) {
        unsafe self.transaction = transaction
        environment = store.environment
        meta = store.table(.meta)
        old = store.timelines.first { $0.format == .one }
        guard let new = store.timelines.first(where: { $0.format == .two }) else { preconditionFailure("who writes has the new table") }
        self.new = new
    }

    /// Moves entries until about so many bytes are written, one at least; after the last one the old table goes and the store names its new format.
    /// - Returns: whether that is done.
    func run(bytesMax: Int) throws(StorageError) -> Bool {
        if let old {
            guard try move(from: old, bytesMax: bytesMax) else { return false }
            unsafe try check(mdb_drop(transaction, old.number, 1), "drop the table of inboxes in", path)
        }
        try delete(StorageRow.migratedThrough)
        unsafe try environment.put(StorageFormat.key, StorageFormat.two.rawValue, meta, transaction)
        return true
    }

    /// How far the migration is with this transaction.
    func progress() throws(StorageError) -> Migration.Progress {
        var statistics = MDB_stat()
        unsafe try check(mdb_stat(transaction, new.number, &statistics), "read", path)
        let moved = Int(statistics.ms_entries)
        guard let old, unsafe try environment.number(StorageFormat.key, meta, transaction) == nil else {
            return Migration.Progress(movedEntries: moved, entryCount: moved)
        }
        unsafe try check(mdb_stat(transaction, old.number, &statistics), "read", path)
        return Migration.Progress(movedEntries: moved, entryCount: moved + Int(statistics.ms_entries))
    }

    /// - Returns: whether nothing is left.
    private func move(from old: TimelineTable, bytesMax: Int) throws(StorageError) -> Bool {
        let source = unsafe try LMDBCursor(transaction, table: old.number, path)
        defer { source.close() }
        let target = unsafe try LMDBCursor(transaction, table: new.number, path)
        defer { target.close() }
        let through = unsafe try environment.number(StorageRow.migratedThrough, meta, transaction)
        var last = through
        var bytes = 0
        var entries: ContiguousArray<TimelineEntry> = []
        var key = unsafe MDB_val()
        var value = unsafe MDB_val()
        while unsafe try source.get(&key, &value, MDB_FIRST) {
            // At the limit or beyond: what is left is for the next one.
            guard bytes < bytesMax else { break }
            let user = unsafe try key.number(path)
            if let last, user < last || user == last && last != through {
                throw StorageError.failure(.damaged, "move timelines in", path, "an entry of user \(user) comes after those of \(last)")
            }
            bytes += Self.timelineBytes
            entries.removeAll(keepingCapacity: true)
            var isWhole = true
            try old.eachEntry(source, path) { entry in
                guard bytes < bytesMax || entries.isEmpty else {
                    isWhole = false
                    return false
                }
                entries.append(entry)
                bytes += Self.entryBytes
                return true
            }
            try put(entries, .inbox(user), isNew: user != last, target)
            unsafe try old.withKey(.inbox(user)) { (key) throws(StorageError) in
                var value = unsafe MDB_val()
                // Found anew for each: after a deletion LMDB moves entries within the page.
                for _ in 0..<(isWhole ? 1 : entries.count) where unsafe try source.get(&key, &value, MDB_SET) {
                    try source.delete(isWhole ? MDB_NODUPDATA : 0)
                }
            }
            last = user
        }
        let isDone = bytes < bytesMax
        if let last { unsafe try environment.put(StorageRow.migratedThrough, last, meta, transaction) }
        return isDone
    }

    private func put(
        _ entries: ContiguousArray<TimelineEntry>, _ timeline: Timeline, isNew: Bool, _ target: LMDBCursor
    ) throws(StorageError) {
        unsafe try new.withKey(timeline) { (key) throws(StorageError) in
            for index in entries.indices {
                unsafe try new.withEncoded(entries[index]) { (value) throws(StorageError) in
                    // Each is behind all that are there: LMDB refuses what isn't.
                    unsafe try target.put(&key, &value, isNew && index == 0 ? MDB_APPEND : MDB_APPENDDUP)
                }
            }
        }
    }

    private func delete(_ key: [UInt8]) throws(StorageError) {
        let code = unsafe try withValue(key.span) { (key) throws(StorageError) in unsafe mdb_del(transaction, meta, &key, nil) }
        if code != MDB_NOTFOUND { try check(code, "write to", path) }
    }
}

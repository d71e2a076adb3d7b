import CLMDB
package import HoldfastCore

/// Reads one table of a data directory whose pages may be damaged. For a process of its own: a damaged page may end it.
package struct TableReader {
    /// The tables, as `environment/table`.
    package static let names = ["journal/records", "journal/meta"] + StoreTable.allCases.map { "store/\($0)" } + [timelines, inbox]
    package static let records = "journal/records"
    package static let journalMeta = "journal/meta"
    package static let timelines = "store/timelines"
    /// Timelines of format 1, also while they are being moved.
    package static let inbox = "store/inbox"

    /// The row of `journalMeta` with the next position.
    package static let nextPositionKey = LMDBJournal.nextPositionKey

    /// Longer values can't have been written.
    private static let valueBytesMax = 64 << 20

    private let environment: LMDBEnvironment
    /// Nil: it isn't there, and empty.
    private let table: MDB_dbi?

    /// Opens the table `name` of the directory at `path`.
    package init(_ name: String, of path: String) throws(StorageError) {
        let parts = name.split(separator: "/")
        precondition(Self.names.contains(name), "not a table")
        let options = LMDBEnvironment.Options(
            mapBytesMax: StorageConfiguration().mapBytesMax, readersMax: StorageConfiguration().readersMax,
            tablesMax: 2, isReadOnly: true, readsAhead: false)
        let directory = DataDirectory(path: path)
        let lock = try EarlierReaders.join(directory)
        environment = try LMDBEnvironment(directory: "\(directory.path)/\(parts[0])", options: options, lock: lock)
        let flags = [Self.timelines, Self.inbox].contains(name) ? TimelineTable.flags : 0
        // Whatever else is missing, an environment that can be read has this one.
        let opened = try environment.openTables([.init("meta", isRequired: true), .init(String(parts[1]), flags: flags)], .read)
        table = opened[1]
    }

    /// Hands over rows from `key` on, until `body` returns false.
    /// - Throws: also when the keys don't rise, which they do in every table that is whole.
    package func rows(from first: [UInt8], _ body: ([UInt8], [UInt8]) throws(StorageError) -> Bool) throws(StorageError) {
        guard let table else { return }
        let transaction = unsafe try environment.begin(isReadOnly: true)
        defer { unsafe mdb_txn_abort(transaction) }
        let cursor = unsafe try LMDBCursor(transaction, table: table, environment.directory)
        defer { cursor.close() }
        var value = unsafe MDB_val()
        var last: [UInt8]?
        unsafe try withValue(first.span) { (key) throws(StorageError) in
            var isThere = unsafe try cursor.get(&key, &value, first.isEmpty ? MDB_FIRST : MDB_SET_RANGE)
            while isThere {
                let bytes = unsafe Array(key.bytes)
                if let last, bytes.lexicographicallyPrecedes(last) {
                    throw StorageError.failure(.damaged, "read", environment.directory, "its keys are not in order")
                }
                guard unsafe value.mv_size <= Self.valueBytesMax else {
                    throw StorageError.failure(.damaged, "read", environment.directory, "a value has \(unsafe value.mv_size) bytes")
                }
                guard unsafe try body(bytes, Array(value.bytes)) else { return }
                last = bytes
                isThere = unsafe try cursor.get(&key, &value, MDB_NEXT)
            }
        }
    }
}

import CLMDB
package import HoldfastCore
import HoldfastWire

extension LMDBStorage {
    /// Copies what there is at this moment, also beside a gateway that goes on writing, row by row, so that the copy has no free pages.
    ///
    /// Why trimming needn't pause: `LMDBReader.begin` takes a view of the store, then one of the journal, and makes sure that no checkpoint was written
    /// in between. A checkpoint never has more than the synced journal, so the journal's view is not behind the store's; trimming deletes
    /// only what the last written checkpoint doesn't need, so this store's records are all in this journal's view. Both views are held until
    /// the end of the copy, and LMDB gives no page of an open view away: the files grow meanwhile by what is written. They are held by this
    /// process; when it dies, the gateway's next checkpoint clears them away (`forgetDeadReaders`).
    package func copy(into build: DirectoryBuild, progress: (_ what: StaticString, _ count: Int) -> Void) throws(StorageError) {
        try readers.read { (reader) throws(StorageError) in
            var count = 0
            progress("rows", 0)
            for table in StoreTable.allCases {
                guard let number = reader.store[table] else { continue }
                unsafe try reader.eachRow(reader.rows(), number, reader.store.environment.directory) {
                    (key, value) throws(StorageError) in
                    try build.put(table, key, value)
                    count += 1
                    if count.isMultiple(of: 100_000) { progress("rows", count) }
                }
            }
            for table in reader.store.timelines {
                unsafe try reader.eachRow(reader.rows(), table.number, reader.store.environment.directory) {
                    (key, value) throws(StorageError) in
                    let (timeline, entry) = try TimelineTable.decode(key, value, table.format, reader.store.environment.directory)
                    try build.append(entry, to: timeline)
                    count += 1
                    if count.isMultiple(of: 100_000) { progress("rows", count) }
                }
            }
            try build.finishStore()
            count = 0
            progress("records", 0)
            var failure: StorageError?
            try reader.records(after: .zero) { position, bytes in
                do throws(StorageError) {
                    try build.append([UInt8](copying: bytes), at: position)
                } catch {
                    failure = error
                }
                count += 1
                if count.isMultiple(of: 100_000) { progress("records", count) }
                return failure == nil
            }
            if let failure { throw failure }
            try build.finishJournal(nextPosition: reader.nextPosition())
        }
    }
}

extension LMDBReader {
    /// Every row of a table, and every value of one whose keys have several.
    func eachRow(
        _ transaction: OpaquePointer, _ table: MDB_dbi, _ path: String, _ body: ([UInt8], [UInt8]) throws(StorageError) -> Void
    ) throws(StorageError) {
        let cursor = unsafe try LMDBCursor(transaction, table: table, path)
        defer { cursor.close() }
        var key = unsafe MDB_val()
        var value = unsafe MDB_val()
        var isThere = unsafe try cursor.get(&key, &value, MDB_FIRST)
        while isThere {
            unsafe try body(Array(key.bytes), Array(value.bytes))
            isThere = unsafe try cursor.get(&key, &value, MDB_NEXT)
        }
    }
}

extension [UInt8] {
    /// The bytes of a span.
    init(copying bytes: Span<UInt8>) { self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) } }
}

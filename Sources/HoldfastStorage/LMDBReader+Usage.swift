import CLMDB
import HoldfastCore

extension LMDBReader {
    /// What both have left. Inside a view that was begun just now.
    func rooms() throws(StorageError) -> (journal: EnvironmentRoom, store: EnvironmentRoom) {
        unsafe (try journal.environment.room(journalTransaction), try store.environment.room(storeTransaction))
    }

    /// What the files hold, with the numbers of rows, which LMDB keeps.
    func usage() throws(StorageError) -> StorageUsage {
        var usage = StorageUsage()
        usage.journalFileBytes = journal.environment.usedFileBytes
        usage.storeFileBytes = store.environment.usedFileBytes
        unsafe usage.journalFreeBytes = try journal.environment.freeBytes(journalTransaction)
        unsafe usage.storeFreeBytes = try store.environment.freeBytes(storeTransaction)
        unsafe usage.recordCount = try count(journalTransaction, journal.records, journal.environment.directory)
        for table in StoreTable.allCases {
            var rows = 0
            if let number = store[table] { unsafe rows = try count(storeTransaction, number, store.environment.directory) }
            usage.rowCounts.append(rows)
        }
        for table in store.timelines {
            unsafe usage.timelineEntryCount += try count(storeTransaction, table.number, store.environment.directory)
        }
        return usage
    }

    private func count(_ transaction: OpaquePointer, _ table: MDB_dbi, _ path: String) throws(StorageError) -> Int {
        var statistics = MDB_stat()
        unsafe try check(mdb_stat(transaction, table, &statistics), "read", path)
        return Int(statistics.ms_entries)
    }
}

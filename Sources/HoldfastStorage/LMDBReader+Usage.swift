import CLMDB
import HoldfastCore

extension LMDBReader {
    /// What the files hold, without counting rows: LMDB's lists of free pages are short.
    func fileUsage() throws(StorageError) -> StorageUsage {
        var usage = StorageUsage()
        usage.journalFileBytes = journal.environment.usedFileBytes
        usage.storeFileBytes = store.environment.usedFileBytes
        unsafe usage.journalFreeBytes = try journal.environment.freeBytes(journalTransaction)
        unsafe usage.storeFreeBytes = try store.environment.freeBytes(storeTransaction)
        return usage
    }

    /// The same, with the numbers of rows, which LMDB keeps.
    func usage() throws(StorageError) -> StorageUsage {
        var usage = try fileUsage()
        unsafe usage.recordCount = try count(journalTransaction, journal.records, journal.environment.directory)
        for table in StoreTable.allCases {
            usage.rowCounts.append(unsafe try count(storeTransaction, store[table], store.environment.directory))
        }
        unsafe usage.inboxEntryCount = try count(storeTransaction, store.inbox, store.environment.directory)
        return usage
    }

    private func count(_ transaction: OpaquePointer, _ table: MDB_dbi, _ path: String) throws(StorageError) -> Int {
        var statistics = MDB_stat()
        unsafe try check(mdb_stat(transaction, table, &statistics), "read", path)
        return Int(statistics.ms_entries)
    }
}

import CLMDB
import HoldfastCore
import Synchronization

/// A pair of read transactions, one of each environment, that is used again and again.
///
/// Unchecked: with `MDB_NOTLS` a read transaction may pass from thread to thread; the pool hands each reader to one user at a time.
@safe final class LMDBReader: @unchecked Sendable {
    /// Whose views these are.
    let journal: LMDBJournal
    /// Whose views these are.
    let store: LMDBStore
    /// Reset while no view is open.
    let storeTransaction: OpaquePointer
    /// Reset while no view is open.
    let journalTransaction: OpaquePointer
    private var recordCursor = ViewCursor()
    private var rowCursors = Array(repeating: ViewCursor(), count: StoreTable.allCases.count)
    private var timelineCursors = Array(repeating: ViewCursor(), count: StorageFormat.allCases.count)
    /// Rises from view to view.
    private var view: UInt64 = 0
    private var isOpen = false

    /// A cursor that is made once, and renewed when it is used in another view.
    private struct ViewCursor {
        private(set) var cursor: LMDBCursor?
        private var view: UInt64 = 0

        mutating func get(
            _ current: UInt64, _ transaction: OpaquePointer, _ table: MDB_dbi, _ path: @autoclosure () -> String
        ) throws(StorageError) -> LMDBCursor {
            if let cursor {
                if view != current { unsafe try cursor.renew(transaction) }
                view = current
                return cursor
            }
            let made = unsafe try LMDBCursor(transaction, table: table, path())
            cursor = made
            view = current
            return made
        }
    }

    /// Takes a slot in each environment's table of readers, without a view yet.
    init(journal: LMDBJournal, store: LMDBStore) throws(StorageError) {
        self.journal = journal
        self.store = store
        let transaction = unsafe try store.environment.begin(isReadOnly: true)
        unsafe mdb_txn_reset(transaction)
        do throws(StorageError) {
            unsafe journalTransaction = try journal.environment.begin(isReadOnly: true)
        } catch {
            unsafe mdb_txn_abort(transaction)
            throw error
        }
        unsafe mdb_txn_reset(journalTransaction)
        unsafe storeTransaction = transaction
    }

    deinit {
        // Cursors of read transactions aren't closed with them.
        recordCursor.cursor?.close()
        for row in rowCursors { row.cursor?.close() }
        for timeline in timelineCursors { timeline.cursor?.close() }
        unsafe mdb_txn_abort(journalTransaction)
        unsafe mdb_txn_abort(storeTransaction)
    }

    /// Takes a view of both. The journal's is not older than the store's,
    /// and not so new that what a newer store released is trimmed from it.
    /// - Parameter betweenViews: for tests: runs when the store's view is open and the journal's isn't.
    func begin(betweenViews: () throws(StorageError) -> Void = {}) throws(StorageError) {
        precondition(!isOpen, "a view is open")
        unsafe try check(mdb_txn_renew(storeTransaction), "read", store.environment.directory)
        isOpen = true
        view += 1
        do throws(StorageError) {
            var older: Int
            repeat {
                unsafe older = mdb_txn_id(storeTransaction)
                try betweenViews()
                unsafe mdb_txn_reset(journalTransaction)
                unsafe try check(mdb_txn_renew(journalTransaction), "read", journal.environment.directory)
                // Trimming follows a checkpoint. If the store is still the same, this journal is untrimmed for it; if not, once more:
                // that takes a whole checkpoint between these lines, so it doesn't go on for long. `mdb_env_info` wouldn't do,
                // it shows a checkpoint that is being synced and that readers don't get yet.
                unsafe mdb_txn_reset(storeTransaction)
                unsafe try check(mdb_txn_renew(storeTransaction), "read", store.environment.directory)
                // LMDB copies the head of a view after it has its number, and the checkpoint after the next one writes where that head was:
                // whoever was held up in between has a newer store under an older number.
            } while unsafe mdb_txn_id(storeTransaction) != older || store.environment.lastTransaction > older + 1
            unsafe try store.checkTables(storeTransaction)
        } catch {
            end()
            throw error
        }
    }

    /// Lets go of the views, so that their pages can be used again.
    func end() {
        unsafe mdb_txn_reset(journalTransaction)
        unsafe mdb_txn_reset(storeTransaction)
        isOpen = false
    }

    /// A cursor in the store's table of timelines of this index.
    func timelines(_ index: Int) throws(StorageError) -> LMDBCursor {
        precondition(isOpen, "the view is over")
        return unsafe try timelineCursors[index].get(
            view, storeTransaction, store.timelines[index].number, store.environment.directory)
    }

    /// A cursor in one of the store's tables; nil when that isn't there. Where it was last, the next key may be close to.
    func cursor(in table: StoreTable) throws(StorageError) -> LMDBCursor? {
        precondition(isOpen, "the view is over")
        guard let number = store[table] else { return nil }
        return unsafe try rowCursors[Int(table.rawValue)].get(view, storeTransaction, number, store.environment.directory)
    }

    /// A cursor in the journal's records.
    func records() throws(StorageError) -> LMDBCursor {
        precondition(isOpen, "the view is over")
        return unsafe try recordCursor.get(view, journalTransaction, journal.records, journal.environment.directory)
    }

    /// The transaction for the journal.
    func journalRows() -> OpaquePointer {
        precondition(isOpen, "the view is over")
        return unsafe journalTransaction
    }

    /// The transaction for the tables of the store.
    func rows() -> OpaquePointer {
        precondition(isOpen, "the view is over")
        return unsafe storeTransaction
    }
}

/// Readers that are not in use, a few of them.
final class LMDBReaderPool: Sendable {
    /// More than threads that read at once: those for reads, at most 16, and journal and checkpoint, which count pages.
    private static let idleMax = 20

    private let journal: LMDBJournal
    private let store: LMDBStore
    private let idle = Mutex<[LMDBReader]>([])
    private let gate: Gate

    /// Of views of these two; views are open inside of the gate only.
    init(journal: LMDBJournal, store: LMDBStore, gate: Gate) {
        self.gate = gate
        self.journal = journal
        self.store = store
    }

    /// Runs `body` on a view that ends with it.
    func read(_ body: (LMDBReader) throws(StorageError) -> Void) throws(StorageError) {
        try gate.enter { () throws(StorageError) in try readInside(body) }
    }

    /// Takes places in the tables of readers for as many as will read at once, before commands from outside take them all. They are kept.
    func fill(_ count: Int) throws(StorageError) {
        precondition(count <= Self.idleMax, "\(count) readers are more than are kept")
        while idle.withLock({ $0.count }) < count {
            let reader = try LMDBReader(journal: journal, store: store)
            idle.withLock { $0.append(reader) }
        }
    }

    /// Lets go of all readers: nobody may be inside of the gate.
    func removeAll() { idle.withLock { $0 = [] } }

    private func readInside(_ body: (LMDBReader) throws(StorageError) -> Void) throws(StorageError) {
        let reader: LMDBReader
        if let pooled = idle.withLock({ $0.popLast() }) { reader = pooled } else { reader = try LMDBReader(journal: journal, store: store) }
        try reader.begin()
        defer {
            reader.end()
            idle.withLock { if $0.count < Self.idleMax { $0.append(reader) } }
        }
        try body(reader)
    }
}

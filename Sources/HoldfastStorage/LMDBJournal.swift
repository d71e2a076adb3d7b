import CLMDB
import HoldfastCore
import HoldfastWire

/// The journal's environment: `records` by position, and `meta` with the next position (whose top bits are the era).
final class LMDBJournal: Sendable {
    private static let tables = [LMDBEnvironment.Table("records", isRequired: true), .init("meta", isRequired: true)]
    /// The row of `meta` with the next position.
    static let nextPositionKey = Array("nextPosition".utf8)

    /// How many tables `environment` has to have room for.
    static let tableCount = tables.count

    /// Where the tables are.
    let environment: LMDBEnvironment
    /// Position -> record.
    let records: MDB_dbi
    private let meta: MDB_dbi
    private var path: String { environment.directory }

    /// - Parameter firstPosition: of a journal that is made.
    init(_ environment: LMDBEnvironment, _ use: TableUse, firstPosition: Position) throws(StorageError) {
        let tables = try environment.openTables(Self.tables, use)
        self.environment = environment
        guard let records = tables[0], let meta = tables[1] else { preconditionFailure("tables that must be there are there") }
        self.records = records
        self.meta = meta
        guard case .make(let format) = use else { return }
        // A making that was interrupted before the format was written is taken up; nothing can have been stored yet.
        guard try lastPosition() == nil else {
            throw StorageError.failure(.damaged, "open", path, "there are records, but the data directory's format file is missing")
        }
        unsafe try environment.write("make the journal in") { (transaction) throws(StorageError) in
            unsafe try storeNextPosition(firstPosition, transaction)
            if format > .one { unsafe try environment.put(StorageFormat.key, format.rawValue, meta, transaction) }
        } commitFailed: { _ in
        }
    }

    /// As its own row says.
    func format() throws(StorageError) -> StorageFormat { try environment.storedFormat(in: meta) }

    /// Names the format in the environment, in a synced transaction.
    func raiseFormat(to format: StorageFormat) throws(StorageError) {
        unsafe try environment.write("write the format to") { (transaction) throws(StorageError) in
            unsafe try environment.put(StorageFormat.key, format.rawValue, meta, transaction)
        } commitFailed: { _ in
        }
    }

    /// Gives back the memory that LMDB keeps. Nobody may use it meanwhile.
    func reopen() throws(StorageError) { try environment.reopen(Self.tables, numbered: [records, meta] as [MDB_dbi?]) }

    /// The position of the last record.
    private func lastPosition() throws(StorageError) -> Position? {
        let transaction = unsafe try environment.begin(isReadOnly: true)
        defer { unsafe mdb_txn_abort(transaction) }
        let cursor = unsafe try LMDBCursor(transaction, table: records, path)
        defer { cursor.close() }
        return try last(cursor)
    }

    /// The next position as stored, checked against the last record.
    func nextPosition() throws(StorageError) -> Position {
        let transaction = unsafe try environment.begin(isReadOnly: true)
        defer { unsafe mdb_txn_abort(transaction) }
        let next = unsafe try nextPosition(transaction)
        // Of the same moment: a gateway may be appending meanwhile.
        let cursor = unsafe try LMDBCursor(transaction, table: records, path)
        defer { cursor.close() }
        if let last = try last(cursor), last >= next {
            throw StorageError.failure(
                .damaged, "use", path, "the next position is \(next.rawValue), but the last record is at \(last.rawValue)")
        }
        return next
    }

    /// The next position as the transaction sees it.
    func nextPosition(_ transaction: OpaquePointer) throws(StorageError) -> Position {
        guard let number = unsafe try environment.number(Self.nextPositionKey, meta, transaction) else {
            throw StorageError.lmdb(MDB_NOTFOUND, "read the next position in", path)
        }
        return Position(rawValue: number)
    }

    /// Deletes, appends and stores the next position in one synced transaction.
    func commit(_ batch: JournalBatch, failed: (StorageError) -> Void) throws(StorageError) {
        unsafe try environment.write("commit to") { (transaction) throws(StorageError) in
            let cursor = unsafe try LMDBCursor(transaction, table: records, path)
            defer { cursor.close() }
            try checkOrder(batch, after: try last(cursor))
            for position in batch.deletions { try delete(position, cursor) }
            try append(batch, cursor)
            unsafe try storeNextPosition(batch.nextPosition, transaction)
        } commitFailed: {
            failed($0)
        }
    }

    /// For a repair: puts records in their places, deletes others, and stores the next position, in one synced transaction.
    func rewrite(
        _ records: [(Position, [UInt8])], deleting deletions: [Position], nextPosition: Position, failed: (StorageError) -> Void
    ) throws(StorageError) {
        unsafe try environment.write("rewrite records in") { (transaction) throws(StorageError) in
            let cursor = unsafe try LMDBCursor(transaction, table: self.records, path)
            defer { cursor.close() }
            for position in deletions { try delete(position, cursor) }
            for (position, record) in records {
                unsafe try withKey(position.rawValue) { (key) throws(StorageError) in
                    unsafe try withValue(record.span) { (value) throws(StorageError) in unsafe try cursor.put(&key, &value, 0) }
                }
            }
            unsafe try storeNextPosition(nextPosition, transaction)
        } commitFailed: {
            failed($0)
        }
    }

    private func last(_ cursor: LMDBCursor) throws(StorageError) -> Position? {
        var key = unsafe MDB_val()
        guard unsafe try cursor.getKey(&key, MDB_LAST) else { return nil }
        return unsafe Position(rawValue: try key.number(path))
    }

    /// Refuses, before anything is written, what would give a position twice or put it in the wrong place.
    private func checkOrder(_ batch: JournalBatch, after last: Position?) throws(StorageError) {
        var last = last
        for entry in batch.entries {
            if let last, entry.position <= last {
                throw StorageError.failure(
                    .system, "append to", path, "position \(entry.position.rawValue) is not after \(last.rawValue), the last one")
            }
            last = entry.position
        }
        if let last, last >= batch.nextPosition {
            throw StorageError.failure(
                .system, "append to", path, "the next position \(batch.nextPosition.rawValue) is not after \(last.rawValue), the last one")
        }
    }

    private func delete(_ position: Position, _ cursor: LMDBCursor) throws(StorageError) {
        unsafe try withKey(position.rawValue) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            if unsafe try cursor.get(&key, &value, MDB_SET) { try cursor.delete() }
        }
    }

    private func append(_ batch: JournalBatch, _ cursor: LMDBCursor) throws(StorageError) {
        unsafe try batch.bytes.span.withUnsafeBytes { (bytes) throws(StorageError) in
            for entry in batch.entries {
                let record = unsafe UnsafeRawBufferPointer(rebasing: bytes[entry.offset..<entry.offset + entry.count])
                unsafe try withKey(entry.position.rawValue) { (key) throws(StorageError) in
                    // LMDB makes room in its page and says where; nothing may be called between that and the copying.
                    var room = unsafe MDB_val(mv_size: record.count, mv_data: nil)
                    unsafe try cursor.put(&key, &room, MDB_APPEND | MDB_RESERVE)
                    if let source = record.baseAddress { unsafe room.mv_data.copyMemory(from: source, byteCount: record.count) }
                }
            }
        }
    }

    private func storeNextPosition(_ position: Position, _ transaction: OpaquePointer) throws(StorageError) {
        unsafe try environment.put(Self.nextPositionKey, position.rawValue, meta, transaction)
    }
}

import CLMDB
import HoldfastCore

/// A place in a table of a transaction. Must be closed before a write transaction ends and before the environment does.
///
/// Nothing in it is counted: threads that read at the same time would wait for each other's counts.
@safe struct LMDBCursor {
    /// LMDB's cursor.
    let handle: OpaquePointer

    /// - Parameter path: for an error.
    init(_ transaction: OpaquePointer, table: MDB_dbi, _ path: @autoclosure () -> String) throws(StorageError) {
        var opened: OpaquePointer?
        unsafe try check(mdb_cursor_open(transaction, table, &opened), "open a table in", path())
        guard let cursor = unsafe opened else { throw StorageError.lmdb(MDB_BAD_DBI, "open a table in", path()) }
        unsafe handle = cursor
    }

    /// Where the environment is.
    private var path: String {
        var path: UnsafePointer<CChar>?
        unsafe mdb_env_get_path(mdb_txn_env(mdb_cursor_txn(handle)), &path)
        return unsafe path.map { unsafe String(cString: $0) } ?? ""
    }

    /// To be called once, in time.
    func close() { unsafe mdb_cursor_close(handle) }

    /// Makes the cursor of a read transaction that was reset usable in the renewed one.
    func renew(_ transaction: OpaquePointer) throws(StorageError) {
        unsafe try check(mdb_cursor_renew(transaction, handle), "read", path)
    }

    /// Moves; false when there is nothing there.
    func get(_ key: inout MDB_val, _ value: inout MDB_val, _ operation: MDB_cursor_op) throws(StorageError) -> Bool {
        let code = unsafe mdb_cursor_get(handle, &key, &value, operation)
        if code == MDB_NOTFOUND { return false }
        try check(code, "read", path)
        return true
    }

    /// Moves and leaves the value alone, so that the pages of a long one aren't touched.
    func getKey(_ key: inout MDB_val, _ operation: MDB_cursor_op) throws(StorageError) -> Bool {
        let code = unsafe mdb_cursor_get(handle, &key, nil, operation)
        if code == MDB_NOTFOUND { return false }
        try check(code, "read", path)
        return true
    }

    /// Inserts at the key's place and stays there.
    func put(_ key: inout MDB_val, _ value: inout MDB_val, _ flags: Int32) throws(StorageError) {
        unsafe try check(mdb_cursor_put(handle, &key, &value, UInt32(flags)), "write to", path)
    }

    /// Deletes where the cursor is; with `MDB_NODUPDATA` all values of the key.
    func delete(_ flags: Int32 = 0) throws(StorageError) {
        unsafe try check(mdb_cursor_del(handle, UInt32(flags)), "delete from", path)
    }
}

// Bytes of Swift as LMDB's values and back. LMDB doesn't write through keys; values only where `MDB_RESERVE` says so.
extension MDB_val {
    /// Valid as long as `bytes`.
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    /// Valid as long as `bytes`.
    init(_ bytes: UnsafeMutableRawBufferPointer) {
        unsafe self.init(mv_size: bytes.count, mv_data: bytes.baseAddress)
    }

    /// Valid until the transaction ends or writes.
    var bytes: UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: mv_data?.assumingMemoryBound(to: UInt8.self), count: mv_size)
    }

    /// The number that a key of eight bytes is.
    func number(_ path: @autoclosure () -> String) throws(StorageError) -> UInt64 {
        guard let data = unsafe mv_data, unsafe mv_size == MemoryLayout<UInt64>.size else {
            throw StorageError.failure(.damaged, "read", path(), "a number has \(unsafe mv_size) bytes")
        }
        return unsafe UInt64(bigEndian: data.loadUnaligned(as: UInt64.self))
    }
}

/// Lends `number` as a key in the order of the numbers.
@inline(__always)
func withKey<Result>(_ number: UInt64, _ body: (inout MDB_val) throws(StorageError) -> Result) throws(StorageError) -> Result {
    var bytes = number.bigEndian
    return unsafe try withUnsafeMutableBytes(of: &bytes) { (bytes) throws(StorageError) in
        var key = unsafe MDB_val(bytes)
        return unsafe try body(&key)
    }
}

/// Lends `bytes` as a key or a value.
@inline(__always)
func withValue<Result>(_ bytes: Span<UInt8>, _ body: (inout MDB_val) throws(StorageError) -> Result) throws(StorageError) -> Result {
    unsafe try bytes.withUnsafeBufferPointer { (bytes) throws(StorageError) in
        var value = unsafe MDB_val(bytes)
        return unsafe try body(&value)
    }
}

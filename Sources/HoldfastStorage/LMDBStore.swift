import CLMDB
import HoldfastCore
import HoldfastWire

/// The store's environment: a table for each `StoreTable`, and `inbox`, whose keys are users and whose values are their entries.
final class LMDBStore: Sendable {
    /// How many tables `environment` has to have room for.
    static let tableCount = StoreTable.allCases.count + 1

    private static let named =
        StoreTable.allCases.map { (name: "\($0)", flags: Int32(0)) } + [(name: "inbox", flags: MDB_DUPSORT | MDB_DUPFIXED)]

    /// Where the tables are.
    let environment: LMDBEnvironment
    private let tables: [MDB_dbi]
    /// User -> entries.
    let inbox: MDB_dbi

    /// Makes the tables if `isNew`.
    init(_ environment: LMDBEnvironment, isNew: Bool) throws(StorageError) {
        let opened = try environment.openTables(Self.named, isNew: isNew)
        self.environment = environment
        tables = Array(opened.dropLast())
        inbox = opened[opened.count - 1]
    }

    /// Gives back the memory that LMDB keeps. Nobody may use it meanwhile.
    func reopen() throws(StorageError) { try environment.reopen(Self.named, numbered: tables + [inbox]) }

    /// LMDB's number of the table.
    subscript(_ table: StoreTable) -> MDB_dbi { tables[Int(table.rawValue)] }
}

// Entries as they are stored: position u64 | ordinal u32 | cumulative bytes u32, big-endian, so that their order is that of the positions.
extension InboxEntry {
    /// Lends the encoded entry.
    func withEncoded<Result>(_ body: (inout MDB_val) throws(StorageError) -> Result) throws(StorageError) -> Result {
        var words = (position.rawValue.bigEndian, (UInt64(ordinal) << 32 | UInt64(cumulativeBytes)).bigEndian)
        return unsafe try withUnsafeMutableBytes(of: &words) { (bytes) throws(StorageError) in
            var value = unsafe MDB_val(bytes)
            return unsafe try body(&value)
        }
    }

    /// The entry at `index` of as many as `value` holds.
    init(_ value: MDB_val, at index: Int) {
        let entry = unsafe UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
        let offset = index * Self.encodedCount
        let position = unsafe UInt64(bigEndian: entry.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let ordinal = unsafe UInt32(bigEndian: entry.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self))
        let cumulativeBytes = unsafe UInt32(bigEndian: entry.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
        self.init(position: .init(rawValue: position), ordinal: ordinal, cumulativeBytes: cumulativeBytes)
    }

    /// How many entries `value` holds.
    static func count(_ value: MDB_val, _ path: @autoclosure () -> String) throws(StorageError) -> Int {
        let size = unsafe value.mv_size
        guard size > 0, size % encodedCount == 0 else {
            throw StorageError.failure(.damaged, "read an inbox in", path(), "its entries have \(size) bytes")
        }
        return size / encodedCount
    }
}

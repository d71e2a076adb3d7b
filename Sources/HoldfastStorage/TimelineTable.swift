import CLMDB
import HoldfastCore
import HoldfastWire

/// A table of timelines, as a format has it: several values for each key, all of one size, in the order of the positions that they begin with.
///
/// Format 1 has inboxes only: user u64 -> position u64 | ordinal u32 | cumulative bytes u32.
/// Format 2: kind u8, id u64 -> the same | flags u16 | reference u48. All big-endian.
struct TimelineTable: Sendable {
    /// LMDB's number of the table.
    let number: MDB_dbi
    /// Whose keys and entries it has.
    let format: StorageFormat

    /// The table's name in a format.
    static func name(_ format: StorageFormat) -> String { format == .one ? "inbox" : "timelines" }

    /// What LMDB has to know of it.
    static let flags = MDB_DUPSORT | MDB_DUPFIXED

    /// Bytes of an entry.
    var entryBytes: Int { Self.entryBytes(format) }

    private static func entryBytes(_ format: StorageFormat) -> Int {
        format == .one ? InboxEntry.encodedCount : TimelineEntry.encodedCount
    }

    /// Whether it can hold such a timeline.
    func has(_ kind: Timeline.Kind) -> Bool { format != .one || kind == .inbox }

    /// Lends the timeline's key.
    @inline(__always)
    func withKey<Result>(_ timeline: Timeline, _ body: (inout MDB_val) throws(StorageError) -> Result) throws(StorageError) -> Result {
        precondition(has(timeline.kind), "format 1 has inboxes only")
        var words = (UInt64(timeline.kind.rawValue).bigEndian, timeline.id.bigEndian)
        // The kind is the last byte of the first word.
        let start = format == .one ? 8 : 7
        return unsafe try withUnsafeMutableBytes(of: &words) { (bytes) throws(StorageError) in
            var key = unsafe MDB_val(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
            return unsafe try body(&key)
        }
    }

    /// Lends the encoded entry.
    @inline(__always)
    func withEncoded<Result>(
        _ entry: TimelineEntry, _ body: (inout MDB_val) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let mark = entry.mark
        var words = (
            mark.position.rawValue.bigEndian, (UInt64(mark.ordinal) << 32 | UInt64(mark.cumulativeBytes)).bigEndian, entry.details.bigEndian
        )
        return unsafe try withUnsafeMutableBytes(of: &words) { (bytes) throws(StorageError) in
            var value = unsafe MDB_val(UnsafeMutableRawBufferPointer(rebasing: bytes[..<entryBytes]))
            return unsafe try body(&value)
        }
    }

    /// The entry at `index` of as many as `value` holds.
    @inline(__always)
    func entry(_ value: MDB_val, at index: Int) -> TimelineEntry {
        unsafe Self.entry(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size), at: index, format)
    }

    @inline(__always)
    private static func entry(_ bytes: UnsafeRawBufferPointer, at index: Int, _ format: StorageFormat) -> TimelineEntry {
        let offset = index * entryBytes(format)
        let position = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let ordinal = unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self))
        let cumulativeBytes = unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
        let mark = InboxEntry(position: .init(rawValue: position), ordinal: ordinal, cumulativeBytes: cumulativeBytes)
        if format == .one { return TimelineEntry(mark) }
        return TimelineEntry(mark, details: unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self)))
    }

    /// How many entries `value` holds.
    @inline(__always)
    func count(_ value: MDB_val, _ path: @autoclosure () -> String) throws(StorageError) -> Int {
        let size = unsafe value.mv_size
        guard size > 0, size % entryBytes == 0 else {
            throw StorageError.failure(.damaged, "read a timeline in", path(), "its entries have \(size) bytes")
        }
        return size / entryBytes
    }

    /// Hands over the entries of the key where the cursor is, from the first one on, until `body` returns false.
    func eachEntry(
        _ cursor: LMDBCursor, _ path: @autoclosure () -> String, _ body: (TimelineEntry) -> Bool
    ) throws(StorageError) {
        var key = unsafe MDB_val()
        var value = unsafe MDB_val()
        guard unsafe try cursor.get(&key, &value, MDB_FIRST_DUP) else { return }
        var operation = MDB_GET_MULTIPLE
        while unsafe try cursor.get(&key, &value, operation) {
            for index in 0..<(unsafe try count(value, path())) {
                guard body(unsafe entry(value, at: index)) else { return }
            }
            operation = MDB_NEXT_MULTIPLE
        }
    }

    /// An entry and its timeline, as a row of the table has them.
    static func decode(
        _ key: [UInt8], _ value: [UInt8], _ format: StorageFormat, _ path: String
    ) throws(StorageError) -> (timeline: Timeline, entry: TimelineEntry) {
        let kind = format == .one ? Timeline.Kind.inbox : key.first.flatMap(Timeline.Kind.init(rawValue:))
        guard let kind, key.count == (format == .one ? 8 : 9), value.count == entryBytes(format) else {
            throw StorageError.failure(
                .damaged, "read a timeline in", path, "an entry has \(value.count) bytes under a key of \(key.count)")
        }
        let id = key.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return (Timeline(kind, id), unsafe value.withUnsafeBytes { unsafe entry($0, at: 0, format) })
    }
}

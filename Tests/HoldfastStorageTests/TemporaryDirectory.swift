import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastWire

/// A directory of one test, removed with the object.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-storage-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// A directory that is there.
    init(at path: String) { self.path = path }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var data: String { path + "/data" }

    func open(_ change: (inout StorageConfiguration) -> Void = { _ in }) throws(StorageError) -> LMDBStorage {
        var configuration = StorageConfiguration()
        configuration.reserveBytes = 1 << 20
        configuration.unsyncedBytesMax = 1 << 16
        change(&configuration)
        return try LMDBStorage.open(directory: data, configuration: configuration) { _, _ in true }
    }

    /// The files as they are, which is what a crash of the process at this moment leaves: nothing of ours is unwritten outside a commit.
    func crashCopy() throws -> TemporaryDirectory {
        let copy = try TemporaryDirectory()
        try FileManager.default.copyItem(atPath: data, toPath: copy.data)
        return copy
    }
}

extension JournalBatch {
    /// A batch of records at positions, the next position being one after the last unless it is given.
    init(_ records: [(UInt64, [UInt8])], deleting deletions: [UInt64] = [], next: UInt64? = nil) {
        self.init()
        for (position, bytes) in records {
            entries.append(Entry(position: Position(rawValue: position), offset: self.bytes.count, count: bytes.count))
            self.bytes += bytes
        }
        self.deletions = ContiguousArray(deletions.map { Position(rawValue: $0) })
        nextPosition = Position(rawValue: next ?? (records.last?.0 ?? 0) + 1)
    }
}

extension Storage {
    /// What the checkpoint throws; nil when it passes.
    func checkpointError(_ body: (any StoreTransaction) throws(StorageError) -> Void) -> StorageError? {
        do throws(StorageError) {
            try checkpoint(body)
            return nil
        } catch {
            return error
        }
    }

    /// All records, in order.
    func allRecords(after position: UInt64 = 0) throws(StorageError) -> [(UInt64, [UInt8])] {
        var result: [(UInt64, [UInt8])] = []
        try read { (snapshot) throws(StorageError) in
            try snapshot.records(after: Position(rawValue: position)) { position, record in
                result.append((position.rawValue, record.array))
                return true
            }
        }
        return result
    }

    func allPositions() throws(StorageError) -> [UInt64] {
        try allRecords().map(\.0)
    }

    func row(_ table: StoreTable, _ key: [UInt8]) throws(StorageError) -> [UInt8]? {
        var result: [UInt8]?
        try read { (snapshot) throws(StorageError) in
            _ = try snapshot.get(table, key.span) { result = $0.array }
        }
        return result
    }

    func inbox(of user: UInt64, after position: UInt64 = 0, limit: Int = .max / 2) throws(StorageError) -> [TimelineEntry] {
        var entries: ContiguousArray<TimelineEntry> = []
        try read { (snapshot) throws(StorageError) in
            try snapshot.entries(of: .inbox(user), after: Position(rawValue: position), limit: limit, into: &entries)
        }
        return Array(entries)
    }
}

extension StoreTransaction {
    func put(_ table: StoreTable, _ key: [UInt8], _ value: [UInt8]) throws(StorageError) {
        try put(table, key.span, value.span)
    }

    func delete(_ table: StoreTable, _ key: [UInt8]) throws(StorageError) {
        try delete(table, key.span)
    }

    func appendInbox(of user: UInt64, _ position: UInt64) throws(StorageError) {
        let mark = InboxEntry(position: Position(rawValue: position), ordinal: UInt32(position), cumulativeBytes: 7)
        try append(TimelineEntry(mark, flags: .countsAsUnread, reference: position), to: .inbox(user))
    }
}

extension Span<UInt8> {
    var array: [UInt8] { indices.map { self[$0] } }
}

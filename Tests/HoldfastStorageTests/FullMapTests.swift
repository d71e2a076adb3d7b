import CLMDB
import Foundation
import HoldfastCore
import HoldfastWire
import Testing

@testable import HoldfastStorage

/// A limit that is reached on a disk with room: only new messages are refused.
@Suite struct FullMapTests {
    private static let limitBytes = 8 << 20

    private static func open(_ directory: TemporaryDirectory, limitBytes: Int = limitBytes) throws(StorageError) -> LMDBStorage {
        try directory.open { $0.mapBytesMax = limitBytes }
    }

    /// A batch of 60 KB.
    private static func messages(from position: UInt64) -> JournalBatch {
        JournalBatch((position..<position + 60).map { ($0, [UInt8](repeating: 1, count: 1000)) })
    }

    /// Commits messages until they would be refused.
    private static func fill(_ storage: LMDBStorage, positionsMax: UInt64 = 100_000) throws {
        while storage.nextPosition.rawValue < positionsMax {
            try storage.countRoom()
            if storage.isSpaceLow { return }
            try storage.commit(messages(from: storage.nextPosition.rawValue))
        }
    }

    private static func trimAll(_ storage: LMDBStorage) throws {
        let next = storage.nextPosition.rawValue
        try storage.commit(JournalBatch([], deleting: try storage.allPositions(), next: next))
        try storage.countRoom()
    }

    @Test func `a limit that is reached refuses, and acknowledgements, checkpoints and trims go on`() throws {
        let directory = try TemporaryDirectory()
        let storage = try Self.open(directory)
        try Self.fill(storage)
        let full = storage.nextPosition.rawValue
        #expect((4000..<8000).contains(full))
        #expect(storage.lowRoom.text.contains("storageBytesMax: \(Self.limitBytes)"), "\(storage.lowRoom.text)")
        #expect(storage.lowRoom.text.contains("journal"))
        #expect(!storage.lowRoom.text.contains("file system"))
        for _ in 0..<500 { try storage.commit(JournalBatch([(storage.nextPosition.rawValue, [2])])) }
        try storage.checkpoint { (transaction) throws(StorageError) in
            for position in 1..<full { try transaction.appendInbox(of: position % 10, position) }
        }
        try storage.countRoom()
        #expect(storage.isSpaceLow)
        #expect(try storage.usage().journalFileBytes <= Self.limitBytes)
        try Self.trimAll(storage)
        #expect(!storage.isSpaceLow)
        #expect(!storage.isSpaceLow)
        try Self.fill(storage)
        #expect(storage.nextPosition.rawValue > 2 * full - full / 4)
        #expect(try storage.usage().journalFileBytes <= Self.limitBytes)
    }

    @Test func `pages that the only trim freed are room at once`() throws {
        let storage = try Self.open(try TemporaryDirectory())
        try Self.fill(storage)
        try Self.trimAll(storage)
        // Nothing but that one commit has come.
        #expect(storage.roomBytes(checkpoint: CheckpointRows()) > Self.limitBytes / 2)
    }

    @Test func `a full store refuses and names the store`() throws {
        let storage = try Self.open(try TemporaryDirectory())
        var user: UInt16 = 0
        while !storage.isSpaceLow, user < 200 {
            try storage.checkpoint { (transaction) throws(StorageError) in
                for row in UInt8(0)..<200 {
                    try transaction.put(.users, [UInt8(user >> 8), UInt8(user & 255), row], [UInt8](repeating: row, count: 500))
                }
            }
            user += 1
        }
        #expect(storage.isSpaceLow)
        #expect((40..<90).contains(user))
        #expect(storage.lowRoom.text.contains("the store"))
        try storage.checkpoint { (transaction) throws(StorageError) in
            for user in 0..<user {
                for row in UInt8(0)..<200 { try transaction.delete(.users, [UInt8(user >> 8), UInt8(user & 255), row]) }
            }
            try transaction.put(.meta, [1], [1])
        }
        #expect(!storage.isSpaceLow)
    }

    @Test func `a limit that was lowered doesn't stop a start, and what is there can leave`() throws {
        let directory = try TemporaryDirectory()
        try Self.fill(try Self.open(directory, limitBytes: 64 << 20), positionsMax: 20_000)
        for _ in 0..<3 {
            let storage = try Self.open(directory)
            #expect(storage.isSpaceLow)
            for _ in 0..<50 { try storage.commit(JournalBatch([(storage.nextPosition.rawValue, [2])])) }
        }
        let storage = try Self.open(directory)
        let count = try storage.allPositions().count
        #expect(count > 15_000)
        try storage.checkpoint { (transaction) throws(StorageError) in
            for position in UInt64(1)..<20_000 { try transaction.appendInbox(of: position % 10, position) }
        }
        try Self.trimAll(storage)
        #expect(!storage.isSpaceLow)
    }

    @Test func `pages that a reader holds are no room, and who it is is told`() throws {
        let directory = try TemporaryDirectory()
        let storage = try Self.open(directory)
        try Self.fill(storage)
        let fileBytes = try storage.usage().journalFileBytes
        try storage.read { (_) throws(StorageError) in
            let next = storage.nextPosition.rawValue
            try storage.commit(JournalBatch([], deleting: Array(1..<next), next: next))
            for _ in 0..<50 { try storage.commit(JournalBatch([(storage.nextPosition.rawValue, [2])])) }
            try storage.countRoom()
            #expect(storage.isSpaceLow)
            #expect(storage.lowRoom.text.contains("process \(getpid())"), "\(storage.lowRoom.text)")
        }
        // It was another view's end that made room: no commit tells of it.
        try storage.countRoom()
        #expect(!storage.isSpaceLow)
        #expect(try storage.usage().journalFileBytes < fileBytes + (2 << 20))
    }

    @Test func `long messages find room in the pages that short ones left`() throws {
        let storage = try Self.open(try TemporaryDirectory())
        try Self.fill(storage)
        // Every other one stays: no two of the free pages are neighbours for long.
        let next = storage.nextPosition.rawValue
        try storage.commit(JournalBatch([], deleting: Array(stride(from: 1, to: next, by: 2)), next: next))
        try storage.commit(JournalBatch([], deleting: Array(1..<next - 1000), next: next))
        try storage.countRoom()
        #expect(!storage.isSpaceLow)
        while !storage.isSpaceLow, storage.nextPosition.rawValue < next + 1000 {
            try storage.commit(JournalBatch([(storage.nextPosition.rawValue, [UInt8](repeating: 1, count: 60_000))]))
            try storage.countRoom()
        }
        #expect(((next + 60)..<(next + 130)).contains(storage.nextPosition.rawValue))
    }

    @Test func `a map that is used up all the same is called that, with the limit`() throws {
        let directory = try TemporaryDirectory()
        let options = LMDBEnvironment.Options(mapBytesMax: 1 << 20, readersMax: 8, tablesMax: 1, readsAhead: true)
        let environment = try LMDBEnvironment(directory: directory.path, options: options, lock: nil)
        let table = try environment.makeTable("records")
        let path = environment.directory
        do throws(StorageError) {
            // Nothing is kept of it, so that it needs no room on the disk.
            unsafe try environment.write("commit to") { (transaction) throws(StorageError) in
                var value = unsafe MDB_val(mv_size: 400 << 20, mv_data: nil)
                unsafe try withKey(1) { (key) throws(StorageError) in
                    unsafe try check(mdb_put(transaction, table, &key, &value, UInt32(MDB_RESERVE)), "write to", path)
                }
            } commitFailed: { _ in
            }
            Issue.record("it was written")
        } catch {
            #expect(error.code == .limit)
            #expect(error.exitCode == 71)
            #expect(error.description.contains("storageBytesMax: \(1 << 20)"), "\(error)")
            #expect(!error.description.contains("file system"))
        }
    }
}

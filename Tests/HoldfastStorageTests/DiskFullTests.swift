import Foundation
import Glibc
import HoldfastCore
import HoldfastStorage
import HoldfastWire
import Testing

/// A real full disk: a small file system of its own for each test.
@Suite(.enabled(if: MountNamespace.isAvailable, "needs the right to mount a file system"))
struct DiskFullTests {
    private static let reserveBytes = 4 << 20

    private static func open(_ path: String, isIntact: (Position, Span<UInt8>) -> Bool = { _, _ in true }) throws(StorageError)
        -> LMDBStorage
    {
        var configuration = StorageConfiguration()
        configuration.reserveBytes = reserveBytes
        configuration.unsyncedBytesMax = 256 << 10
        return try LMDBStorage.open(directory: path + "/data", configuration: configuration, isIntact: isIntact)
    }

    private static func hasReserve(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path + "/data/reserve") }

    /// A batch of 200 KB.
    private static func messages(from position: UInt64) -> JournalBatch {
        JournalBatch((position..<position + 100).map { ($0, [UInt8](repeating: 1, count: 2000)) })
    }

    /// Takes all but `rest` bytes of the file system.
    private static func fill(_ path: String, leaving rest: Int) throws {
        let descriptor = unsafe Glibc.open(path + "/ballast", O_RDWR | O_CREAT, 0o600)
        defer { close(descriptor) }
        let free = try #require(FileManager.default.attributesOfFileSystem(forPath: path)[.systemFreeSize] as? Int)
        #expect(posix_fallocate(descriptor, 0, Int(lseek(descriptor, 0, SEEK_END)) + free - rest) == 0)
    }

    @Test func `a disk that is too small for the reserve is refused and says what is missing`() throws {
        try MountNamespace.run(bytes: 3 << 20) { path in
            do throws(StorageError) {
                _ = try Self.open(path)
                Issue.record("it was opened")
            } catch {
                #expect(error.code == .full, "\(error)")
                #expect(error.description.contains("are missing"))
            }
        }
    }

    @Test func `while room is low acknowledgements, checkpoints and trims still commit, and what they free takes messages again`() throws {
        try MountNamespace.run(bytes: 24 << 20) { path in
            let storage = try Self.open(path)
            #expect(!storage.isSpaceLow)
            var rows = CheckpointRows()
            rows.timelines = 10
            while storage.roomBytes(checkpoint: rows) > 0, storage.nextPosition.rawValue < 20000 {
                rows.entriesAdded = Int(storage.nextPosition.rawValue)
                try storage.commit(Self.messages(from: storage.nextPosition.rawValue))
            }
            let full = storage.nextPosition.rawValue
            #expect((5000..<12000).contains(full))
            for _ in 0..<200 { try storage.commit(JournalBatch([(storage.nextPosition.rawValue, [2])])) }
            #expect(!Self.hasReserve(path))
            #expect(storage.isSpaceLow)
            try storage.checkpoint { (transaction) throws(StorageError) in
                for position in 1..<full { try transaction.appendInbox(of: position % 10, position) }
            }
            // The checkpoint that room was kept for is written: some more go in.
            _ = storage.roomBytes(checkpoint: CheckpointRows())
            while !storage.isSpaceLow { try storage.commit(Self.messages(from: storage.nextPosition.rawValue)) }
            #expect(storage.nextPosition.rawValue < full + 3000)
            for start in stride(from: UInt64(1), to: full - 1000, by: 1000) {
                try storage.commit(JournalBatch([], deleting: Array(start..<start + 1000), next: storage.nextPosition.rawValue))
            }
            try storage.checkpoint { (transaction) throws(StorageError) in try transaction.put(.meta, [1], [1]) }
            #expect(!storage.isSpaceLow)
            let next = storage.nextPosition.rawValue
            while !storage.isSpaceLow, storage.nextPosition.rawValue < next + 1500 {
                try storage.commit(Self.messages(from: storage.nextPosition.rawValue))
            }
            #expect(storage.nextPosition.rawValue == next + 1500)
        }
    }

    @Test func `when others give room back messages are taken and the reserve is made again`() throws {
        try MountNamespace.run(bytes: 24 << 20) { path in
            let storage = try Self.open(path)
            try Self.fill(path, leaving: 100 << 10)
            try storage.commit(JournalBatch([(1, [1])]))
            #expect(storage.isSpaceLow)
            #expect(!Self.hasReserve(path))
            try FileManager.default.removeItem(atPath: path + "/ballast")
            try storage.commit(JournalBatch([(2, [1])]))
            #expect(!storage.isSpaceLow)
            #expect(Self.hasReserve(path))
        }
    }

    @Test func `a start on a full disk serves what is stored and refuses messages`() throws {
        try MountNamespace.run(bytes: 24 << 20) { path in
            try Self.open(path).commit(JournalBatch([(1, [1])]))
            try Self.fill(path, leaving: 0)
            let storage = try Self.open(path)
            #expect(storage.isSpaceLow)
            #expect(try storage.allPositions() == [1])
            try storage.commit(JournalBatch([(2, [2])]))
        }
    }

    @Test func `a commit that fails all the same leaves a marker, and the next start verifies before it serves`() throws {
        try MountNamespace.run(bytes: 24 << 20) { path in
            let marker = path + "/data/failed-commit"
            do {
                let storage = try Self.open(path)
                try storage.commit(Self.messages(from: 1))
                try Self.fill(path, leaving: 0)
                // More than the reserve: somebody broke the promise about the size of batches.
                let tooMuch = JournalBatch([(101, [UInt8](repeating: 1, count: 6 << 20))])
                do throws(StorageError) {
                    try storage.commit(tooMuch)
                    Issue.record("it was committed")
                } catch {
                    #expect(error.code == .full, "\(error)")
                }
                #expect(throws: StorageError.self) { try storage.commit(Self.messages(from: 200)) }
                #expect(throws: StorageError.self) { try storage.checkpoint { _ in } }
            }
            #expect(FileManager.default.fileExists(atPath: marker))
            do throws(StorageError) {
                _ = try Self.open(path) { position, _ in position.rawValue != 42 }
                Issue.record("a damaged record passed")
            } catch {
                #expect(error.code == .failedCommit)
                #expect(error.description.contains("position 42 is damaged"))
            }
            #expect(FileManager.default.fileExists(atPath: marker))
            var asked = 0
            let storage = try Self.open(path) { _, record in
                asked += 1
                return record.count == 2000
            }
            #expect(asked == 100)
            #expect(!FileManager.default.fileExists(atPath: marker))
            #expect(try storage.allPositions() == Array(1...100))
        }
    }

    @Test(arguments: ["/dev/null", "/dev/full"])
    func `the marker is left behind also where it can't be synced or written`(device: String) throws {
        try MountNamespace.run(bytes: 24 << 20) { path in
            let storage = try Self.open(path)
            try storage.commit(Self.messages(from: 1))
            // What was prepared at the start becomes a file that takes no sync, or no byte.
            let prepared = path + "/data/failed-commit.new"
            try FileManager.default.removeItem(atPath: prepared)
            try FileManager.default.createSymbolicLink(atPath: prepared, withDestinationPath: device)
            try Self.fill(path, leaving: 0)
            #expect(throws: StorageError.self) {
                try storage.commit(JournalBatch([(101, [UInt8](repeating: 1, count: 6 << 20))]))
            }
            #expect(FileManager.default.fileExists(atPath: path + "/data/failed-commit"))
        }
    }
}

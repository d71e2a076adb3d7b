import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastWire
import Testing

/// What a data directory that can't be used says, and how it is made.
@Suite struct DataDirectoryTests {
    private func error(_ body: () throws(StorageError) -> LMDBStorage) -> StorageError? {
        do throws(StorageError) {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test func `everything in a new directory is for its owner only`() throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open()
        for name in ["", "/journal", "/store"] { #expect(try mode(directory.data + name) == 0o700) }
        let files = ["format", "lock", "reserve", "journal/data.mdb", "journal/lock.mdb", "store/data.mdb", "store/lock.mdb"]
        for name in files { #expect(try mode("\(directory.data)/\(name)") == 0o600) }
        #expect(!storage.isSpaceLow)
    }

    @Test func `a second gateway is told which process has the directory`() throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open()
        let refused = error { () throws(StorageError) in try directory.open() }
        #expect(refused?.code == .inUse)
        #expect(refused?.description.contains("process \(getpid()) has it") == true)
        #expect(refused?.description.contains(directory.data) == true)
        try storage.commit(JournalBatch([(1, [1])]))
    }

    @Test func `a directory of a newer version is refused unchanged`() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.open()
        try "holdfast-data 3\n".write(toFile: directory.data + "/format", atomically: true, encoding: .utf8)
        #expect(error { () throws(StorageError) in try directory.open() }?.code == .newerFormat)
        #expect(error { () throws(StorageError) in try LMDBStorage.openReadOnly(directory: directory.data) }?.code == .newerFormat)
    }

    @Test(arguments: ["", "holdfast-data\n", "holdfast-data x\n", "holdfast-data 0\n", "else 1\n", "holdfast-data 2"])
    func `a format file that isn't ours is damage`(text: String) throws {
        let directory = try TemporaryDirectory()
        _ = try directory.open()
        try text.write(toFile: directory.data + "/format", atomically: true, encoding: .utf8)
        #expect(error { () throws(StorageError) in try directory.open() }?.code == .damaged)
    }

    @Test(arguments: ["journal", "store"])
    func `an environment that is gone is not made again empty`(name: String) throws {
        let directory = try TemporaryDirectory()
        try directory.open().commit(JournalBatch([(1, [1])]))
        try FileManager.default.removeItem(atPath: "\(directory.data)/\(name)/data.mdb")
        let refused = error { () throws(StorageError) in try directory.open() }
        #expect(refused?.code == .damaged)
        #expect(refused?.description.contains("\(name)/data.mdb") == true)
    }

    @Test(arguments: ["journal", "store"], [[0], [1], [0, 1]])
    func `an environment that a power cut left without a header page, in its making, is made anew`(name: String, lost: [Int]) throws {
        let directory = try TemporaryDirectory()
        _ = try directory.open()
        let file = URL(fileURLWithPath: directory.data + "/\(name)/data.mdb")
        var bytes = try Data(contentsOf: file)
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        for page in lost { bytes.resetBytes(in: page * pageBytes..<(page + 1) * pageBytes) }
        try bytes.write(to: file)
        try FileManager.default.removeItem(atPath: directory.data + "/format")
        #expect(try directory.open().nextPosition > .zero)
    }

    @Test func `a making that was interrupted is taken up, but records without a format are damage`() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.open()
        try FileManager.default.removeItem(atPath: directory.data + "/format")
        try directory.open { $0.firstPosition = Position(era: 3, offset: 1) }.commit(JournalBatch([(3 << 56 | 1, [1])]))
        #expect(try directory.open().nextPosition == Position(era: 3, offset: 2))
        try FileManager.default.removeItem(atPath: directory.data + "/format")
        #expect(error { () throws(StorageError) in try directory.open() }?.code == .damaged)
    }

    @Test func `a file that LMDB doesn't know is damage`() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.open()
        try Data(repeating: 7, count: 1 << 16).write(to: URL(fileURLWithPath: directory.data + "/store/data.mdb"))
        #expect(error { () throws(StorageError) in try directory.open() }?.code == .damaged)
    }

    @Test func `a missing parent and a file in its place are named`() throws {
        let directory = try TemporaryDirectory()
        let missing = error { () throws(StorageError) in try LMDBStorage.open(directory: directory.path + "/a/b") { _, _ in true } }
        #expect(missing?.code == .system)
        #expect(missing?.description.contains("/a/b") == true)
        try Data().write(to: URL(fileURLWithPath: directory.path + "/file"))
        let file = error { () throws(StorageError) in try LMDBStorage.open(directory: directory.path + "/file") { _, _ in true } }
        #expect(file?.code == .absent)
        #expect(error { () throws(StorageError) in try LMDBStorage.openReadOnly(directory: directory.path + "/none") }?.code == .absent)
    }

    @Test(.enabled(if: MountNamespace.isAvailable, "needs the right to mount a file system"))
    func `a read-only file system is refused for serving and good for reading`() throws {
        try MountNamespace.run(bytes: 16 << 20) { path in
            var configuration = StorageConfiguration()
            configuration.reserveBytes = 1 << 20
            try LMDBStorage.open(directory: path + "/data", configuration: configuration) { _, _ in true }
                .commit(JournalBatch([(1, [5])]))
            try MountNamespace.makeReadOnly(path)
            for name in ["/data", "/new"] {
                let refused = error { () throws(StorageError) in try LMDBStorage.open(directory: path + name) { _, _ in true } }
                #expect(refused?.code == .readOnly)
                #expect(refused?.description.contains(path + name) == true)
            }
            let storage = try LMDBStorage.openReadOnly(directory: path + "/data")
            #expect(try storage.allRecords().map(\.1) == [[5]])
            #expect(storage.nextPosition.rawValue == 2)
            #expect(throws: StorageError.self) { try storage.commit(JournalBatch([(2, [1])])) }
        }
    }

    @Test func `a store that is ahead of the journal is refused`() throws {
        let storage = try TemporaryDirectory().open()
        try storage.commit(JournalBatch([(1, [1])]))
        try storage.checkApplied(Position(rawValue: 1))
        do throws(StorageError) {
            try storage.checkApplied(Position(rawValue: 2))
            Issue.record("position 2 passed")
        } catch {
            #expect(error.code == .storeAhead)
        }
    }
}

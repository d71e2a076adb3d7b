import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastWire
import Testing

/// A data directory that is taken away while it is used.
@Suite struct DirectoryPlaceTests {
    private static let changes: [(String, @Sendable (TemporaryDirectory) throws -> Void)] = [
        ("data", { try FileManager.default.removeItem(atPath: $0.data) }),
        ("data", { try FileManager.default.moveItem(atPath: $0.data, toPath: $0.path + "/elsewhere") }),
        ("data", { try FileManager.default.moveItem(atPath: $0.path, toPath: $0.path + "-moved") }),
        ("data/lock", { try FileManager.default.removeItem(atPath: $0.data + "/lock") }),
        ("data/journal/data.mdb", { try FileManager.default.removeItem(atPath: $0.data + "/journal") }),
        (
            "data/store/data.mdb",
            { directory in
                let file = directory.data + "/store/data.mdb"
                let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
                try bytes.write(to: URL(fileURLWithPath: file), options: .atomic)
            }
        ),
    ]

    @Test(arguments: changes.indices)
    func `it is noticed, named, and nothing is written any more`(index: Int) throws {
        let (name, change) = Self.changes[index]
        let directory = try TemporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory.path + "-moved") }
        let storage = try directory.open()
        try storage.commit(JournalBatch([(1, [1])]))
        try storage.checkPlace()
        try storage.giveMemoryBack()
        try storage.checkPlace()
        try change(directory)
        do throws(StorageError) {
            try storage.checkPlace()
            Issue.record("it wasn't noticed")
        } catch {
            #expect(error.code == .system && error.description.contains("\(directory.path)/\(name)"), "\(error)")
        }
        #expect(throws: StorageError.self) { try storage.commit(JournalBatch([(2, [1])])) }
    }

    @Test(.enabled(if: MountNamespace.isAvailable, "needs the right to mount a file system"))
    func `a file system that is mounted over it is noticed`() throws {
        try MountNamespace.run(bytes: 24 << 20) { path in
            var configuration = StorageConfiguration()
            configuration.reserveBytes = 1 << 20
            let storage = try LMDBStorage.open(directory: path + "/data", configuration: configuration) { _, _ in true }
            try storage.checkPlace()
            try #require(unsafe mount("tmpfs", path + "/data", "tmpfs", 0, "size=1m") == 0)
            defer { unsafe umount2(path + "/data", Int32(MNT_DETACH)) }
            #expect(throws: StorageError.self) { try storage.checkPlace() }
        }
    }
}

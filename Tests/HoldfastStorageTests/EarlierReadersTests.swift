import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastWire
import Testing

/// Commands that only read a directory without tables of readers, and a gateway that starts beside them.
@Suite struct EarlierReadersTests {
    private static func removeTables(_ directory: TemporaryDirectory) throws {
        for name in ["journal", "store"] { try FileManager.default.removeItem(atPath: "\(directory.data)/\(name)/lock.mdb") }
    }

    /// What `commits` commits leave, each of which replaces all records.
    private static func turnOver(_ storage: LMDBStorage, commits: Int) throws {
        for _ in 0..<commits {
            let (old, next) = (try storage.allPositions(), storage.nextPosition.rawValue)
            try storage.commit(
                JournalBatch((next..<next + 50).map { ($0, [UInt8](repeating: UInt8($0 % 251), count: 1000)) }, deleting: old))
            try storage.checkpoint { (store) throws(StorageError) in
                for key in UInt8(0)..<50 { try store.put(.users, [key], [UInt8](repeating: UInt8(next % 251), count: 500)) }
            }
        }
    }

    private static func fileBytes(_ directory: TemporaryDirectory) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: directory.data + "/journal/data.mdb")[.size] as? Int)
    }

    @Test func `reading makes and changes nothing`() throws {
        let directory = try TemporaryDirectory()
        try Self.turnOver(try directory.open(), commits: 2)
        try Self.removeTables(directory)
        let before = try FileManager.default.subpathsOfDirectory(atPath: directory.data).sorted()
        #expect(try LMDBStorage.openReadOnly(directory: directory.data).allPositions().count == 50)
        try TableReader(TableReader.records, of: directory.data).rows(from: []) { (_, _) throws(StorageError) in true }
        #expect(try FileManager.default.subpathsOfDirectory(atPath: directory.data).sorted() == before)
    }

    @Test func `what such a command sees stays as long as it reads, and is let go of then`() throws {
        let directory = try TemporaryDirectory()
        try Self.turnOver(try directory.open(), commits: 2)
        try Self.removeTables(directory)
        var writer: LMDBStorage?
        do {
            let reader = try LMDBStorage.openReadOnly(directory: directory.data)
            try reader.read { (snapshot) throws(StorageError) in
                func records() throws(StorageError) -> [UInt64: [UInt8]] {
                    var records: [UInt64: [UInt8]] = [:]
                    try snapshot.records(after: .zero) { position, bytes in
                        records[position.rawValue] = bytes.array
                        return true
                    }
                    return records
                }
                let seen = try records()
                let storage = try directory.open()
                writer = storage
                do {
                    try Self.turnOver(storage, commits: 40)
                    try storage.giveMemoryBack()
                    try Self.turnOver(storage, commits: 10)
                } catch {
                    throw StorageError(.system, "\(error)")
                }
                let isUnchanged = try records() == seen
                #expect(isUnchanged)
            }
        }
        let storage = try #require(writer)
        try storage.countRoom()
        try Self.turnOver(storage, commits: 5)
        let before = try Self.fileBytes(directory)
        try Self.turnOver(storage, commits: 40)
        #expect(try Self.fileBytes(directory) == before)
    }
}

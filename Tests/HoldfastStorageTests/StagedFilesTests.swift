import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastWire
import Testing

/// Putting a directory in the place of another: every crash between two steps.
@Suite struct StagedFilesTests {
    private static let renames = [
        ("journal", "journal.damaged-1"), ("finished/journal", "journal"), ("store", "store.damaged-1"), ("finished/store", "store"),
    ]

    /// A directory with one record, in which another one with two is decided upon.
    private func makeDecided() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try directory.open().commit(JournalBatch([(1, [1])]))
        for file in ["ticket-keys", "failed-commit"] { try Data([1]).write(to: URL(fileURLWithPath: "\(directory.data)/\(file)")) }
        do {
            let build = try DirectoryBuild(in: directory.data, format: .current)
            try build.append([1], at: Position(rawValue: 1))
            try build.append([2], at: Position(rawValue: 2))
            try build.finishJournal(nextPosition: Position(rawValue: 9))
        }
        try StagedFiles.decide(in: directory.data, reason: "damaged")
        return directory
    }

    @Test(arguments: 0...4) func `after a crash behind each rename the directory refuses to serve, and the rest is done`(count: Int) throws
    {
        let directory = try makeDecided()
        for (old, new) in Self.renames.prefix(count) {
            try FileManager.default.moveItem(atPath: "\(directory.data)/\(old)", toPath: "\(directory.data)/\(new)")
        }
        #expect(StagedFiles.isPending(in: directory.data))
        do throws(StorageError) {
            _ = try directory.open()
            Issue.record("it was opened")
        } catch {
            #expect(error.code == .damaged && error.description.contains("same command again"), "\(error)")
        }
        #expect(try StagedFiles.complete(in: directory.data) == ["journal.damaged-1", "store.damaged-1"])
        #expect(!StagedFiles.isPending(in: directory.data))
        for file in ["ticket-keys", "failed-commit", "finished", "unfinished"] {
            #expect(!FileManager.default.fileExists(atPath: "\(directory.data)/\(file)"), "\(file)")
        }
        let storage = try directory.open()
        #expect(try storage.allPositions() == [1, 2])
        #expect(storage.nextPosition == Position(rawValue: 9))
    }

    @Test func `a crash between the last file's removal and its folder's is no damage`() throws {
        let directory = try makeDecided()
        try StagedFiles.complete(in: directory.data)
        try FileManager.default.createDirectory(atPath: directory.data + "/finished", withIntermediateDirectories: false)
        #expect(StagedFiles.isPending(in: directory.data))
        #expect(try StagedFiles.complete(in: directory.data) == [])
        #expect(!StagedFiles.isPending(in: directory.data))
        #expect(try directory.open().allPositions() == [1, 2])
    }

    @Test func `what was replaced before keeps its name`() throws {
        let directory = try makeDecided()
        try StagedFiles.complete(in: directory.data)
        do {
            let build = try DirectoryBuild(in: directory.data, format: .current)
            try build.finishJournal(nextPosition: Position(rawValue: 20))
        }
        try StagedFiles.decide(in: directory.data, reason: "damaged")
        #expect(try StagedFiles.complete(in: directory.data) == ["journal.damaged-2", "store.damaged-2"])
        #expect(FileManager.default.fileExists(atPath: directory.data + "/journal.damaged-1/data.mdb"))
    }

    @Test func `an unfinished copy is no data directory, and is begun anew`() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: directory.data, withIntermediateDirectories: true)
        do {
            let build = try DirectoryBuild(in: directory.data, format: .current)
            try build.append([1], at: Position(rawValue: 1))
            try build.finishJournal(nextPosition: .zero)
        }
        do throws(StorageError) {
            _ = try directory.open()
            Issue.record("it was opened")
        } catch {
            #expect(error.code == .damaged && error.description.contains("unfinished"), "\(error)")
        }
        #expect(try DirectoryBuild(in: directory.data, format: .current).storage.allPositions() == [])
    }

    @Test(.enabled(if: MountNamespace.isAvailable, "needs the right to mount a file system"))
    func `a full and a read-only target are told as such, and leave the source and the room as they were`() throws {
        let source = try TemporaryDirectory()
        let storage = try source.open()
        for position in UInt64(1)...400 { try storage.commit(JournalBatch([(position, [UInt8](repeating: 7, count: 8000))])) }
        try MountNamespace.run(bytes: 2 << 20) { path in
            do throws(StorageError) {
                try storage.copy(into: DirectoryBuild(in: path, format: .current)) { _, _ in }
                Issue.record("it was copied")
            } catch {
                #expect(error.code == .full && error.description.contains(path), "\(error)")
            }
            try StagedFiles.removeUnfinished(in: path)
            #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])
            try MountNamespace.makeReadOnly(path)
            do throws(StorageError) {
                _ = try DirectoryBuild(in: path, format: .current)
                Issue.record("it was made")
            } catch {
                #expect(error.code == .readOnly && error.description.contains(path), "\(error)")
            }
        }
        #expect(try storage.allPositions().count == 400)
    }

    @Test func `a copy of a moment has its records and rows, whatever is written and trimmed meanwhile`() throws {
        let source = try TemporaryDirectory()
        let storage = try source.open()
        for position in UInt64(1)...300 { try storage.commit(JournalBatch([(position, [UInt8](repeating: 7, count: 200))])) }
        try storage.checkpoint { (store) throws(StorageError) in
            for position in UInt64(1)...300 { try store.appendInbox(of: position % 3, position) }
            try store.put(.users, [1], [9])
        }
        let target = try TemporaryDirectory()
        let build = try DirectoryBuild(in: target.path, format: .current)
        var hasTrimmed = false
        try storage.readOnlyCopy(into: build) {
            guard !hasTrimmed else { return }
            hasTrimmed = true
            // Behind the views: a checkpoint that needs none of it, and the trim that follows.
            try storage.checkpoint { (store) throws(StorageError) in
                for user in UInt64(0)...2 { try store.deleteEntries(of: .inbox(user), through: Position(rawValue: 300)) { _ in } }
            }
            try storage.commit(JournalBatch([], deleting: Array(1...300), next: 301))
        }
        #expect(hasTrimmed)
        #expect(try build.storage.allPositions() == Array(1...300))
        #expect(try build.storage.inbox(of: 1).count == 100)
        #expect(try build.storage.row(.users, [1]) == [9])
        #expect(try storage.allPositions() == [])
    }
}

extension LMDBStorage {
    /// Copies, and runs `meanwhile` when the copy has begun.
    fileprivate func readOnlyCopy(into build: DirectoryBuild, meanwhile: () throws -> Void) throws {
        var failure: (any Error)?
        try copy(into: build) { _, _ in
            do { try meanwhile() } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

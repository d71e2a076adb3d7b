import CLMDB
import Foundation
import HoldfastCore
import HoldfastWire
import Testing

@testable import HoldfastStorage

/// A directory of format 1, as a gateway left it that wrote that format (Fixtures/make.sh), becomes one of format 2: whatever ends the process
/// meanwhile, each entry is in one place, and the next start goes on.
@Suite struct MigrationTests {
    private static let fixture = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/format-1")
    private static let files = ["format", "journal/data.mdb", "store/data.mdb"]

    /// What a directory has, without flags and references, which format 1 didn't have.
    private struct Contents: Equatable {
        var marks: [UInt64: [InboxEntry]] = [:]
        var rows: [StoreTable: [[UInt8]: [UInt8]]] = [:]
        var records: [UInt64: [UInt8]] = [:]
        var entryCount: Int { marks.values.reduce(0) { $0 + $1.count } }
    }

    private func makeDirectory() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try FileManager.default.copyItem(atPath: Self.fixture.path, toPath: directory.data)
        return directory
    }

    private func contents(_ storage: any Storage, users: Range<UInt64> = 0..<50) throws -> Contents {
        var contents = Contents()
        try storage.read { (snapshot) throws(StorageError) in
            for user in users {
                var entries: ContiguousArray<TimelineEntry> = []
                try snapshot.entries(of: .inbox(user), after: .zero, limit: .max / 2, into: &entries)
                if !entries.isEmpty { contents.marks[user] = entries.map(\.mark) }
                // Asked for one by one, too.
                for (index, entry) in entries.enumerated() where index < 40 || index.isMultiple(of: 97) {
                    let position = entry.position.rawValue
                    let same = try snapshot.entry(of: .inbox(user), atOrBefore: entry.position)
                    let before = try snapshot.entry(of: .inbox(user), atOrBefore: Position(rawValue: position - 1))
                    #expect(same == entry && before == (index == 0 ? nil : entries[index - 1]))
                }
            }
            for table in StoreTable.allCases {
                try snapshot.scan(table, from: [UInt8]().span) { key, value in
                    if table == .meta, StorageRow.isOwn(key.array) { return true }
                    contents.rows[table, default: [:]][key.array] = value.array
                    return true
                }
            }
            try snapshot.records(after: .zero) { position, record in
                contents.records[position.rawValue] = record.array
                return true
            }
        }
        return contents
    }

    private func read(_ directory: TemporaryDirectory, users: Range<UInt64> = 0..<50) throws -> Contents {
        try contents(LMDBStorage.openReadOnly(directory: directory.data), users: users)
    }

    private func migrate(
        _ directory: TemporaryDirectory, isWanted: Bool = true, bytesMax: Int = 1,
        progress: @escaping (Migration.Progress) -> Void = { _ in }
    ) throws(StorageError) -> LMDBStorage {
        var configuration = StorageConfiguration()
        configuration.reserveBytes = 1 << 20
        configuration.unsyncedBytesMax = 1 << 16
        configuration.migrationBytesMax = bytesMax
        return try LMDBStorage.open(
            directory: directory.data, configuration: configuration, migration: Migration(isWanted: isWanted, progress: progress)
        ) { _, _ in true }
    }

    private func error(_ body: () throws(StorageError) -> LMDBStorage) -> StorageError? {
        do throws(StorageError) {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    private func format(_ directory: TemporaryDirectory) throws -> String {
        try String(contentsOfFile: directory.data + "/format", encoding: .utf8)
    }

    @Test func `without being asked a directory of format 1 is refused, with what the migration takes, and stays as it was`() throws {
        let directory = try makeDirectory()
        let refused = try #require(error { () throws(StorageError) in try migrate(directory, isWanted: false) })
        #expect(refused.code == .olderFormat && refused.exitCode == 79)
        for part in ["29 inbox entries", "1 s", "MiB", "--migrate", "backup"] { #expect(refused.description.contains(part), "\(refused)") }
        for file in Self.files {
            let bytes = try Data(contentsOf: Self.fixture.appending(path: file))
            #expect(try Data(contentsOf: URL(filePath: "\(directory.data)/\(file)")) == bytes, "\(file)")
        }
    }

    @Test func `each entry is there once after a crash behind every transaction, and the next start goes on without being asked`() throws {
        let directory = try makeDirectory()
        let expected = try read(directory)
        #expect(expected.entryCount == 29)
        var copies: [(Migration.Progress, TemporaryDirectory)] = []
        _ = try migrate(directory) { progress in
            if let copy = try? directory.crashCopy() { copies.append((progress, copy)) }
        }
        // An entry each, and the one that finds no more.
        #expect(copies.map(\.0.movedEntries) == Array(1...29) + [29])
        #expect(copies.allSatisfy { $0.0.entryCount == 29 })
        for (_, copy) in copies {
            #expect(try format(copy) == "holdfast-data 2\n")
            #expect(try read(copy) == expected)
            let storage = try migrate(copy, isWanted: false, bytesMax: 1 << 20)
            #expect(try contents(storage) == expected)
            #expect(storage.store.timelines.map(\.format) == [.two])
            #expect(try storage.row(.meta, StorageFormat.key) == [0, 0, 0, 0, 0, 0, 0, 2])
            #expect(try storage.row(.meta, StorageRow.migratedThrough) == nil)
            #expect(try storage.journal.format() == .two)
        }
        #expect(try read(directory) == expected)
    }

    @Test(arguments: [1, 29]) func `who opened it before a migration isn't given a view without what was moved`(moved: Int) throws {
        let directory = try makeDirectory()
        let copy = try directory.crashCopy()
        let reader = try LMDBStorage.openReadOnly(directory: directory.data)
        #expect(try contents(reader).entryCount == 29)
        // What another process does meanwhile: LMDB's locks are the process's, so that it can't be done in its place.
        var changed: TemporaryDirectory?
        _ = try migrate(copy) { progress in if progress.movedEntries == moved { changed = try? copy.crashCopy() } }
        let (from, to) = (try #require(changed).data + "/store/data.mdb", directory.data + "/store/data.mdb")
        let (bytes, target) = (try Data(contentsOf: URL(filePath: from)), try FileHandle(forWritingTo: URL(filePath: to)))
        try target.write(contentsOf: bytes)
        try target.close()
        do {
            _ = try contents(reader)
            Issue.record("it was read")
        } catch let error as StorageError {
            #expect(error.code == .inUse, "\(error)")
        }
    }

    @Test func `a crash between the raised number and everything else is gone on from`() throws {
        let directory = try makeDirectory()
        let expected = try read(directory)
        try DataDirectory(path: directory.data).raiseFormat(to: .two)
        #expect(try format(directory) == "holdfast-data 2\n")
        #expect(try read(directory) == expected)
        #expect(try contents(migrate(directory, isWanted: false)) == expected)
        // Once more: there is nothing to do.
        var count = 0
        #expect(try contents(migrate(directory, isWanted: false) { _ in count += 1 }) == expected)
        #expect(count == 0)
    }

    /// Of format 1, with an inbox that is larger than a transaction between small ones.
    private func makeLarge() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: directory.data, withIntermediateDirectories: true)
        do {
            let build = try DirectoryBuild(in: directory.data, format: .one)
            for user in UInt64(1)..<40 {
                for number in 1...(user == 20 ? 9_000 : user % 7 + 1) {
                    let mark = InboxEntry(
                        position: Position(rawValue: number * 64 + user), ordinal: UInt32(number), cumulativeBytes: UInt32(number * 9))
                    try build.append(TimelineEntry(mark, flags: .own, reference: 5), to: .inbox(user))
                }
            }
            try build.finishStore()
            try build.finishJournal(nextPosition: Position(rawValue: 1 << 40))
        }
        try StagedFiles.decide(in: directory.data, reason: "replaced")
        try StagedFiles.complete(in: directory.data)
        #expect(try format(directory) == "holdfast-data 1\n")
        return directory
    }

    @Test func `an inbox that is larger than a transaction is moved in parts, and read from both tables meanwhile`() throws {
        let directory = try makeLarge()
        let expected = try read(directory)
        #expect(expected.marks[20]?.count == 9_000 && expected.marks.count == 39)
        var states: [Migration.Progress] = []
        var lastBytes = try directory.storeBytes()
        let limit = 64 << 10
        _ = try migrate(directory, bytesMax: limit) { progress in
            states.append(progress)
            // A transaction writes no more than it may, with what LMDB needs for its own.
            let bytes = (try? directory.storeBytes()) ?? 0
            #expect(bytes - lastBytes <= limit + 64 << 10)
            lastBytes = bytes
            guard states.count == 3, let copy = try? directory.crashCopy() else { return }
            #expect((try? read(copy)) == expected)
            #expect((try? contents(migrate(copy, isWanted: false))) == expected)
        }
        #expect(states.count > 5 && states.map(\.movedEntries) == states.map(\.movedEntries).sorted())
        #expect(try read(directory) == expected)
    }

    @Test func `a copy has the format of what it was made from, a half migrated one the new one`() throws {
        let directory = try makeDirectory()
        let expected = try read(directory)
        var half: TemporaryDirectory?
        let old = try directory.crashCopy()
        _ = try migrate(directory) { progress in if progress.movedEntries == 14 { half = try? directory.crashCopy() } }
        for (source, number) in [(old, 1), (try #require(half), 2), (directory, 2)] {
            let target = try TemporaryDirectory()
            try FileManager.default.createDirectory(atPath: target.data, withIntermediateDirectories: true)
            do {
                let storage = try LMDBStorage.openReadOnly(directory: source.data)
                try storage.copy(into: DirectoryBuild(in: target.data, format: storage.format)) { _, _ in }
            }
            try StagedFiles.decide(in: target.data, reason: "replaced")
            try StagedFiles.complete(in: target.data)
            #expect(try format(target) == "holdfast-data \(number)\n")
            #expect(try read(target) == expected)
            #expect(try LMDBStorage.openReadOnly(directory: target.data).store.timelines.map(\.format.rawValue) == [UInt64(number)])
        }
    }

    @Test(arguments: [(StorageFormat.one, StorageFormat.two), (.two, .one)])
    func `what takes the place of a directory brings its number along`(old: StorageFormat, new: StorageFormat) throws {
        let directory = try makeDirectory()
        if old == .two { _ = try migrate(directory) }
        do { try DirectoryBuild(in: directory.data, format: new).finishJournal(nextPosition: Position(rawValue: 7)) }
        try StagedFiles.decide(in: directory.data, reason: "replaced")
        // A crash at each step: what is there refuses to be used, and its number isn't too low for what is in its place.
        for step in ["journal", "store"] {
            let copy = try directory.crashCopy()
            try FileManager.default.moveItem(atPath: "\(copy.data)/\(step)", toPath: "\(copy.data)/\(step).replaced-1")
            try StagedFiles.complete(in: copy.data)
            #expect(try format(copy) == "holdfast-data \(new.rawValue)\n")
            #expect(try LMDBStorage.openReadOnly(directory: copy.data).nextPosition == Position(rawValue: 7))
        }
        // A number that can't be read is written, too.
        try Data("nonsense".utf8).write(to: URL(filePath: directory.data + "/format"))
        try StagedFiles.complete(in: directory.data)
        #expect(try format(directory) == "holdfast-data \(new.rawValue)\n")
        #expect(try LMDBStorage.openReadOnly(directory: directory.data).store.format == new)
    }

    @Test(arguments: ["journal", "store"]) func `an environment of a later format is refused`(name: String) throws {
        let directory = try makeDirectory()
        _ = try migrate(directory)
        unsafe try directory.change(name) { (environment, transaction) throws(StorageError) in
            let meta = unsafe try environment.number(of: "meta", transaction)
            unsafe try environment.put(StorageFormat.key, 3, meta, transaction)
        }
        let written = error { () throws(StorageError) in try migrate(directory) }
        let read = error { () throws(StorageError) in try LMDBStorage.openReadOnly(directory: directory.data) }
        for refused in [written, read] {
            #expect(refused?.code == .newerFormat && refused?.description.contains(name) == true, "\(String(describing: refused))")
        }
    }

    @Test func `an environment of a later format than the directory's is damage`() throws {
        let directory = try makeDirectory()
        _ = try migrate(directory)
        try Data("holdfast-data 1\n".utf8).write(to: URL(filePath: directory.data + "/format"))
        #expect(error { () throws(StorageError) in try migrate(directory) }?.code == .damaged)
        #expect(error { () throws(StorageError) in try LMDBStorage.openReadOnly(directory: directory.data) }?.code == .damaged)
    }

    @Test func `a table that is missing is empty for a reader, and made by a writer`() throws {
        let directory = try makeDirectory()
        _ = try migrate(directory)
        for name in ["released", "timelines"] {
            unsafe try directory.change("store") { (environment, transaction) throws(StorageError) in
                unsafe try check(mdb_drop(transaction, try environment.number(of: name, transaction), 1), "drop", name)
            }
        }
        let found = try read(directory)
        #expect(found.entryCount == 0 && found.rows[.users]?.count == 5)
        let storage = try migrate(directory, isWanted: false)
        try storage.checkpoint { (store) throws(StorageError) in
            try store.put(.released, [1], [2])
            try store.appendInbox(of: 1, 5)
        }
        #expect(try storage.row(.released, [1]) == [2])
        #expect(try storage.inbox(of: 1).map(\.position.rawValue) == [5])
    }

    @Test(arguments: ["store", "journal"]) func `an environment without the table that every one has is damaged`(name: String) throws {
        let directory = try makeDirectory()
        _ = try migrate(directory)
        unsafe try directory.change(name) { (environment, transaction) throws(StorageError) in
            unsafe try check(mdb_drop(transaction, try environment.number(of: "meta", transaction), 1), "drop", name)
        }
        #expect(error { () throws(StorageError) in try migrate(directory) }?.code == .damaged)
        #expect(error { () throws(StorageError) in try LMDBStorage.openReadOnly(directory: directory.data) }?.code == .damaged)
    }

    @Test func `after a commit that failed the records are read before anything is changed`() throws {
        let directory = try makeDirectory()
        try Data("it failed\n".utf8).write(to: URL(filePath: directory.data + "/failed-commit"))
        let refused = error { () throws(StorageError) in
            try LMDBStorage.open(directory: directory.data, migration: Migration(isWanted: true)) { position, _ in position.rawValue != 90 }
        }
        #expect(refused?.code == .failedCommit && refused?.description.contains("position 90") == true, "\(String(describing: refused))")
        #expect(try format(directory) == "holdfast-data 1\n")
        _ = try migrate(directory)
        #expect(!FileManager.default.fileExists(atPath: directory.data + "/failed-commit"))
    }

    @Test(.enabled(if: MountNamespace.isAvailable, "needs the right to mount a file system"))
    func `a disk that is too small is told before, and one that gets full stops it until there is room`() throws {
        let large = try makeLarge()
        let expected = try read(large)
        try MountNamespace.run(bytes: 8 << 20) { path in
            let directory = TemporaryDirectory(at: path)
            try FileManager.default.copyItem(atPath: large.data, toPath: directory.data)
            let filler = path + "/filler"
            func fill(leaving bytes: Int) throws {
                let available = try #require(FileSystem.availableBytes(path))
                try Data(count: max(0, available - bytes)).write(to: URL(filePath: filler))
            }
            try fill(leaving: 200_000)
            let early = error { () throws(StorageError) in try migrate(directory, bytesMax: 64 << 10) }
            #expect(early?.code == .full && early?.description.contains("bytes") == true, "\(String(describing: early))")
            #expect(try format(directory) == "holdfast-data 1\n")
            try FileManager.default.removeItem(atPath: filler)
            var count = 0
            let stopped = error { () throws(StorageError) in
                try migrate(directory, bytesMax: 64 << 10) { _ in
                    count += 1
                    if count == 2 { try? fill(leaving: 0) }
                }
            }
            #expect(
                stopped?.code == .full && stopped?.description.contains("the next start goes on") == true, "\(String(describing: stopped))")
            #expect(count > 1)
            #expect(try read(directory) == expected)
            try FileManager.default.removeItem(atPath: filler)
            #expect(try contents(migrate(directory, isWanted: false)) == expected)
        }
    }
}

extension LMDBEnvironment {
    fileprivate func number(of table: String, _ transaction: OpaquePointer) throws(StorageError) -> MDB_dbi {
        var number: MDB_dbi = 0
        unsafe try check(mdb_dbi_open(transaction, table, 0, &number), "open", table)
        return number
    }
}

extension TemporaryDirectory {
    /// How far the store's file has been used.
    fileprivate func storeBytes() throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: data + "/store/data.mdb")[.size] as? Int)
    }

    /// Changes an environment behind everybody's back.
    fileprivate func change(
        _ name: String, _ body: (LMDBEnvironment, OpaquePointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        let options = LMDBEnvironment.Options(mapBytesMax: 1 << 30, readersMax: 8, tablesMax: 16, readsAhead: false)
        let environment = try LMDBEnvironment(directory: "\(data)/\(name)", options: options, lock: nil)
        unsafe try environment.write("change") { (transaction) throws(StorageError) in
            unsafe try body(environment, transaction)
        } commitFailed: { _ in
        }
    }
}

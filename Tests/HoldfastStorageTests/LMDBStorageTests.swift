import Foundation
import HoldfastCore
import HoldfastStorage
import HoldfastWire
import Synchronization
import Testing

/// What the contract can't say of a storage in RAM: files, processes and threads.
@Suite struct LMDBStorageTests {
    @Test func `a process that is killed while it commits loses nothing that it acknowledged`() async throws {
        let directory = try TemporaryDirectory()
        var total: UInt64 = 0
        for _ in 0..<3 {
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.path as String] in
                try LMDBStorageTests.commitUntilKilled(path)
            }
            let acknowledged = try Self.acknowledged(directory.path)
            let storage = try directory.open()
            let records = try storage.allRecords()
            #expect(acknowledged >= total + 20)
            #expect(UInt64(records.count) >= acknowledged)
            #expect(records.map(\.0) == (0..<UInt64(records.count)).map { $0 + 1 })
            #expect(records.allSatisfy { position, bytes in bytes == Self.record(position) })
            #expect(storage.nextPosition.rawValue == UInt64(records.count) + 1)
            total = UInt64(records.count)
        }
    }

    private static func record(_ position: UInt64) -> [UInt8] { [UInt8](repeating: UInt8(position % 251), count: Int(position % 700)) }

    private static func acknowledged(_ path: String) throws -> UInt64 {
        let text = try String(contentsOfFile: path + "/acknowledged", encoding: .utf8)
        return try #require(text.split(separator: "\n").last.flatMap { UInt64($0) })
    }

    /// Commits, notes what is acknowledged, and is killed by another thread in the middle of whatever it does then.
    private static func commitUntilKilled(_ path: String) throws {
        let storage = try LMDBStorage.open(directory: path + "/data") { _, _ in true }
        let first = storage.nextPosition.rawValue
        let committed = Atomic<UInt64>(0)
        let last = first + 20 + UInt64.random(in: 0...40)
        let note = unsafe open(path + "/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        withExtendedLifetime(storage) {
            DispatchQueue.concurrentPerform(iterations: 2) { worker in
                if worker == 1 {
                    while committed.load(ordering: .relaxed) < last {}
                    kill(getpid(), SIGKILL)
                }
                while worker == 0 {
                    let start = storage.nextPosition.rawValue
                    let end = start + UInt64.random(in: 1...30)
                    guard (try? storage.commit(JournalBatch((start..<end).map { ($0, record($0)) }))) != nil else { exit(1) }
                    let line = Array("\(end - 1)\n".utf8)
                    guard unsafe write(note, line, line.count) == line.count else { exit(2) }
                    committed.store(end, ordering: .relaxed)
                }
            }
        }
    }

    @Test func `a process that is killed in a checkpoint leaves the store as it was, and the directory free`() async throws {
        let directory = try TemporaryDirectory()
        try directory.open().checkpoint { (transaction) throws(StorageError) in
            try transaction.put(.users, [1], [1])
            try transaction.appendInbox(of: 1, 1)
        }
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.data as String] in
            let storage = try LMDBStorage.open(directory: path) { _, _ in true }
            try storage.commit(JournalBatch([(1, [1])]))
            try storage.checkpoint { (transaction) throws(StorageError) in
                try transaction.put(.users, [1], [2])
                // Enough that LMDB writes pages before the commit.
                for position in UInt64(2)...50000 { try transaction.appendInbox(of: position % 977, position) }
                kill(getpid(), SIGKILL)
            }
        }
        let storage = try directory.open()
        #expect(try storage.row(.users, [1]) == [1])
        #expect(try storage.inbox(of: 1).count == 1)
        #expect(try storage.usage().timelineEntryCount == 1)
        #expect(try storage.allPositions() == [1])
    }

    @Test func `the files as they are between two commits are all that a start needs`() throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open()
        for position in UInt64(1)...8 {
            try storage.commit(JournalBatch([(position, [1])]))
            let copy = try directory.crashCopy()
            #expect(try copy.open().allPositions() == Array(1...position))
        }
        // A copy made while the original is open is another directory, with a lock of its own.
        #expect(storage.nextPosition.rawValue == 9)
    }

    @Test func `another process reads beside a gateway that writes, and doesn't stop it from reusing pages`() async throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open()
        try storage.commit(JournalBatch([(1, [1, 2, 3])]))
        try storage.checkpoint { (transaction) throws(StorageError) in try transaction.put(.users, [1], [4]) }
        await #expect(processExitsWith: .success) { [path = directory.data as String] in
            let reader = try LMDBStorage.openReadOnly(directory: path)
            guard try reader.allRecords().map(\.1) == [[1, 2, 3]], try reader.row(.users, [1]) == [4] else { exit(1) }
            let usage = try reader.usage()
            guard usage.recordCount == 1, usage.rowCounts[Int(StoreTable.users.rawValue)] == 1, reader.isSpaceLow else { exit(2) }
            do throws(StorageError) {
                try reader.checkpoint { _ in }
                exit(3)
            } catch {
                exit(error.code == .readOnly ? 0 : 4)
            }
        }
        try storage.commit(JournalBatch([(2, [2])]))
        #expect(try storage.allPositions() == [1, 2])
    }

    @Test func `readers see journal and store of one moment while both are written and trimmed`() throws {
        let storage = try TemporaryDirectory().open()
        let isDone = Atomic(false)
        let views = Atomic(0)
        let failures = Mutex<[String]>([])
        let readers = DispatchGroup()
        for _ in 0..<3 {
            readers.enter()
            Thread.detachNewThread {
                defer { readers.leave() }
                // At least one view each, however late the thread begins.
                repeat {
                    do {
                        if let failure = try Self.inconsistency(storage) { failures.withLock { $0.append(failure) } }
                        views.add(1, ordering: .relaxed)
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                        return
                    }
                } while !isDone.load(ordering: .acquiring)
            }
        }
        do {
            defer { isDone.store(true, ordering: .releasing) }
            while views.load(ordering: .relaxed) == 0, failures.withLock({ $0.isEmpty }) { sched_yield() }
            try Self.writeAndTrim(storage, rounds: 100)
        }
        readers.wait()
        #expect(failures.withLock { $0 }.isEmpty)
        #expect(views.load(ordering: .relaxed) >= 3)
    }

    /// Every round adds a record, a checkpoint with its entry in place of the one before, and trims that one's record.
    private static func writeAndTrim(_ storage: LMDBStorage, rounds: UInt64) throws {
        for position in 1...rounds {
            try storage.commit(JournalBatch([(position, [UInt8](repeating: 1, count: 100))]))
            try storage.checkpoint { (transaction) throws(StorageError) in
                try transaction.deleteEntries(of: .inbox(1), through: Position(rawValue: position - 1)) { _ in }
                try transaction.appendInbox(of: 1, position)
            }
            try storage.commit(JournalBatch([], deleting: [position - 1], next: position + 1))
        }
    }

    private static func inconsistency(_ storage: LMDBStorage) throws(StorageError) -> String? {
        var result: String?
        try storage.read { (snapshot) throws(StorageError) in
            var entries: ContiguousArray<TimelineEntry> = []
            try snapshot.entries(of: .inbox(1), after: .zero, limit: 10, into: &entries)
            if entries.count > 1 { result = "\(entries.count) entries" }
            for entry in entries where try !snapshot.record(at: entry.position, { _ in }) {
                result = "the record at \(entry.position.rawValue) is gone"
            }
        }
        return result
    }

    @Test func `appending with deletion at the head doesn't grow the file`() throws {
        let storage = try TemporaryDirectory().open()
        var sizes: [Int] = []
        let batch: UInt64 = 200
        let kept: UInt64 = 10 * batch
        for round in UInt64(0)..<140 {
            let positions = round * batch + 1...(round + 1) * batch
            let deletions = positions.upperBound > kept + batch ? positions.map { $0 - kept } : []
            try storage.commit(JournalBatch(positions.map { ($0, [UInt8](repeating: 3, count: 120)) }, deleting: deletions))
            if round == 40 || round == 139 { sizes.append(try storage.usage().journalFileBytes) }
        }
        #expect(sizes[1] <= sizes[0] + sizes[0] / 8, "\(sizes)")
        #expect(sizes[0] < 4 << 20)
    }

    @Test func `checkpoints that write the same rows again don't grow the file`() throws {
        let storage = try TemporaryDirectory().open()
        var sizes: [Int] = []
        for round in UInt8(0)..<30 {
            try storage.checkpoint { (transaction) throws(StorageError) in
                for key in UInt16(0)..<2000 {
                    try transaction.put(.users, [UInt8(key >> 8), UInt8(key & 255)], [UInt8](repeating: round, count: 60))
                }
            }
            if round == 5 || round == 29 { sizes.append(try storage.usage().storeFileBytes) }
        }
        #expect(sizes[1] <= sizes[0] + sizes[0] / 4, "\(sizes)")
    }

    @Test func `the probe measures and leaves nothing behind`() throws {
        let directory = try TemporaryDirectory()
        let result = try AppendProbe.run(directory: directory.path, recordBytes: 50, batch: 10, seconds: 0.05)
        #expect(result.commits > 0)
        #expect(result.records == result.commits * 10)
        #expect(result.commitMicrosecondsMedian <= result.commitMicrosecondsP99)
        #expect(result.commitMicrosecondsP99 <= result.commitMicrosecondsMax)
        #expect(result.recordMicrosecondsP99 == nil)
        let paced = try AppendProbe.run(directory: directory.path, recordBytes: 50, batch: 10, perSecond: 1_000, seconds: 0.05)
        #expect(paced.records > 0 && paced.records <= Int(paced.seconds * 1_000) + 1, "none before it was due")
        #expect(try #require(paced.recordMicrosecondsMedian) <= #require(paced.recordMicrosecondsP99))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }
}

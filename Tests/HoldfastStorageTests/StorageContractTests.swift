import HoldfastCore
import HoldfastStorage
import HoldfastTestSupport
import HoldfastWire
import Testing

/// What the core relies on, of every implementation of `Storage`.
@Suite struct StorageContractTests {
    enum Kind: CaseIterable { case memory, lmdb }

    /// A storage that can be closed and opened again.
    private final class Subject {
        let kind: Kind
        let directory: TemporaryDirectory
        var storage: any Storage

        init(_ kind: Kind) throws {
            self.kind = kind
            directory = try TemporaryDirectory()
            storage = kind == .memory ? MemoryStorage() : try directory.open()
        }

        func reopen() throws {
            if let memory = storage as? MemoryStorage {
                storage = memory.crashCopy()
            } else {
                // The one must be gone before the other can have the directory.
                storage = MemoryStorage()
                storage = try directory.open()
            }
        }
    }

    private static let stop = StorageError(.system, "the test stops here")

    @Test(arguments: Kind.allCases, [UInt64(1), 2, 3])
    func `random operations leave what the model has`(kind: Kind, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let subject = try Subject(kind)
        var model = StorageModel()
        for step in 0..<60 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5: try commit(subject.storage, &model, &random)
            case 5..<9: try checkpoint(subject.storage, &model, &random)
            default: try subject.reopen()
            }
            let difference = try model.difference(to: subject.storage, &random)
            guard difference == nil else {
                Issue.record("\(kind), seed \(seed), step \(step): \(difference ?? "")")
                return
            }
        }
        #expect(model.next > 1)
    }

    private func commit(_ storage: any Storage, _ model: inout StorageModel, _ random: inout SeededRandom) throws {
        var records: [(UInt64, [UInt8])] = []
        var position = model.next
        for _ in 0..<Int.random(in: 0...40, using: &random) {
            position += random.chance(0.2) ? UInt64.random(in: 2...50, using: &random) : 1
            records.append((position, random.bytes(0...(random.chance(0.05) ? 20000 : 200))))
        }
        var deletions = random.chance(0.5) ? model.records.keys.filter { _ in random.chance(0.3) } : []
        deletions.append(random.next() % model.next)
        let batch = JournalBatch(records, deleting: Set(deletions).sorted(), next: position + UInt64.random(in: 1...3, using: &random))
        try storage.commit(batch)
        model.commit(batch)
    }

    private func checkpoint(_ storage: any Storage, _ model: inout StorageModel, _ random: inout SeededRandom) throws {
        var result = model
        let fails = random.chance(0.2)
        var isRight = true
        let operations = random.chance(0.1) ? 2000 : 60
        do throws(StorageError) {
            try storage.checkpoint { (transaction) throws(StorageError) in
                for _ in 0..<operations { isRight = try step(transaction, &result, &random) && isRight }
                if fails { throw Self.stop }
            }
            #expect(!fails)
            model = result
        } catch {
            #expect(fails && error == Self.stop)
        }
        #expect(isRight)
    }

    /// One operation on both; false when the transaction answers otherwise than the model.
    private func step(
        _ transaction: any StoreTransaction, _ model: inout StorageModel, _ random: inout SeededRandom
    ) throws(StorageError) -> Bool {
        let table = StoreTable.allCases[Int.random(in: 0..<StoreTable.allCases.count, using: &random)]
        // Few keys of few bytes, so that they meet; some as long as may be.
        let key = random.chance(0.02) ? [UInt8](repeating: 7, count: 511) : random.bytes(1...2).map { $0 & 0x0F }
        let timeline = StorageModel.allTimelines[Int.random(in: 0..<StorageModel.allTimelines.count, using: &random)]
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<5:
            let value = random.bytes(0...(random.chance(0.05) ? 9000 : 60))
            try transaction.put(table, key, value)
            model.rows[table, default: [:]][key] = value
        case 5..<7:
            try transaction.delete(table, key)
            model.rows[table]?[key] = nil
        case 7..<9:
            var value: [UInt8]?
            _ = try transaction.get(table, key.span) { value = $0.array }
            return value == model.rows[table]?[key]
        case 9..<19:
            // Some have thousands of entries, one only a few.
            guard timeline != .inbox(5) || random.chance(0.01) else { return true }
            let last = model.timelines[timeline]?.last?.mark
            let mark = InboxEntry(
                position: Position(rawValue: (last?.position.rawValue ?? 0) + UInt64.random(in: 1...3, using: &random)),
                ordinal: (last?.ordinal ?? .max - 100) &+ 1, cumulativeBytes: UInt32.random(in: 0 ... .max, using: &random))
            let entry = TimelineEntry(
                mark, flags: TimelineFlags(rawValue: UInt16.random(in: 0 ... .max, using: &random)), reference: random.next() >> 16)
            try transaction.append(entry, to: timeline)
            model.timelines[timeline, default: []].append(entry)
        default:
            guard random.chance(0.1), let entries = model.timelines[timeline], let last = entries.last else { return true }
            let through = random.chance(0.3) ? last.position.rawValue : UInt64.random(in: 0...last.position.rawValue, using: &random)
            var deleted: [TimelineEntry] = []
            try transaction.deleteEntries(of: timeline, through: Position(rawValue: through)) { deleted.append($0) }
            let rest = entries.filter { $0.position.rawValue > through }
            model.timelines[timeline] = rest.isEmpty ? nil : rest
            return deleted == entries.filter { $0.position.rawValue <= through }
        }
        return true
    }

    @Test(arguments: Kind.allCases)
    func `what was committed is there after opening again, with the next position`(kind: Kind) throws {
        let subject = try Subject(kind)
        #expect(subject.storage.nextPosition.rawValue == 1)
        try subject.storage.commit(JournalBatch([(1, [1]), (2, []), (9, [9, 9])], next: 20))
        try subject.reopen()
        #expect(subject.storage.nextPosition.rawValue == 20)
        #expect(try subject.storage.allRecords().map(\.1) == [[1], [], [9, 9]])
    }

    @Test(arguments: Kind.allCases)
    func `deletions leave holes, and missing ones are no error`(kind: Kind) throws {
        let subject = try Subject(kind)
        try subject.storage.commit(JournalBatch((1...10).map { ($0, [UInt8($0)]) }))
        try subject.storage.commit(JournalBatch([(11, [11])], deleting: [1, 2, 5, 10, 12]))
        #expect(try subject.storage.allPositions() == [3, 4, 6, 7, 8, 9, 11])
        try subject.storage.commit(JournalBatch([], deleting: [3, 4, 6, 7, 8, 9, 11], next: 12))
        try subject.reopen()
        #expect(try subject.storage.allPositions().isEmpty)
        #expect(subject.storage.nextPosition.rawValue == 12)
    }

    @Test(arguments: Kind.allCases)
    func `a batch of deletions as long as a trim is fine`(kind: Kind) throws {
        let subject = try Subject(kind)
        for start in stride(from: UInt64(1), to: 20001, by: 1000) {
            try subject.storage.commit(JournalBatch((start..<start + 1000).map { ($0, [UInt8](repeating: 1, count: 100)) }))
        }
        let deletions = (1...10000).filter { $0 % 100 != 0 }.map { UInt64($0) }
        try subject.storage.commit(JournalBatch([], deleting: Array(deletions.prefix(5000)), next: 20001))
        try subject.storage.commit(JournalBatch([], deleting: Array(deletions.dropFirst(5000)), next: 20001))
        let positions = try subject.storage.allPositions()
        #expect(positions.count == 100 + 10000)
        #expect(positions.first == 100)
    }

    @Test(arguments: Kind.allCases)
    func `a position that is not after the last one is an error, and stores nothing`(kind: Kind) throws {
        let wrong = [
            JournalBatch([(5, [2])]), JournalBatch([(6, [2]), (6, [3])]), JournalBatch([(7, [2]), (6, [3])], next: 8),
            JournalBatch([(6, [2])], next: 6), JournalBatch([(3, [2])], next: 9), JournalBatch([], next: 5),
        ]
        for batch in wrong {
            let subject = try Subject(kind)
            try subject.storage.commit(JournalBatch([(1, [1]), (5, [5])]))
            #expect(throws: StorageError.self) { try subject.storage.commit(batch) }
            try subject.reopen()
            #expect(try subject.storage.allPositions() == [1, 5])
            #expect(subject.storage.nextPosition.rawValue == 6)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a view stays as it was while others write`(kind: Kind) throws {
        let storage = try Subject(kind).storage
        try storage.commit(JournalBatch([(1, [1])]))
        try storage.checkpoint { (transaction) throws(StorageError) in
            try transaction.put(.users, [1], [1])
            try transaction.appendInbox(of: 1, 1)
        }
        var positions: ContiguousArray<Position> = []
        var entries: ContiguousArray<TimelineEntry> = []
        var value: [UInt8] = []
        try storage.read { (snapshot) throws(StorageError) in
            try storage.commit(JournalBatch([(2, [2])], deleting: [1]))
            try storage.checkpoint { (transaction) throws(StorageError) in
                try transaction.put(.users, [1], [2])
                try transaction.deleteEntries(of: .inbox(1), through: Position(rawValue: 1)) { _ in }
            }
            try snapshot.positions(after: .zero, limit: 9, into: &positions)
            try snapshot.entries(of: .inbox(1), after: .zero, limit: 9, into: &entries)
            _ = try snapshot.get(.users, [1].span) { value = $0.array }
        }
        #expect(positions.map(\.rawValue) == [1])
        #expect(entries.count == 1)
        #expect(value == [1])
        #expect(try storage.allPositions() == [2])
        #expect(try storage.inbox(of: 1).isEmpty)
        #expect(try storage.row(.users, [1]) == [2])
    }

    @Test(arguments: Kind.allCases)
    func `a checkpoint whose body throws after any operation changes nothing`(kind: Kind) throws {
        let subject = try Subject(kind)
        try subject.storage.commit(JournalBatch([(1, [1])]))
        try subject.storage.checkpoint { (transaction) throws(StorageError) in
            for key in UInt8(1)...9 { try transaction.put(.users, [key], [key]) }
            for position in UInt64(1)...9 { try transaction.appendInbox(of: 3, position) }
        }
        for count in 0...5 {
            let error = subject.storage.checkpointError { (transaction) throws(StorageError) in
                for number in 0..<count { try change(transaction, number) }
                throw Self.stop
            }
            #expect(error == Self.stop)
            try subject.reopen()
            #expect(try subject.storage.row(.users, [1]) == [1])
            #expect(try subject.storage.row(.users, [2]) == [2])
            #expect(try subject.storage.row(.meta, [1]) == nil)
            #expect(try subject.storage.inbox(of: 3).map(\.position.rawValue) == Array(1...9))
        }
    }

    /// One operation of each kind.
    private func change(_ transaction: any StoreTransaction, _ number: Int) throws(StorageError) {
        switch number {
        case 0: try transaction.put(.users, [1], [100])
        case 1: try transaction.put(.meta, [1], [100])
        case 2: try transaction.delete(.users, [2])
        case 3: try transaction.appendInbox(of: 3, 10)
        default: try transaction.deleteEntries(of: .inbox(3), through: Position(rawValue: 5)) { _ in }
        }
    }

    @Test(arguments: Kind.allCases)
    func `an operation that failed fails the checkpoint even if the body goes on`(kind: Kind) throws {
        let storage = try Subject(kind).storage
        for key in [[], [UInt8](repeating: 1, count: 512)] {
            let error = storage.checkpointError { (transaction) throws(StorageError) in
                try transaction.put(.users, [1], [1])
                try? transaction.put(.users, key, [1])
            }
            #expect(error?.code == .system)
        }
        let error = storage.checkpointError { (transaction) throws(StorageError) in
            try transaction.appendInbox(of: 1, 5)
            try? transaction.appendInbox(of: 1, 5)
        }
        #expect(error?.code == .system)
        #expect(try storage.row(.users, [1]) == nil)
        #expect(try storage.inbox(of: 1).isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func `an inbox of thousands is read in pages and emptied from its front`(kind: Kind) throws {
        let subject = try Subject(kind)
        try subject.storage.checkpoint { (transaction) throws(StorageError) in
            // Interleaved, so that the cursor leaves the user between two of his entries.
            for position in UInt64(1)...5000 {
                try transaction.appendInbox(of: 7, position * 2)
                if position % 50 == 0 { try transaction.appendInbox(of: 8, position) }
            }
        }
        try subject.reopen()
        let storage = subject.storage
        var read: [UInt64] = []
        while case let page = try storage.inbox(of: 7, after: read.last ?? 0, limit: 999), !page.isEmpty {
            read += page.map(\.position.rawValue)
        }
        #expect(read == (1...5000).map { $0 * 2 })
        var deleted: [UInt64] = []
        try storage.checkpoint { (transaction) throws(StorageError) in
            try transaction.deleteEntries(of: .inbox(7), through: Position(rawValue: 4001)) { deleted.append($0.position.rawValue) }
        }
        #expect(deleted == (1...2000).map { $0 * 2 })
        #expect(try storage.inbox(of: 7).count == 3000)
        #expect(try storage.inbox(of: 7, limit: 1).first?.position.rawValue == 4002)
        deleted = []
        try storage.checkpoint { (transaction) throws(StorageError) in
            try transaction.deleteEntries(of: .inbox(7), through: Position(rawValue: .max)) { deleted.append($0.position.rawValue) }
            try transaction.deleteEntries(of: .inbox(99), through: Position(rawValue: .max)) { deleted.append($0.position.rawValue) }
        }
        #expect(deleted.count == 3000)
        #expect(try storage.inbox(of: 7).isEmpty)
        #expect(try storage.inbox(of: 8).count == 100)
    }
}

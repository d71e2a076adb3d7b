import HoldfastCore
import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastStorage

/// The views of journal and store belong together, whatever happens between the opening of the one and of the other.
@Suite struct LMDBReaderTests {
    @Test func `a checkpoint and a trim between the two views don't take records from the older store`() throws {
        let directory = try TemporaryDirectory()
        let options = LMDBEnvironment.Options(mapBytesMax: 1 << 30, readersMax: 8, tablesMax: 16, readsAhead: true)
        for name in ["/journal", "/store"] { try DurableFile.makeDirectory(directory.path + name) }
        let journal = try LMDBJournal(
            LMDBEnvironment(directory: directory.path + "/journal", options: options, lock: nil), .make(.current),
            firstPosition: Position(rawValue: 1))
        let store = try LMDBStore(LMDBEnvironment(directory: directory.path + "/store", options: options, lock: nil), .make(.current))
        try journal.commit(JournalBatch([(1, [1]), (2, [2])])) { _ in }
        try replaceEntry(in: store, with: 1)
        let reader = try LMDBReader(journal: journal, store: store)
        var rounds = 0
        try reader.begin { () throws(StorageError) in
            rounds += 1
            guard rounds == 1 else { return }
            try replaceEntry(in: store, with: 2)
            try journal.commit(JournalBatch([], deleting: [1], next: 3)) { _ in }
        }
        defer { reader.end() }
        var entries: ContiguousArray<TimelineEntry> = []
        try reader.entries(of: .inbox(1), after: .zero, limit: 10, into: &entries)
        #expect(rounds == 2)
        #expect(entries.map(\.position.rawValue) == [2])
        #expect(try reader.record(at: Position(rawValue: 2)) { _ in })
    }

    @Test func `a reader that is used again finds the rows of its new view, in any order`() throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open()
        var random = SeededRandom(seed: 5)
        for version in UInt8(1)...3 {
            try storage.checkpoint { (store) throws(StorageError) in
                for key in UInt8(0)..<100 where key % version == 0 { try store.put(.users, [1, key].span, [version, key].span) }
            }
            try storage.read { (snapshot) throws(StorageError) in
                for key in (UInt8(0)..<110).shuffled(using: &random) {
                    var value: [UInt8] = []
                    let isThere = try snapshot.get(.users, [1, key].span) { bytes in value = bytes.indices.map { bytes[$0] } }
                    #expect(isThere == (key < 100))
                    if isThere { #expect(value == [(1...version).last { key % $0 == 0 } ?? 0, key]) }
                }
            }
        }
    }

    private func replaceEntry(in store: LMDBStore, with position: UInt64) throws(StorageError) {
        unsafe try store.environment.write("test") { (transaction) throws(StorageError) in
            let checkpoint = unsafe LMDBStoreTransaction(transaction, store)
            defer { checkpoint.finish() }
            try checkpoint.deleteEntries(of: .inbox(1), through: Position(rawValue: position)) { _ in }
            try checkpoint.appendInbox(of: 1, position)
        } commitFailed: { _ in
        }
    }
}

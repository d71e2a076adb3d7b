import HoldfastCore
import HoldfastWire
import Synchronization
import Testing

@testable import HoldfastStorage

/// The environments are closed and opened again under whoever uses them.
@Suite struct GiveMemoryBackTests {
    private final class End: Sendable {
        let isReached = Atomic(false)
    }

    @Test func `what was stored is there afterwards, and writing and reading go on`() throws {
        let directory = try TemporaryDirectory()
        let storage = try LMDBStorage.open(directory: directory.path) { _, _ in true }
        for round in 1...3 {
            let position = UInt64(round)
            try storage.commit(JournalBatch([(position, [UInt8(round)])]))
            try storage.checkpoint { (store) throws(StorageError) in
                try store.put(.meta, [UInt8(round)].span, [UInt8(round)].span)
                let mark = InboxEntry(position: Position(rawValue: position), ordinal: UInt32(round), cumulativeBytes: 1)
                try store.append(TimelineEntry(mark), to: .inbox(7))
            }
            try storage.giveMemoryBack()
            try storage.read { (snapshot) throws(StorageError) in
                for stored in 1...round {
                    var found: [UInt8] = []
                    _ = try snapshot.record(at: Position(rawValue: UInt64(stored))) { found.append($0[0]) }
                    _ = try snapshot.get(.meta, [UInt8(stored)].span) { found.append($0[0]) }
                    #expect(found == [UInt8(stored), UInt8(stored)])
                }
                #expect(try snapshot.entry(of: .inbox(7), atOrBefore: Position(rawValue: 9))?.position.rawValue == position)
            }
        }
    }

    @Test func `readers and writers on other threads never see it`() async throws {
        let directory = try TemporaryDirectory()
        let storage = try LMDBStorage.open(directory: directory.path) { _, _ in true }
        try storage.commit(JournalBatch([(1, [1])]))
        let end = End()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    while !end.isReached.load(ordering: .relaxed) {
                        try storage.read { (snapshot) throws(StorageError) in
                            let isThere = try snapshot.record(at: Position(rawValue: 1)) { _ in }
                            #expect(isThere)
                        }
                        await Task.yield()
                    }
                }
            }
            defer { end.isReached.store(true, ordering: .relaxed) }
            for position in UInt64(2)...40 {
                try storage.commit(JournalBatch([(position, [2])]))
                try storage.checkpoint { (store) throws(StorageError) in try store.put(.meta, [1].span, [2].span) }
                try storage.giveMemoryBack()
                await Task.yield()
            }
            end.isReached.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        #expect(storage.nextPosition.rawValue == 41)
    }
}

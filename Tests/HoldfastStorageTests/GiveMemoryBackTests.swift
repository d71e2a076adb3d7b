import HoldfastCore
import HoldfastWire
import Synchronization
import Testing

@testable import HoldfastStorage

/// The environments are closed and opened again under whoever uses them.
@Suite struct GiveMemoryBackTests {
    @Test func `what was stored is there afterwards, and writing and reading go on`() throws {
        let directory = try TemporaryDirectory()
        let storage = try LMDBStorage.open(directory: directory.path) { _, _ in true }
        for round in 1...3 {
            let position = UInt64(round)
            try storage.commit(JournalBatch([(position, [UInt8(round)])]))
            try storage.checkpoint { (store) throws(StorageError) in
                try store.put(.meta, [UInt8(round)].span, [UInt8(round)].span)
                try store.appendInbox(of: 7, InboxEntry(position: Position(rawValue: position), ordinal: UInt32(round), cumulativeBytes: 1))
            }
            try storage.giveMemoryBack()
            try storage.read { (snapshot) throws(StorageError) in
                for stored in 1...round {
                    #expect(try snapshot.record(at: Position(rawValue: UInt64(stored))) { #expect($0[0] == UInt8(stored)) })
                    #expect(try snapshot.get(.meta, [UInt8(stored)].span) { #expect($0[0] == UInt8(stored)) })
                }
                #expect(try snapshot.inboxEntry(of: 7, atOrBefore: Position(rawValue: 9))?.position.rawValue == position)
            }
        }
    }

    @Test func `readers and writers on other threads never see it`() async throws {
        let directory = try TemporaryDirectory()
        let storage = try LMDBStorage.open(directory: directory.path) { _, _ in true }
        try storage.commit(JournalBatch([(1, [1])]))
        let isOver = Atomic(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    while !isOver.load(ordering: .relaxed) {
                        try storage.read { (snapshot) throws(StorageError) in
                            #expect(try snapshot.record(at: Position(rawValue: 1)) { #expect($0[0] == 1) })
                        }
                        await Task.yield()
                    }
                }
            }
            for position in UInt64(2)...40 {
                try storage.commit(JournalBatch([(position, [2])]))
                try storage.checkpoint { (store) throws(StorageError) in try store.put(.meta, [1].span, [2].span) }
                try storage.giveMemoryBack()
                await Task.yield()
            }
            isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        #expect(storage.nextPosition.rawValue == 41)
    }
}

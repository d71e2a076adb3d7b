import HoldfastCore
import HoldfastTestSupport
import HoldfastWire
import Testing

/// The faults that only the storage in RAM can be told to have.
@Suite struct MemoryStorageTests {
    private func steps(_ transaction: any StoreTransaction) throws(StorageError) {
        try transaction.put(.users, [1], [2])
        try transaction.delete(.users, [9])
        try transaction.appendInbox(of: 1, 4)
    }

    @Test func `a checkpoint can be made to fail at each operation and at its end, and is then as never begun`() throws {
        for operation in 1...5 {
            let storage = MemoryStorage()
            storage.failNextCheckpoint(atOperation: operation)
            if operation <= 4 {
                #expect(throws: StorageError.self) { try storage.checkpoint(steps) }
                #expect(try storage.row(.users, [1]) == nil)
                #expect(try storage.crashCopy().inbox(of: 1).isEmpty)
            }
            // The fault was for one checkpoint.
            try storage.checkpoint(steps)
            #expect(try storage.row(.users, [1]) == [2])
        }
    }

    @Test(arguments: [MemoryStorage.CommitFault.lost, .stored])
    func `after a commit that failed nothing can be written, and a crash shows which way it went`(fault: MemoryStorage.CommitFault) throws {
        let storage = MemoryStorage()
        try storage.commit(JournalBatch([(1, [1])]))
        storage.failNextCommit(fault)
        #expect(throws: StorageError.self) { try storage.commit(JournalBatch([(2, [2])])) }
        #expect(throws: StorageError.self) { try storage.commit(JournalBatch([(3, [3])])) }
        #expect(throws: StorageError.self) { try storage.checkpoint(steps) }
        let copy = storage.crashCopy()
        #expect(try copy.allPositions() == (fault == .lost ? [1] : [1, 2]))
        try copy.commit(JournalBatch([(7, [7])]))
        #expect(try storage.allPositions() != copy.allPositions())
    }
}

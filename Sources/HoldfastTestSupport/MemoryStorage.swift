package import HoldfastCore
package import HoldfastWire
import Synchronization

/// `Storage` in RAM, for the simulator and for tests: deterministic, every transaction atomic and synced when it returns,
/// with faults on demand. Views are copies of value types, so that an open one never changes.
package final class MemoryStorage: RepairableStorage {
    /// What a commit that fails leaves behind; a real disk may do either.
    package enum CommitFault: Sendable {
        /// Nothing of the batch is stored.
        case lost
        /// All of the batch is stored although the caller is told that it failed.
        case stored
    }

    private struct State: Sendable {
        var durable: MemoryTables
        var isSpaceLow = false
        var isFull = false
        var commitFault: CommitFault?
        var checkpointFault: Int?
        /// Set by a commit that failed: the process should have ended.
        var hasFailed = false
        var isCheckpointRunning = false

        /// Records that no timeline of the store holds.
        var unkeptCount: Int { durable.positions.count - durable.rows[Int(StoreTable.kept.rawValue)].keys.count }
    }

    private let state: Mutex<State>
    package let window: JournalWindow
    /// Whether a batch for another place than the next is refused, as a replicated log does, and no error.
    private let isFenced: Bool

    /// An empty data directory whose first position is `firstPosition`.
    package convenience init(
        firstPosition: Position = Position(rawValue: 1), window: JournalWindow = .one, isFenced: Bool = false
    ) {
        precondition(window.batches == 1 || isFenced, "several batches may come in any order")
        self.init(durable: MemoryTables(nextPosition: firstPosition), window: window, isFenced: isFenced)
    }

    private init(durable: MemoryTables, window: JournalWindow, isFenced: Bool) {
        state = Mutex(State(durable: durable))
        self.window = window
        self.isFenced = isFenced
    }

    /// What the next process finds after a crash at this moment: everything committed, nothing else, and no faults.
    package func crashCopy() -> MemoryStorage {
        MemoryStorage(durable: state.withLock { $0.durable }, window: window, isFenced: isFenced)
    }

    /// Makes the next commit throw; every later one throws too, until a `crashCopy`.
    package func failNextCommit(_ fault: CommitFault) {
        state.withLock { $0.commitFault = fault }
    }

    /// Makes the next checkpoint throw at its `operation`-th operation, 1 for the first. One more than there are: its commit fails;
    /// more than that: it passes.
    package func failNextCheckpoint(atOperation operation: Int) {
        state.withLock { $0.checkpointFault = operation }
    }

    /// What `isSpaceLow` answers from now on.
    package func setSpaceLow(_ isLow: Bool) {
        state.withLock { $0.isSpaceLow = isLow }
    }

    /// Room is low from now on, until the journal has little more than what timelines on disk hold: until the core makes room by itself.
    package func fill() {
        state.withLock { $0.isFull = true }
    }

    /// Whether `fill` was called and no room was made since.
    package var isFull: Bool {
        state.withLock { state in
            if state.unkeptCount <= Self.spareRecords { state.isFull = false }
            return state.isFull
        }
    }

    /// Records that can be trimmed: no timeline of the store holds them, and they aren't those of holds, for which no hold gives way.
    /// 0 when there are no more than come between two checkpoints.
    package var trimmableCount: Int {
        state.withLock { state in
            let holdCount = state.durable.records.count { if case .hold? = Record.decode($0.span) { true } else { false } }
            let count = state.unkeptCount - holdCount
            return count > Self.spareRecords ? count : 0
        }
    }

    /// What cursors and sessions add from one checkpoint to the next.
    private static let spareRecords = 4

    /// Changes one bit of a stored record, chosen by two numbers.
    /// - Returns: its position; nil when there is no record.
    package func flipBit(record: UInt64, bit: UInt64) -> Position? {
        state.withLock { state in
            guard !state.durable.records.isEmpty else { return nil }
            let index = Int(record % UInt64(state.durable.records.count))
            let bit = Int(bit % UInt64(state.durable.records[index].count * 8))
            state.durable.records[index][bit / 8] ^= 1 << UInt8(bit % 8)
            return state.durable.positions[index]
        }
    }

    /// How many records the journal holds.
    package var recordCount: Int { state.withLock { $0.durable.positions.count } }

    package var nextPosition: Position { state.withLock { $0.durable.nextPosition } }

    package var isSpaceLow: Bool { state.withLock { $0.isSpaceLow } || isFull }

    @discardableResult package func commit(_ batch: JournalBatch) throws(StorageError) -> CommitAnswer {
        try state.withLock { (state) throws(StorageError) -> CommitAnswer in
            guard !state.hasFailed else { throw StorageError(.system, "A commit failed before; the process has to end.") }
            guard !isFenced || batch.firstPosition == state.durable.nextPosition else { return .refused }
            let fault = state.commitFault
            state.commitFault = nil
            do throws(StorageError) {
                if fault != .lost { try state.durable.apply(batch) }
                if fault != nil { throw StorageError(.system, "The commit was made to fail by the test.") }
            } catch {
                state.hasFailed = true
                throw error
            }
            return .synced
        }
    }

    package func checkpoint(_ body: (any StoreTransaction) throws(StorageError) -> Void) throws(StorageError) {
        let (tables, fault) = try state.withLock { (state) throws(StorageError) -> (MemoryTables, Int?) in
            guard !state.hasFailed else { throw StorageError(.system, "A commit failed before; the process has to end.") }
            precondition(!state.isCheckpointRunning, "one checkpoint at a time")
            state.isCheckpointRunning = true
            defer { state.checkpointFault = nil }
            return (state.durable.withoutJournal, state.checkpointFault)
        }
        defer { state.withLock { $0.isCheckpointRunning = false } }
        let transaction = MemoryTransaction(tables: tables, fault: fault)
        try body(transaction)
        let result = try transaction.finish()
        // The journal may have grown meanwhile; a checkpoint writes only the store.
        state.withLock {
            $0.durable.rows = result.rows
            $0.durable.timelines = result.timelines
        }
    }

    package func rewrite(
        _ records: [(Position, [UInt8])], deleting deletions: [Position], nextPosition: Position
    ) throws(StorageError) {
        state.withLock { state in
            state.durable.deleteRecords(ContiguousArray(deletions))
            for (position, record) in records { state.durable.put(record, at: position) }
            state.durable.nextPosition = max(state.durable.nextPosition, nextPosition)
        }
    }

    package func read(_ body: (any StorageSnapshot) throws(StorageError) -> Void) throws(StorageError) {
        try body(MemorySnapshot(tables: state.withLock { $0.durable }))
    }
}

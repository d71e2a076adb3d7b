import HoldfastCore
import HoldfastWire

/// A checkpoint of `MemoryStorage`: works on its own copy, which the storage takes over when it is finished.
final class MemoryTransaction: StoreTransaction {
    private var tables: MemoryTables
    private let fault: Int?
    private var operations = 0
    /// The first error: like a real transaction, this one can't be finished after it, even if the caller went on.
    private var failure: StorageError?

    /// - Parameter fault: the number of the operation that fails, 1 for the first.
    init(tables: MemoryTables, fault: Int?) {
        self.tables = tables
        self.fault = fault
    }

    /// The result, if every operation and the commit at the end went well.
    func finish() throws(StorageError) -> MemoryTables {
        try begin()
        return tables
    }

    func get(_ table: StoreTable, _ key: Span<UInt8>, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool {
        try begin()
        return tables.get(table, key, body)
    }

    func put(_ table: StoreTable, _ key: Span<UInt8>, _ value: Span<UInt8>) throws(StorageError) {
        try begin()
        do throws(StorageError) { try MemoryTables.checkKey(key) } catch { try fail(error) }
        tables.rows[Int(table.rawValue)].put(key, value)
    }

    func delete(_ table: StoreTable, _ key: Span<UInt8>) throws(StorageError) {
        try begin()
        tables.rows[Int(table.rawValue)].delete(key)
    }

    func append(_ entry: TimelineEntry, to timeline: Timeline) throws(StorageError) {
        try begin()
        if let last = tables.timelines[timeline]?.last, entry.position <= last.position {
            try fail(
                StorageError(
                    .system, "Timeline \(timeline.kind) \(timeline.id): position \(entry.position.rawValue) is not after the last one."))
        }
        tables.timelines[timeline, default: []].append(entry)
    }

    func deleteEntries(
        of timeline: Timeline, through position: Position, _ body: (TimelineEntry) -> Void
    ) throws(StorageError) {
        try begin()
        guard var entries = tables.timelines.removeValue(forKey: timeline) else { return }
        let end = MemoryTables.firstEntry(of: entries, after: position)
        entries[..<end].forEach(body)
        entries.removeSubrange(..<end)
        if !entries.isEmpty { tables.timelines[timeline] = entries }
    }

    private func begin() throws(StorageError) {
        if let failure { throw failure }
        operations += 1
        if operations == fault {
            try fail(StorageError(.system, "Operation \(operations) of the checkpoint was made to fail by the test."))
        }
    }

    private func fail(_ error: StorageError) throws(StorageError) {
        failure = error
        throw error
    }
}

/// A view of `MemoryStorage`.
struct MemorySnapshot: StorageSnapshot {
    /// As they were when the view was opened.
    let tables: MemoryTables

    func nextPosition() -> Position { tables.nextPosition }

    func get(_ table: StoreTable, _ key: Span<UInt8>, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool {
        tables.get(table, key, body)
    }

    func scan(_ table: StoreTable, from key: Span<UInt8>, _ body: (Span<UInt8>, Span<UInt8>) -> Bool) throws(StorageError) {
        let rows = tables.rows[Int(table.rawValue)]
        for index in rows.search(key).index..<rows.keys.count {
            let (key, value) = (rows.keys[index], rows.values[index])
            if !body(key.span, value.span) { return }
        }
    }

    func entries(
        of timeline: Timeline, after position: Position, limit: Int, into entries: inout ContiguousArray<TimelineEntry>
    ) throws(StorageError) {
        guard let stored = tables.timelines[timeline] else { return }
        entries += stored[MemoryTables.firstEntry(of: stored, after: position)...].prefix(limit)
    }

    func entry(of timeline: Timeline, atOrBefore position: Position) throws(StorageError) -> TimelineEntry? {
        guard let stored = tables.timelines[timeline] else { return nil }
        let end = MemoryTables.firstEntry(of: stored, after: position)
        return end > 0 ? stored[end - 1] : nil
    }

    func record(at position: Position, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool {
        let index = tables.firstRecord(from: position)
        guard index < tables.positions.count, tables.positions[index] == position else { return false }
        let record = tables.records[index]
        body(record.span)
        return true
    }

    func records(after position: Position, _ body: (Position, Span<UInt8>) -> Bool) throws(StorageError) {
        for index in tables.recordIndices(after: position) {
            let record = tables.records[index]
            if !body(tables.positions[index], record.span) { return }
        }
    }

    func positions(after position: Position, limit: Int, into positions: inout ContiguousArray<Position>) throws(StorageError) {
        positions += tables.positions[tables.recordIndices(after: position)].prefix(limit)
    }
}

extension MemoryTables {
    fileprivate func get(_ table: StoreTable, _ key: Span<UInt8>, _ body: (Span<UInt8>) -> Void) -> Bool {
        let rows = rows[Int(table.rawValue)]
        let (index, isFound) = rows.search(key)
        guard isFound else { return false }
        let value = rows.values[index]
        body(value.span)
        return true
    }

    fileprivate func recordIndices(after position: Position) -> Range<Int> {
        let next = firstRecord(from: position)
        let start = next < positions.count && positions[next] == position ? next + 1 : next
        return start..<positions.count
    }
}

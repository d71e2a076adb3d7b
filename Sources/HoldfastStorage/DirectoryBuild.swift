import Glibc
package import HoldfastCore
package import HoldfastWire

/// A data directory that is being made in another one's folder `unfinished`, out of rows and records that come in the order of their keys.
/// A crash leaves that folder, which nobody takes for a data directory.
package final class DirectoryBuild {
    private enum Row {
        case row(StoreTable, [UInt8], [UInt8])
        case entry(Timeline, TimelineEntry)
    }

    /// One transaction's worth.
    private static let bytesMax = 8 << 20

    private let directory: DataDirectory
    /// The new directory, open.
    package let storage: LMDBStorage
    private var batch = JournalBatch()
    private var rows: [Row] = []
    private var rowBytes = 0
    private var lastEntry: (timeline: Timeline, position: Position)?

    /// Begins anew in `path`, which must be there; what an earlier run left unfinished is removed.
    /// - Parameter format: that of what is copied, so that the version which wrote it can use the copy.
    package init(in path: String, format: StorageFormat) throws(StorageError) {
        directory = DataDirectory(path: path)
        try StagedFiles.remove(directory.unfinished)
        var configuration = StorageConfiguration()
        configuration.reserveBytes = 0
        storage = try LMDBStorage.open(DataDirectory(path: directory.unfinished), configuration, makes: format, Migration()) { _, _ in true
        }
    }

    /// Adds a record; positions rise.
    package func append(_ record: [UInt8], at position: Position) throws(StorageError) {
        batch.entries.append(.init(position: position, offset: batch.bytes.count, count: record.count))
        batch.bytes.append(contentsOf: record)
        if batch.bytes.count >= Self.bytesMax { try commit(next: Position(rawValue: position.rawValue + 1)) }
    }

    /// The first position that isn't given out: after the last record.
    package func finishJournal(nextPosition: Position) throws(StorageError) {
        let last = batch.entries.last.map { Position(rawValue: $0.position.rawValue + 1) } ?? storage.nextPosition
        try commit(next: max(last, nextPosition))
    }

    /// Adds a row; keys of a table rise. Those that name the format and the state of a migration are the copy's own.
    package func put(_ table: StoreTable, _ key: [UInt8], _ value: [UInt8]) throws(StorageError) {
        if table == .meta, StorageRow.isOwn(key) { return }
        try add(.row(table, key, value), bytes: key.count + value.count)
    }

    /// Adds an entry of a timeline. One that isn't after the one before it is left out: the counters tell that one is missing.
    package func append(_ entry: TimelineEntry, to timeline: Timeline) throws(StorageError) {
        if let lastEntry, lastEntry.timeline == timeline, entry.position <= lastEntry.position { return }
        lastEntry = (timeline, entry.position)
        try add(.entry(timeline, entry), bytes: TimelineEntry.encodedCount)
    }

    /// Writes what is still in RAM.
    package func finishStore() throws(StorageError) {
        guard !rows.isEmpty else { return }
        let rows = rows
        try storage.checkpoint { (store) throws(StorageError) in
            for row in rows {
                switch row {
                case .row(let table, let key, let value): try store.put(table, key.span, value.span)
                case .entry(let timeline, let entry): try store.append(entry, to: timeline)
                }
            }
        }
        self.rows.removeAll(keepingCapacity: true)
        rowBytes = 0
    }

    private func add(_ row: Row, bytes: Int) throws(StorageError) {
        rows.append(row)
        rowBytes += bytes + 32
        if rowBytes >= Self.bytesMax { try finishStore() }
    }

    private func commit(next: Position) throws(StorageError) {
        batch.nextPosition = next
        try storage.commit(batch)
        batch = JournalBatch()
    }
}

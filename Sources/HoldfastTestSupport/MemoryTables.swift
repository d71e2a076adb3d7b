import HoldfastCore
import HoldfastWire

/// Rows in the order of their keys, as bytes are ordered.
struct MemoryRows: Sendable {
    private(set) var keys: ContiguousArray<[UInt8]> = []
    private(set) var values: ContiguousArray<[UInt8]> = []

    /// The first row with a key at or after `key`, and whether its key is `key`.
    func search(_ key: Span<UInt8>) -> (index: Int, isFound: Bool) {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = low + (high - low) / 2
            if isKey(middle, before: key) { low = middle + 1 } else { high = middle }
        }
        return (low, low < keys.count && isKey(low, equalTo: key))
    }

    /// Inserts or replaces.
    mutating func put(_ key: Span<UInt8>, _ value: Span<UInt8>) {
        let (index, isFound) = search(key)
        if isFound {
            values[index] = Self.array(value)
        } else {
            keys.insert(Self.array(key), at: index)
            values.insert(Self.array(value), at: index)
        }
    }

    /// A missing row is no error.
    mutating func delete(_ key: Span<UInt8>) {
        let (index, isFound) = search(key)
        guard isFound else { return }
        keys.remove(at: index)
        values.remove(at: index)
    }

    private func isKey(_ index: Int, before key: Span<UInt8>) -> Bool {
        let stored = keys[index]
        for offset in 0..<min(stored.count, key.count) where stored[offset] != key[offset] { return stored[offset] < key[offset] }
        return stored.count < key.count
    }

    private func isKey(_ index: Int, equalTo key: Span<UInt8>) -> Bool {
        let stored = keys[index]
        return stored.count == key.count && stored.indices.allSatisfy { stored[$0] == key[$0] }
    }

    private static func array(_ bytes: Span<UInt8>) -> [UInt8] {
        [UInt8](capacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }
}

/// Everything that a `MemoryStorage` holds durably.
struct MemoryTables: Sendable {
    /// As LMDB limits it, so that a key that the disk would refuse is refused here too.
    static let keyBytesMax = 511

    /// By the tables' raw values.
    var rows = ContiguousArray(repeating: MemoryRows(), count: StoreTable.allCases.count)
    /// None is empty.
    var timelines: [Timeline: ContiguousArray<TimelineEntry>] = [:]
    /// Of `records`, rising.
    var positions: ContiguousArray<Position> = []
    /// The journal.
    var records: ContiguousArray<[UInt8]> = []
    /// As stored by the last commit.
    var nextPosition: Position

    /// Nothing stored yet but the format.
    init(nextPosition: Position) {
        self.nextPosition = nextPosition
        let (key, format) = (StorageFormat.key, StoreKey.number(StorageFormat.current.rawValue))
        rows[Int(StoreTable.meta.rawValue)].put(key.span, format.span)
    }

    /// Only the store, so that a checkpoint doesn't hold the journal's arrays while commits append to them.
    var withoutJournal: MemoryTables {
        var store = self
        store.positions = []
        store.records = []
        return store
    }

    /// The first record at or after `position`.
    func firstRecord(from position: Position) -> Int {
        positions.partition { $0 < position }
    }

    /// Stores the batch, all of it or nothing.
    mutating func apply(_ batch: JournalBatch) throws(StorageError) {
        var last = positions.last
        for entry in batch.entries {
            if let last, entry.position <= last {
                throw StorageError(.system, "Position \(entry.position.rawValue) is not after the last one.")
            }
            last = entry.position
        }
        guard batch.nextPosition >= nextPosition, last.map({ $0 < batch.nextPosition }) ?? true else {
            throw StorageError(.system, "The next position \(batch.nextPosition.rawValue) is below what is stored or in the batch.")
        }
        deleteRecords(batch.deletions)
        for entry in batch.entries {
            positions.append(entry.position)
            records.append(Array(batch.bytes[entry.offset..<entry.offset + entry.count]))
        }
        nextPosition = batch.nextPosition
    }

    /// Puts a record in its place, over what is there.
    mutating func put(_ record: [UInt8], at position: Position) {
        let index = firstRecord(from: position)
        if index < positions.count, positions[index] == position {
            records[index] = record
        } else {
            positions.insert(position, at: index)
            records.insert(record, at: index)
        }
    }

    /// Takes out `deletions`, rising, in one pass over what lies from the first of them on.
    mutating func deleteRecords(_ deletions: ContiguousArray<Position>) {
        guard let first = deletions.first else { return }
        var written = firstRecord(from: first)
        var deletion = 0
        for index in written..<positions.count {
            while deletion < deletions.count, deletions[deletion] < positions[index] { deletion += 1 }
            if deletion < deletions.count, deletions[deletion] == positions[index] { continue }
            positions.swapAt(written, index)
            records.swapAt(written, index)
            written += 1
        }
        positions.removeSubrange(written...)
        records.removeSubrange(written...)
    }

    /// The timeline's entries after `position` begin here.
    static func firstEntry(of entries: ContiguousArray<TimelineEntry>, after position: Position) -> Int {
        entries.partition { $0.position <= position }
    }

    /// Refuses a key that the disk would refuse.
    static func checkKey(_ key: Span<UInt8>) throws(StorageError) {
        guard (1...keyBytesMax).contains(key.count) else {
            throw StorageError(.system, "A key of \(key.count) bytes can't be stored; 1 to \(keyBytesMax) can.")
        }
    }
}

extension ContiguousArray {
    /// How many elements at the front fulfil `isBefore`, which no element after the first that doesn't fulfils.
    fileprivate func partition(_ isBefore: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

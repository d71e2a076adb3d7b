import CLMDB
import HoldfastCore
import HoldfastWire

extension LMDBReader: StorageSnapshot {
    func nextPosition() throws(StorageError) -> Position { unsafe try journal.nextPosition(journalRows()) }

    func get(_ table: StoreTable, _ key: Span<UInt8>, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool {
        guard let cursor = try cursor(in: table) else { return false }
        return unsafe try withValue(key) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            guard unsafe try cursor.get(&key, &value, MDB_SET) else { return false }
            let bytes = unsafe value.bytes
            unsafe body(bytes.span)
            return true
        }
    }

    func scan(_ table: StoreTable, from key: Span<UInt8>, _ body: (Span<UInt8>, Span<UInt8>) -> Bool) throws(StorageError) {
        guard let number = store[table] else { return }
        let cursor = unsafe try LMDBCursor(rows(), table: number, store.environment.directory)
        defer { cursor.close() }
        unsafe try withValue(key) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            // LMDB has no empty keys; from an empty one means from the first.
            var isThere = unsafe try cursor.get(&key, &value, key.mv_size == 0 ? MDB_FIRST : MDB_SET_RANGE)
            while isThere {
                let (keyBytes, valueBytes) = unsafe (key.bytes, value.bytes)
                guard unsafe body(keyBytes.span, valueBytes.span) else { return }
                isThere = unsafe try cursor.get(&key, &value, MDB_NEXT)
            }
        }
    }

    func entries(
        of timeline: Timeline, after position: Position, limit: Int, into entries: inout ContiguousArray<TimelineEntry>
    ) throws(StorageError) {
        guard position.rawValue < .max else { return }
        let end = entries.count + limit
        for index in store.timelines.indices where store.timelines[index].has(timeline.kind) && entries.count < end {
            try append(timeline, after: position, end: end, tableAt: index, to: &entries)
        }
    }

    private func append(
        _ timeline: Timeline, after position: Position, end: Int, tableAt index: Int, to entries: inout ContiguousArray<TimelineEntry>
    ) throws(StorageError) {
        let (table, cursor) = (store.timelines[index], try timelines(index))
        unsafe try table.withKey(timeline) { (key) throws(StorageError) in
            unsafe try table.withEncoded(TimelineEntry(firstAfter: position)) { (value) throws(StorageError) in
                guard unsafe try cursor.get(&key, &value, MDB_GET_BOTH_RANGE) else { return }
                // Gives the whole page that the entry is in, from the page's first entry on.
                var isThere = unsafe try cursor.get(&key, &value, MDB_GET_MULTIPLE)
                while isThere {
                    for index in 0..<(unsafe try table.count(value, store.environment.directory)) {
                        let entry = unsafe table.entry(value, at: index)
                        guard entry.position > position else { continue }
                        entries.append(entry)
                        if entries.count == end { return }
                    }
                    isThere = unsafe try cursor.get(&key, &value, MDB_NEXT_MULTIPLE)
                }
            }
        }
    }

    func entry(of timeline: Timeline, atOrBefore position: Position) throws(StorageError) -> TimelineEntry? {
        // The newer entries are in the last table.
        for index in store.timelines.indices.reversed() where store.timelines[index].has(timeline.kind) {
            if let entry = try entry(of: timeline, atOrBefore: position, tableAt: index) { return entry }
        }
        return nil
    }

    private func entry(
        of timeline: Timeline, atOrBefore position: Position, tableAt index: Int
    ) throws(StorageError) -> TimelineEntry? {
        let (table, cursor, path) = (store.timelines[index], try timelines(index), store.environment.directory)
        return unsafe try table.withKey(timeline) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            func last() throws(StorageError) -> TimelineEntry {
                unsafe table.entry(value, at: try table.count(value, path) - 1)
            }
            if position.rawValue < .max {
                let isFound = unsafe try table.withEncoded(TimelineEntry(firstAfter: position)) { (sought) throws(StorageError) in
                    unsafe try cursor.get(&key, &sought, MDB_GET_BOTH_RANGE)
                }
                // The one before the first after `position`, if there is one.
                if isFound { return unsafe try cursor.get(&key, &value, MDB_PREV_DUP) ? last() : nil }
            }
            guard unsafe try cursor.get(&key, &value, MDB_SET) else { return nil }
            return unsafe try cursor.get(&key, &value, MDB_LAST_DUP) ? last() : nil
        }
    }

    func record(at position: Position, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool {
        let cursor = try records()
        return unsafe try withKey(position.rawValue) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            guard unsafe try cursor.get(&key, &value, MDB_SET) else { return false }
            let bytes = unsafe value.bytes
            unsafe body(bytes.span)
            return true
        }
    }

    func records(after position: Position, _ body: (Position, Span<UInt8>) -> Bool) throws(StorageError) {
        let cursor = try records()
        guard position.rawValue < .max else { return }
        unsafe try withKey(position.rawValue + 1) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            var isThere = unsafe try cursor.get(&key, &value, MDB_SET_RANGE)
            while isThere {
                let bytes = unsafe value.bytes
                let found = unsafe Position(rawValue: try key.number(journal.environment.directory))
                guard unsafe body(found, bytes.span) else { return }
                isThere = unsafe try cursor.get(&key, &value, MDB_NEXT)
            }
        }
    }

    func positions(after position: Position, limit: Int, into positions: inout ContiguousArray<Position>) throws(StorageError) {
        let cursor = try records()
        guard limit > 0, position.rawValue < .max else { return }
        let end = positions.count + limit
        unsafe try withKey(position.rawValue + 1) { (key) throws(StorageError) in
            var isThere = unsafe try cursor.getKey(&key, MDB_SET_RANGE)
            while isThere {
                positions.append(unsafe Position(rawValue: try key.number(journal.environment.directory)))
                if positions.count == end { return }
                isThere = unsafe try cursor.getKey(&key, MDB_NEXT)
            }
        }
    }
}

extension TimelineEntry {
    /// Sorts before every entry after `position`, which isn't the last one that there can be.
    fileprivate init(firstAfter position: Position) {
        self.init(InboxEntry(position: Position(rawValue: position.rawValue + 1), ordinal: 0, cumulativeBytes: 0))
    }
}

import CLMDB
import HoldfastCore
import HoldfastWire

extension LMDBReader: StorageSnapshot {
    func nextPosition() throws(StorageError) -> Position { unsafe try journal.nextPosition(journalRows()) }

    func get(_ table: StoreTable, _ key: Span<UInt8>, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool {
        let cursor = try cursor(in: table)
        return unsafe try withValue(key) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            guard unsafe try cursor.get(&key, &value, MDB_SET) else { return false }
            let bytes = unsafe value.bytes
            unsafe body(bytes.span)
            return true
        }
    }

    func scan(_ table: StoreTable, from key: Span<UInt8>, _ body: (Span<UInt8>, Span<UInt8>) -> Bool) throws(StorageError) {
        let cursor = unsafe try LMDBCursor(rows(), table: store[table], store.environment.directory)
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

    func inbox(
        of user: UInt64, after position: Position, limit: Int, into entries: inout ContiguousArray<InboxEntry>
    ) throws(StorageError) {
        let cursor = try inboxes()
        guard limit > 0, let first = InboxEntry(firstAfter: position) else { return }
        let end = entries.count + limit
        unsafe try withKey(user) { (key) throws(StorageError) in
            unsafe try first.withEncoded { (value) throws(StorageError) in
                guard unsafe try cursor.get(&key, &value, MDB_GET_BOTH_RANGE) else { return }
                // Gives the whole page that the entry is in, from the page's first entry on.
                var isThere = unsafe try cursor.get(&key, &value, MDB_GET_MULTIPLE)
                while isThere {
                    for index in 0..<(unsafe try InboxEntry.count(value, store.environment.directory)) {
                        let entry = unsafe InboxEntry(value, at: index)
                        guard entry.position > position else { continue }
                        entries.append(entry)
                        if entries.count == end { return }
                    }
                    isThere = unsafe try cursor.get(&key, &value, MDB_NEXT_MULTIPLE)
                }
            }
        }
    }

    func inboxEntry(of user: UInt64, atOrBefore position: Position) throws(StorageError) -> InboxEntry? {
        let cursor = try inboxes()
        return unsafe try withKey(user) { (key) throws(StorageError) in
            var value = unsafe MDB_val()
            if let next = InboxEntry(firstAfter: position) {
                let isFound = unsafe try next.withEncoded { (sought) throws(StorageError) in
                    unsafe try cursor.get(&key, &sought, MDB_GET_BOTH_RANGE)
                }
                // The one before the first after `position`, if the user has one.
                if isFound { return unsafe try cursor.get(&key, &value, MDB_PREV_DUP) ? entry(value) : nil }
            }
            guard unsafe try cursor.get(&key, &value, MDB_SET) else { return nil }
            return unsafe try cursor.get(&key, &value, MDB_LAST_DUP) ? entry(value) : nil
        }
    }

    private func entry(_ value: MDB_val) throws(StorageError) -> InboxEntry {
        unsafe InboxEntry(value, at: try InboxEntry.count(value, store.environment.directory) - 1)
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

extension InboxEntry {
    /// Sorts before every entry after `position`; nil when there can be none.
    fileprivate init?(firstAfter position: Position) {
        guard position.rawValue < .max else { return nil }
        self.init(position: Position(rawValue: position.rawValue + 1), ordinal: 0, cumulativeBytes: 0)
    }
}

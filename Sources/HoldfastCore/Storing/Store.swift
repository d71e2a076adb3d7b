package import HoldfastWire

/// Tables that only checkpoints write: the rows up to a position, and the timelines.
package protocol Store: AnyObject, Sendable {
    /// Runs `body` in one transaction and syncs it. When it throws, the store is as before.
    func checkpoint(_ body: (any StoreTransaction) throws(StorageError) -> Void) throws(StorageError)
}

/// A view of the store.
package protocol StoreSnapshot {
    /// Hands the value to `body`; false when there is no such row.
    func get(_ table: StoreTable, _ key: Span<UInt8>, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool
    /// Rows with keys at or after `key`, in key order, until `body` returns false.
    func scan(_ table: StoreTable, from key: Span<UInt8>, _ body: (Span<UInt8>, Span<UInt8>) -> Bool) throws(StorageError)
    /// Entries of the timeline after `position`, at most `limit`, appended to `entries`.
    func entries(
        of timeline: Timeline, after position: Position, limit: Int, into entries: inout ContiguousArray<TimelineEntry>
    ) throws(StorageError)
    /// The last entry of the timeline at or before `position`.
    func entry(of timeline: Timeline, atOrBefore position: Position) throws(StorageError) -> TimelineEntry?
}

/// The store while a checkpoint writes it. Reads see the writes before them.
package protocol StoreTransaction {
    func get(_ table: StoreTable, _ key: Span<UInt8>, _ body: (Span<UInt8>) -> Void) throws(StorageError) -> Bool
    /// Inserts or replaces. Callers write a table in the order of its keys where they can.
    func put(_ table: StoreTable, _ key: Span<UInt8>, _ value: Span<UInt8>) throws(StorageError)
    /// A missing row is no error.
    func delete(_ table: StoreTable, _ key: Span<UInt8>) throws(StorageError)
    /// Adds an entry to the timeline, after all it has.
    func append(_ entry: TimelineEntry, to timeline: Timeline) throws(StorageError)
    /// Deletes the timeline's entries at or before `position`, handing each to `body`.
    func deleteEntries(of timeline: Timeline, through position: Position, _ body: (TimelineEntry) -> Void) throws(StorageError)
}

/// The tables of the store. Keys and values are bytes; integers in keys are big-endian, so that byte order is numeric order.
package enum StoreTable: UInt8, CaseIterable, Sendable {
    /// Text keys: what has been applied, the next numbers, times.
    case meta = 0
    /// User name -> user number.
    case userByName = 1
    /// User number -> user name.
    case userNames = 2
    /// User number -> inbox state and sessions.
    case users = 3
    /// User number, device name -> session.
    case devices = 4
    /// Conversation number -> members.
    case conversations = 5
    /// The two user numbers of a one-to-one conversation, smaller first -> conversation number.
    case pairs = 6
    /// Position -> how many timelines hold it. Only positions that some timeline holds.
    case kept = 7
    /// Positions that no timeline holds any more and that the journal may still have.
    case released = 8
    /// Kind and name of a hold -> its floor and limits.
    case holds = 9
    /// Position -> age, and how many bytes had come: a point now and then.
    case ages = 10
    /// Position -> the record of an operator's act.
    case audit = 11
    /// Key of a request -> what became of it.
    case ledger = 12
}

import HoldfastWire

/// Rows of users, encoded for the checkpoint that runs, with the entries that their inboxes got since the last one.
struct UserImages: Sendable {
    private struct User: Sendable {
        var number: UInt64
        var image: Range<Int>
        /// What is gone from the inbox.
        var base: Position
        /// Whether the timeline on disk may hold something that is gone.
        var mayHaveReleased: Bool
        var entries: Range<Int>
    }

    private var users = ContiguousArray<User>()
    /// Users that were added.
    var count: Int { users.count }
    private var images: [UInt8] = []
    private var entries = ContiguousArray<TimelineEntry>()

    /// Of a user with a session, about.
    private static let imageBytes = 64

    /// With room for what will be added.
    init(users userCount: Int = 0, entries entryCount: Int = 0) {
        users.reserveCapacity(userCount)
        images.reserveCapacity(userCount * Self.imageBytes)
        entries.reserveCapacity(entryCount)
    }

    /// Adds a user; his entries follow.
    mutating func add(_ row: UserRow, floor: InboxFloor?, sessionCount: Int, nextSession: () -> SessionRow) {
        let start = images.count
        let base = row.base(floor).position
        UserImage.encode(row, floor: floor, sessionCount: sessionCount, into: &images, nextSession: nextSession)
        users.append(
            User(
                number: row.number, image: start..<images.count, base: base, mayHaveReleased: row.hasTimeline && base != .zero,
                entries: entries.count..<entries.count))
    }

    /// Adds an inbox entry of the user that was added last.
    mutating func add(_ entry: TimelineEntry) {
        assert(
            users.last.map { $0.entries.isEmpty || entries[entries.count - 1].position < entry.position } ?? false,
            "entries follow their user, and rise")
        entries.append(entry)
        users[users.count - 1].entries = users[users.count - 1].entries.lowerBound..<entries.count
    }

    /// Writes timelines and rows, each table in the order of its keys.
    /// - Parameter applied: what the store had applied before.
    func write(to store: any StoreTransaction, applied: Position) throws(StorageError) {
        let order = users.indices.sorted { users[$0].number < users[$1].number }
        var kept = KeptCounts()
        kept.reserveCapacity(entries.count)
        for index in order {
            let user = users[index]
            let inbox = Timeline.inbox(user.number)
            if user.mayHaveReleased {
                try store.deleteEntries(of: inbox, through: user.base) { kept.remove($0.position) }
            }
            for entry in entries[user.entries] {
                try store.append(entry, to: inbox)
                kept.add(entry.position)
            }
        }
        for index in order {
            try store.put(.users, StoreKey.inline(users[index].number).span, images.span.extracting(users[index].image))
        }
        try kept.write(to: store, applied: applied)
    }
}

package import HoldfastWire

/// The changed rows at a position, copied, to be written in one synced transaction, each table in the order of its keys.
package struct CheckpointJob: Sendable {
    private struct User {
        var number: UInt64
        var image: Range<Int>
        /// What is gone from the inbox.
        var base: Position
        /// Whether the timeline on disk may hold something that is gone.
        var mayHaveReleased: Bool
        var entries: Range<Int>
    }

    package let through: Position
    package let epoch: UInt32
    let nextUser: UInt64
    let nextConversation: UInt64
    let time: UInt64
    let age: UInt32
    let trimmedThrough: Position
    let userNumbers: ContiguousArray<(key: NameKey, value: UInt64)>
    let devices: ContiguousArray<(key: DeviceKey, value: SessionID)>
    let conversations: ContiguousArray<(key: UInt64, value: UserPair)>
    let releasedDone: ContiguousArray<Position>
    private var users = ContiguousArray<User>()
    private var images: [UInt8] = []
    private var entries = ContiguousArray<InboxEntry>()

    init(
        through: Position, epoch: UInt32, nextUser: UInt64, nextConversation: UInt64, time: UInt64, age: UInt32, trimmedThrough: Position,
        userNumbers: ContiguousArray<(key: NameKey, value: UInt64)>, devices: ContiguousArray<(key: DeviceKey, value: SessionID)>,
        conversations: ContiguousArray<(key: UInt64, value: UserPair)>,
        releasedDone: ContiguousArray<Position>
    ) {
        self.through = through
        self.epoch = epoch
        self.nextUser = nextUser
        self.nextConversation = nextConversation
        self.time = time
        self.age = age
        self.trimmedThrough = trimmedThrough
        self.userNumbers = userNumbers
        self.devices = devices
        self.conversations = conversations
        self.releasedDone = releasedDone
    }

    /// Of a user with a session, about.
    private static let imageBytes = 64

    /// Makes room at once for what will be added.
    mutating func reserve(users userCount: Int, entries entryCount: Int) {
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
    mutating func add(_ entry: InboxEntry) {
        entries.append(entry)
        users[users.count - 1].entries = users[users.count - 1].entries.lowerBound..<entries.count
    }

    /// Writes the checkpoint. A crash at any step leaves the store as it was.
    package func run(on storage: any Storage) throws(StorageError) -> CheckpointResult {
        let order = users.indices.sorted { users[$0].number < users[$1].number }
        try storage.checkpoint { (store) throws(StorageError) in
            var kept = ContiguousArray<UInt64>()
            kept.reserveCapacity(entries.count)
            var released = ContiguousArray<UInt64>()
            for index in order {
                let user = users[index]
                if user.mayHaveReleased {
                    try store.deleteInbox(of: user.number, through: user.base) { released.append($0.position.rawValue) }
                }
                for entry in entries[user.entries] {
                    try store.appendInbox(of: user.number, entry)
                    kept.append(entry.position.rawValue)
                }
            }
            for index in order {
                try store.put(.users, StoreKey.inline(users[index].number).span, images.span.extracting(users[index].image))
            }
            try writeNames(to: store)
            try writeKept(kept, to: store)
            try writeReleased(released, to: store)
            for position in releasedDone { try store.delete(.released, StoreKey.inline(position.rawValue).span) }
            try writeMeta(to: store)
        }
        return CheckpointResult(through: through, epoch: epoch)
    }

    private func writeNames(to store: any StoreTransaction) throws(StorageError) {
        for (name, number) in userNumbers.sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            try store.put(.userByName, name.bytes.span, StoreKey.inline(number).span)
        }
        for (name, number) in userNumbers.sorted(by: { $0.value < $1.value }) {
            try store.put(.userNames, StoreKey.inline(number).span, name.bytes.span)
        }
        let devices = devices.map { (StoreKey.device($0.key), $0.value) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
        for (key, session) in devices { try store.put(.devices, key.span, StoreKey.inline(session.rawValue).span) }
        for (number, pair) in conversations.sorted(by: { $0.key < $1.key }) {
            try store.put(.conversations, StoreKey.inline(number).span, StoreKey.inline(pair).span)
        }
        for (number, pair) in conversations.sorted(by: { ($0.value.low, $0.value.high) < ($1.value.low, $1.value.high) }) {
            try store.put(.pairs, StoreKey.inline(pair).span, StoreKey.inline(number).span)
        }
    }

    /// Counts in how many timelines each new position is.
    private func writeKept(_ positions: ContiguousArray<UInt64>, to store: any StoreTransaction) throws(StorageError) {
        let sorted = positions.sorted()
        var index = 0
        while index < sorted.count {
            var end = index + 1
            while end < sorted.count, sorted[end] == sorted[index] { end += 1 }
            try store.put(.kept, StoreKey.inline(sorted[index]).span, CollectionOfOne(UInt8(end - index)).span)
            index = end
        }
    }

    private func writeReleased(_ positions: ContiguousArray<UInt64>, to store: any StoreTransaction) throws(StorageError) {
        let sorted = positions.sorted()
        var index = 0
        while index < sorted.count {
            var end = index + 1
            while end < sorted.count, sorted[end] == sorted[index] { end += 1 }
            let key = StoreKey.inline(sorted[index])
            var count = 0
            _ = try store.get(.kept, key.span) { count = $0.count == 1 ? Int($0[0]) : 0 }
            #if PLANTED_BUGS
                if PlantedBug.trimTooMuch.isActive { count -= 1 }
            #endif
            if count > end - index {
                try store.put(.kept, key.span, CollectionOfOne(UInt8(count - (end - index))).span)
            } else {
                try store.delete(.kept, key.span)
                try store.put(.released, key.span, [UInt8]().span)
            }
            index = end
        }
    }

    private func writeMeta(to store: any StoreTransaction) throws(StorageError) {
        let rows: [(StoreMeta, UInt64)] = [
            (.appliedThrough, through.rawValue), (.nextUser, nextUser), (.nextConversation, nextConversation), (.time, time),
            (.age, UInt64(age)), (.trimmedThrough, trimmedThrough.rawValue),
        ]
        for (row, value) in rows { try store.put(.meta, Array(row.rawValue.utf8).span, StoreKey.inline(value).span) }
    }
}

/// The store has everything up to `through`.
package struct CheckpointResult: Sendable {
    package var through: Position
    package var epoch: UInt32
}

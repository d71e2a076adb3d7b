import HoldfastWire

/// One look through a whole data directory, which finds what is wrong and notes, at the same time, what mends it: so a repair does exactly what was
/// announced. Memory: 16 bytes for a user, a part of the inboxes' entries (`holdingsMax`), and what the mending needs.
struct Examination {
    let snapshot: any StorageSnapshot
    let nextPosition: Position
    /// What the copy that is looked at doesn't have because it couldn't be read.
    let unreadable: UnreadableParts
    /// Makes the names that stand in for lost ones hard to guess: whoever has a token for such a name reads the inbox.
    let nameSuffix: String
    /// How many entries of inboxes are looked at together. The findings don't depend on it.
    let holdingsMax: Int

    var findings: [Finding] = []
    var counts = VerifiedCounts()
    var plan = RepairPlan()

    var meta: [StoreMeta: UInt64] = [:]
    var applied = Position.zero
    /// Numbers that have a row or are named by one, rising.
    var users: [UInt64] = []
    /// The first entries of the inboxes.
    var firstHoldings: HoldingPart
    /// Users whose inboxes have to be made anew, and what the journal has for them.
    var remade: [UInt64: RemadeInbox] = [:]
    /// What kept users out whose rows are lost, as far as the audit log tells.
    var lostAccess: [UInt64: UserAccess] = [:]
    /// What the inboxes hold by their rows; nil: nobody has counted, or a row is lost.
    var totals: InboxTotals?
    /// The highest numbers in use.
    var lastUser: UInt64 = 0
    var lastConversation: UInt64 = 0

    // What the records behind the checkpoint bring.
    var newUsers: [UInt64: [UInt8]] = [:]
    var newConversations: [UInt64: UserPair] = [:]
    var newSerials: [UInt64: UInt32] = [:]

    init(
        _ snapshot: any StorageSnapshot, unreadable: UnreadableParts = .init(), nameSuffix: String = "0",
        holdingsMax: Int = Examination.holdingsMax
    ) throws(StorageError) {
        self.snapshot = snapshot
        self.unreadable = unreadable
        self.nameSuffix = nameSuffix
        self.holdingsMax = holdingsMax
        firstHoldings = HoldingPart(after: 0, countMax: holdingsMax)
        nextPosition = try snapshot.nextPosition()
    }

    mutating func run(_ progress: Verification.Progress) throws(StorageError) {
        try readMeta()
        try collectUsers()
        progress("names", users.count)
        try examineNames()
        try findNames()
        try examineConversations()
        // Before the records are read: what they bring is given out by the replay.
        examineCounters()
        try examineUsers(progress)
        try examineDevices()
        try examineRecords(progress)
        try examineAudit()
        try remakeInboxes()
        try examineKept(progress)
        try examineReleased()
        try examineHolds()
        try examineAges()
        try examineLedger()
        settleCounters()
    }

    // MARK: Helpers

    mutating func find(
        _ kind: Finding.Kind, _ table: String, position: Position? = nil, row: String? = nil, users: [String] = [], _ problem: String,
        effect: String
    ) {
        findings.append(
            Finding(kind, table: table, position: position, row: row, users: users, problem: problem, effect: effect))
    }

    /// The user's name as it will be, or his number in words.
    func name(_ user: UInt64) throws(StorageError) -> String {
        if let name = try nameBytes(user) { return String(decoding: name, as: UTF8.self) }
        return "user \(user)"
    }

    func names(_ users: [UInt64]) throws(StorageError) -> [String] {
        var names: [String] = []
        for user in users { names.append(try name(user)) }
        return names
    }

    /// The user's row as it will be.
    func image(_ user: UInt64) throws(StorageError) -> UserImage? {
        if let image = plan.images[user] { return image }
        guard let bytes = try snapshot.bytes(.users, StoreKey.number(user)) else { return nil }
        return UserImage(decoding: bytes.span, number: user)
    }

    func nameBytes(_ user: UInt64) throws(StorageError) -> [UInt8]? {
        if let name = plan.names[user] ?? newUsers[user] { return name }
        return try snapshot.bytes(.userNames, StoreKey.number(user))
    }

    /// Whether there is, or will be, a row of the user.
    func isKnown(_ user: UInt64) -> Bool {
        if newUsers[user] != nil || plan.images[user] != nil { return true }
        var low = 0
        var high = users.count
        while low < high {
            let middle = low + (high - low) / 2
            if users[middle] < user { low = middle + 1 } else { high = middle }
        }
        return low < users.count && users[low] == user
    }

    /// A number that can be a user's: a session's id has 40 bits for it.
    static func isUserNumber(_ number: UInt64) -> Bool { (1..<1 << 40).contains(number) }

    static func number(_ bytes: [UInt8]) -> UInt64? {
        guard bytes.count == 8 else { return nil }
        var reader = ByteReader(bytes.span)
        return reader.integer()
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.prefix(64).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

/// Which parts of a directory couldn't be copied whole.
package struct UnreadableParts: Equatable, Sendable {
    /// Some of the journal's records.
    package var journal = false
    /// The first position that wasn't given out.
    package var nextPosition = false
    /// The table of the store's counters.
    package var meta = false
    /// The counts of the inboxes' entries, which are made anew.
    package var counts = false
    package init() {}
}

/// What is known for the inbox of a user that has to be made anew.
struct RemadeInbox {
    /// Nil: the row is gone, too.
    var image: UserImage?
    /// The entries as they are.
    var old: ContiguousArray<TimelineEntry>
    /// The messages that the journal has for the user: entries with the sizes of their bodies, not counted up yet.
    var found: [Position: TimelineEntry] = [:]
    /// Entries whose messages are lost, and will be told of in their places.
    var lost: Set<Position> = []
    /// Entries that belong to somebody else.
    var foreign: Set<Position> = []
}

extension StorageSnapshot {
    /// Hands over the rows in order, in slices, so that `body` may ask the snapshot, too.
    func rows(_ table: StoreTable, _ body: ([UInt8], [UInt8]) throws(StorageError) -> Void) throws(StorageError) {
        let sliceCount = 1024
        var from: [UInt8] = []
        while true {
            var rows: [(key: [UInt8], value: [UInt8])] = []
            try scan(table, from: from.span) { key, value in
                rows.append(([UInt8](key, 0..<key.count), [UInt8](value, 0..<value.count)))
                return rows.count < sliceCount
            }
            for row in rows { try body(row.key, row.value) }
            guard rows.count == sliceCount, let last = rows.last else { return }
            // A table whose keys don't rise would be read for ever.
            guard from.lexicographicallyPrecedes(last.key) else {
                throw StorageError(.damaged, "The store's table \(table) isn't in order: it is damaged. Run holdfast repair --dry-run.")
            }
            from = last.key + [0]
        }
    }
}

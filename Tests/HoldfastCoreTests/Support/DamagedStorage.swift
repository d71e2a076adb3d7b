import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// A kind of damage, and what is to be expected of it.
enum StorageDamage: CaseIterable {
    case recordBody, recordHeader, recordMissing, recordOfOthers
    case replayedBody, replayedSession, replayedMissing
    case userRow, userRowMissing, name, nameOfNumber, bothNames
    case device, conversation, pair, keptTooMany, keptTooFew, released
    case inboxOrder, inboxEnd, inboxTotal, counter, counterMissing, storeAhead

    /// Behind the checkpoint.
    var isOfTail: Bool { [.replayedBody, .replayedSession, .replayedMissing].contains(self) }

    var finding: Finding.Kind {
        switch self {
        case .recordBody, .recordHeader, .replayedBody, .replayedSession: .recordDamaged
        case .recordMissing, .replayedMissing: .recordMissing
        case .recordOfOthers: .recordWrong
        case .userRow, .device: .rowDamaged
        case .userRowMissing, .name, .nameOfNumber, .bothNames, .conversation, .pair, .counterMissing: .rowMissing
        case .released: .rowWrong
        case .keptTooMany, .keptTooFew, .inboxTotal, .counter: .countWrong
        case .inboxOrder, .inboxEnd: .inboxWrong
        case .storeAhead: .storeAhead
        }
    }

    func place(in damaged: DamagedStorage) -> (table: String, row: String?, position: Position?) {
        switch self {
        case .recordBody, .recordHeader, .recordMissing, .replayedBody, .replayedSession, .replayedMissing:
            ("journal", nil, damaged.damagedPosition)
        case .recordOfOthers: ("timelines", nil, damaged.damagedPosition)
        case .userRow, .userRowMissing: ("users", "2", nil)
        case .name: ("userByName", "bob", nil)
        case .nameOfNumber, .bothNames: ("userNames", "2", nil)
        case .device: ("devices", "phone", nil)
        case .conversation: ("conversations", "1", nil)
        case .pair: ("pairs", nil, nil)
        case .keptTooMany, .keptTooFew: ("kept", nil, damaged.damagedPosition)
        case .released: ("released", nil, damaged.damagedPosition)
        case .inboxOrder, .inboxEnd: ("timelines", "2", nil)
        case .inboxTotal: ("meta", "inboxMessages", nil)
        case .counter: ("meta", "nextUser", nil)
        case .counterMissing: ("meta", "time", nil)
        case .storeAhead: ("meta", "appliedThrough", nil)
        }
    }

    var concernsBob: Bool {
        ![
            .released, .conversation, .keptTooMany, .keptTooFew, .inboxTotal, .counter, .counterMissing, .storeAhead, .replayedMissing,
            .replayedBody,
            .replayedSession, .bothNames, .device,
        ]
        .contains(self)
    }

    /// Whose texts don't come.
    var lost: [String: [String]] {
        switch self {
        case .recordBody, .recordHeader, .recordMissing, .replayedBody, .replayedSession: ["bob": ["t3"]]
        case .recordOfOthers: [:]
        case .replayedMissing: ["bob": ["t3"]]
        default: [:]
        }
    }

    /// Gaps for what nobody knows whether it was for them.
    var extraGaps: [String: Int] {
        switch self {
        case .recordOfOthers: ["bob": 1]
        case .replayedMissing: ["ann": 1, "cid": 1]
        default: [:]
        }
    }

    /// Names that no table and no record has any more.
    var renamed: [String: String] { self == .bothNames ? ["bob": "lost-user-2-x"] : [:] }
}

/// What a gateway left behind: ann sent t1...t6 to bob, c1 and c2 to cid; a checkpoint has them, or the last ones of them are behind it.
final class DamagedStorage {
    let storage: MemoryStorage
    let sent = ["bob": (1...6).map { "t\($0)" }, "cid": ["c1", "c2"]]
    private(set) var damagedPosition = Position.zero

    init(tail: Bool) throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        _ = try scenario.offline("bob")
        _ = try scenario.offline("cid")
        if tail { try scenario.toDisk() }
        ann.send("c1", to: "cid")
        for number in 1...6 { ann.send("t\(number)", to: "bob") }
        ann.send("c2", to: "cid")
        try scenario.settle()
        if !tail { try scenario.toDisk() }
        scenario.check()
        storage = scenario.harness.storage.crashCopy()
        damagedPosition = try position(of: "t3")
    }

    /// Where a text is.
    func position(of text: String) throws -> Position {
        var found: Position?
        try storage.read { (snapshot) throws(StorageError) in
            try snapshot.records(after: .zero) { position, bytes in
                if String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self).contains(text + ".") { found = position }
                return found == nil
            }
        }
        return try #require(found)
    }

    private func record(_ position: Position) throws -> [UInt8] {
        var record: [UInt8] = []
        try storage.read { (snapshot) throws(StorageError) in
            _ = try snapshot.record(at: position) { bytes in record = (0..<bytes.count).map { bytes[$0] } }
        }
        return record
    }

    private func change(_ position: Position, byte index: Int) throws {
        var bytes = try record(position)
        bytes[index < 0 ? bytes.count + index : index] ^= 0x10
        try storage.rewrite([(position, bytes)], deleting: [], nextPosition: .zero)
    }

    private func put(_ table: StoreTable, _ key: [UInt8], _ value: [UInt8]) throws {
        try storage.checkpoint { (store) throws(StorageError) in try store.put(table, key.span, value.span) }
    }

    private func delete(_ table: StoreTable, _ key: [UInt8]) throws {
        try storage.checkpoint { (store) throws(StorageError) in try store.delete(table, key.span) }
    }

    private func inbox() throws -> ContiguousArray<TimelineEntry> {
        var entries = ContiguousArray<TimelineEntry>()
        try storage.read { (snapshot) throws(StorageError) in
            try snapshot.entries(of: .inbox(2), after: .zero, limit: 100, into: &entries)
        }
        return entries
    }

    private func setInbox(_ entries: ContiguousArray<TimelineEntry>) throws {
        try storage.checkpoint { (store) throws(StorageError) in
            try store.deleteEntries(of: .inbox(2), through: Position(rawValue: .max)) { _ in }
            for entry in entries { try store.append(entry, to: .inbox(2)) }
        }
    }

    /// The store as it is before the first checkpoint.
    func emptyStore() throws {
        for table in StoreTable.allCases {
            var keys: [[UInt8]] = []
            try storage.read { (snapshot) throws(StorageError) in
                try snapshot.rows(table) { (key, _) throws(StorageError) in keys.append(key) }
            }
            for key in keys { try delete(table, key) }
        }
        try storage.checkpoint { (store) throws(StorageError) in
            for user in UInt64(1)...3 { try store.deleteEntries(of: .inbox(user), through: Position(rawValue: .max)) { _ in } }
        }
    }

    func apply(_ damage: StorageDamage) throws {
        let position = damagedPosition
        let key = StoreKey.number(position.rawValue)
        let bob = StoreKey.number(2)
        switch damage {
        case .recordBody, .replayedBody: try change(position, byte: -2)
        case .recordHeader: try change(position, byte: 1)
        // In the session's number: the sender and the conversation still tell.
        case .replayedSession: try change(position, byte: 12)
        case .recordMissing, .replayedMissing: try storage.rewrite([], deleting: [position], nextPosition: .zero)
        case .recordOfOthers:
            damagedPosition = try self.position(of: "c2")
            var entries = try inbox()
            entries.append(TimelineEntry(InboxEntry(position: damagedPosition, ordinal: 7, cumulativeBytes: 56)))
            try setInbox(entries)
            try setLast(entries[6].mark)
        case .userRow: try put(.users, bob, [0, 0, 0, 0, 1, 2, 3])
        case .userRowMissing: try delete(.users, bob)
        case .name: try delete(.userByName, Array("bob".utf8))
        case .nameOfNumber: try delete(.userNames, bob)
        case .bothNames:
            try delete(.userNames, bob)
            try delete(.userByName, Array("bob".utf8))
        case .device:
            try put(
                .devices, StoreKey.device(DeviceKey(user: 2, device: NameKey(Array("phone".utf8), CoreConfiguration().hash))),
                StoreKey.number(77))
        case .conversation: try delete(.conversations, StoreKey.number(1))
        case .pair: try delete(.pairs, UserPair(1, 2).encoded)
        case .keptTooMany: try put(.kept, key, [9])
        case .keptTooFew: try delete(.kept, key)
        case .released: try put(.released, key, [])
        case .inboxOrder:
            var entries = try inbox()
            entries[2].mark.ordinal += 1
            try setInbox(entries)
        case .inboxEnd: try setInbox(try inbox().dropLast().reduce(into: []) { $0.append($1) })
        case .inboxTotal: try put(.meta, Array("inboxMessages".utf8), StoreKey.number(77))
        case .counter: try put(.meta, Array("nextUser".utf8), StoreKey.number(2))
        case .counterMissing: try delete(.meta, Array("time".utf8))
        case .storeAhead: try put(.meta, Array("appliedThrough".utf8), StoreKey.number(storage.nextPosition.rawValue + 3))
        }
    }

    /// Makes bob's row agree with an entry that isn't his.
    private func setLast(_ entry: InboxEntry) throws {
        var image: UserImage?
        try storage.read { (snapshot) throws(StorageError) in image = try UserImage.read(2, from: snapshot) }
        var row = try #require(image)
        row.row.inbox.last = entry
        var bytes: [UInt8] = []
        row.encode(into: &bytes)
        try put(.users, StoreKey.number(2), bytes)
        try put(.kept, StoreKey.number(entry.position.rawValue), [2])
    }

    struct Received {
        var texts: [String] = []
        var gaps: [(count: UInt32, reason: GapReason)] = []
    }

    /// What a user's device gets that logs in without any state.
    func received(by user: String) throws -> Received {
        let harness = try CoreHarness(storage: storage.crashCopy())
        var received = Received()
        harness.receive = { _, output in
            switch output.effect {
            case .deliver: received.texts.append(String(decoding: output.bytes.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self))
            case .gap(_, _, _, let count, let reason): received.gaps.append((count, reason))
            default: break
            }
        }
        let connection = harness.newConnection(loop: 0)
        harness.submit(to: 0, texts: [Array(user.utf8), Array("phone".utf8)]) {
            .hello(connection: connection, user: $0[0], device: $0[1], isSendOnly: false, isService: false, state: nil)
        }
        try harness.settle()
        return received
    }
}

import HoldfastWire

// The formats of the store's keys and values: big-endian, a user's row with a checksum.

package enum StoreKey {
    package static func number(_ value: UInt64) -> [UInt8] { [UInt8](inline(value).span, 0..<8) }

    static func device(_ key: DeviceKey) -> [UInt8] { number(key.user) + key.device.bytes }

    /// `number` without an allocation.
    static func inline(_ value: UInt64) -> InlineArray<8, UInt8> {
        InlineArray { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
    }

    /// `UserPair.encoded` without an allocation.
    static func inline(_ pair: UserPair) -> InlineArray<16, UInt8> {
        InlineArray { UInt8(truncatingIfNeeded: ($0 < 8 ? pair.low : pair.high) >> (56 - 8 * UInt64($0 & 7))) }
    }
}

/// The rows of the store's `meta` table, each a u64.
enum StoreMeta: String, CaseIterable {
    case appliedThrough
    /// How many checkpoints have been written, which tells two of the same position apart; absent: no version that counts wrote one.
    case checkpoints
    case nextUser, nextConversation, time, age, trimmedThrough
    /// How many rows the ledger has; absent: none.
    case ledgerCount
    /// `InboxTotals`; without them, or with other limits, a start counts.
    case inboxLimits, inboxMessages, inboxBytes, inboxesNearLimit

    static func read(_ row: StoreMeta, from snapshot: any StorageSnapshot) throws(StorageError) -> UInt64? {
        try snapshot.number(.meta, Array(row.rawValue.utf8).span)
    }
}

extension StorageSnapshot {
    /// The number of the last checkpoint that the view has. A position wouldn't tell: rows change without a record, too, when a promise has ended.
    func checkpoint() throws(StorageError) -> UInt64 { try StoreMeta.read(.checkpoints, from: self) ?? 0 }

    /// The position of the last checkpoint that the view has.
    func appliedThrough() throws(StorageError) -> Position {
        Position(rawValue: try StoreMeta.read(.appliedThrough, from: self) ?? 0)
    }

    /// Positions that some timeline on disk holds, after one and up to another, at most `limit`.
    func keptPositions(after: Position, through: Position, limit: Int = .max) throws(StorageError) -> ContiguousArray<Position> {
        var kept = ContiguousArray<Position>()
        try scan(.kept, from: StoreKey.number(after.rawValue + 1).span) { key, _ in
            var reader = ByteReader(key)
            guard let position = reader.integer(UInt64.self), position <= through.rawValue else { return false }
            kept.append(Position(rawValue: position))
            return kept.count < limit
        }
        return kept
    }

    /// The names of a user's devices, by the last session of each.
    func devices(of user: UInt64) throws(StorageError) -> [SessionID: [UInt8]] {
        var devices: [SessionID: [UInt8]] = [:]
        try scan(.devices, from: StoreKey.inline(user).span) { key, value in
            var (owner, session) = (ByteReader(key), ByteReader(value))
            guard owner.integer(UInt64.self) == user else { return false }
            if let session = session.integer(UInt64.self) { devices[SessionID(rawValue: session)] = [UInt8](key, 8..<key.count) }
            return true
        }
        return devices
    }

    func bytes(_ table: StoreTable, _ key: [UInt8]) throws(StorageError) -> [UInt8]? {
        var value: [UInt8]?
        _ = try get(table, key.span) { bytes in value = [UInt8](bytes, 0..<bytes.count) }
        return value
    }

    func number(_ table: StoreTable, _ key: Span<UInt8>) throws(StorageError) -> UInt64? {
        var value: UInt64?
        let found = try get(table, key) { bytes in
            var reader = ByteReader(bytes)
            value = reader.integer()
        }
        if found, value == nil {
            throw StorageError(.damaged, "A row of the store's table \(table) is not a number: the store is damaged; restore a backup.")
        }
        return value
    }
}

extension UserPair {
    var encoded: [UInt8] { [UInt8](StoreKey.inline(self).span, 0..<16) }

    init?(encoded: [UInt8]) { self.init(encoded: encoded.span) }

    init?(encoded: Span<UInt8>) {
        var reader = ByteReader(encoded)
        guard let low = reader.integer(UInt64.self), let high = reader.integer(UInt64.self) else { return nil }
        self.init(low, high)
    }
}

/// A user's row and his sessions', as they are stored.
package struct UserImage: Sendable {
    var row: UserRow
    var floor: InboxFloor?
    var access: UserAccess
    /// Tracked messages that nobody of the user's has acknowledged.
    var tracked: [Position]
    var sessions: [SessionRow]
    /// Whom those of them may write to that have a limit.
    var limits: [SessionID: RecipientLimit] = [:]

    /// What has nothing that only later versions know is written as the first one, of which most rows are.
    private static let firstVersion: UInt8 = 1
    /// Has the access behind the sessions.
    private static let accessVersion: UInt8 = 2
    /// And behind that the tracked messages.
    private static let trackedVersion: UInt8 = 3

    init(
        row: UserRow, floor: InboxFloor? = nil, access: UserAccess = .none, tracked: [Position] = [], sessions: [SessionRow],
        limits: [SessionID: RecipientLimit] = [:]
    ) {
        self.row = row
        self.floor = floor
        self.access = access
        self.tracked = tracked
        self.sessions = sessions
        self.limits = limits
    }

    func encode(into bytes: inout [UInt8]) {
        var next = sessions.makeIterator()
        Self.encode(row, floor: floor, access: access, tracked: tracked, sessionCount: sessions.count, into: &bytes) {
            let session = next.next() ?? SessionRow()
            return (session, limits[session.id])
        }
    }

    /// Everything up to here is gone from the inbox.
    var base: InboxEntry { row.base(floor) }

    static func read(_ number: UInt64, from snapshot: any StorageSnapshot) throws(StorageError) -> UserImage? {
        var image: UserImage?
        let found = try snapshot.get(.users, StoreKey.inline(number).span) { bytes in image = UserImage(decoding: bytes, number: number) }
        if found, image == nil {
            if let bytes = try snapshot.bytes(.users, StoreKey.number(number)) { try requireKnown(bytes.span, number: number) }
            throw StorageError(
                .damaged,
                "The store's row of user number \(number) is damaged: nothing was changed; restore a backup of the data directory.")
        }
        return image
    }

    /// - Throws: `.newerFormat` when the row is whole and of a version that only a later program knows: it would be written back without what
    ///   this one doesn't understand.
    static func requireKnown(_ bytes: Span<UInt8>, number: UInt64) throws(StorageError) {
        var reader = ByteReader(bytes)
        guard bytes.count >= 5, reader.integer(UInt32.self) == CRC32C.checksum(bytes, 4..<bytes.count), bytes[4] > trackedVersion else {
            return
        }
        throw StorageError(
            .newerFormat,
            "The store's row of user number \(number) is of version \(bytes[4]), which only a later version of holdfast knows: nothing was "
                + "changed. Use the version that wrote it, or a later one.")
    }

    /// Encodes a user with the sessions that `nextSession` hands out, each with whom it may write to.
    static func encode(
        _ row: UserRow, floor: InboxFloor?, access: UserAccess, tracked: [Position], sessionCount: Int, into bytes: inout [UInt8],
        nextSession: () -> (SessionRow, RecipientLimit?)
    ) {
        #if PLANTED_BUGS
            let isForgotten = PlantedBug.revocationForgottenAtCheckpoint.isActive
            let access = isForgotten ? .none : access
        #endif
        let start = bytes.count
        bytes.append(bigEndian: UInt32(0))
        bytes.append(!tracked.isEmpty ? trackedVersion : access == .none ? firstVersion : accessVersion)
        bytes.append(varint: UInt64(row.sessionSerial))
        row.inbox.last.encodeShort(into: &bytes)
        row.acknowledged.encodeShort(into: &bytes)
        (floor?.entry ?? .none).encodeShort(into: &bytes)
        bytes.append((floor?.reason ?? .evicted).rawValue)
        precondition(sessionCount <= 255, "a row counts its sessions in a byte")
        bytes.append(UInt8(sessionCount))
        for _ in 0..<sessionCount {
            let (session, limit) = nextSession()
            assert(session.flags.contains(.isLimited) == (limit != nil), "a session's flag says whether it has a limit")
            bytes.append(varint: UInt64(session.id.serial))
            #if PLANTED_BUGS
                let isRevoked = session.flags.contains(.isRevoked)
                let flags = isForgotten && isRevoked ? session.flags.subtracting([.isRevoked, .hasEnded]) : session.flags
            #else
                let flags = session.flags
            #endif
            bytes.append(UInt8(flags.intersection(.stored).rawValue))
            bytes.append(varint: UInt64(session.storedAttach.rawValue))
            bytes.append(varint: session.lastSequence.rawValue)
            session.lastPosition.encodeShort(into: &bytes)
            session.cursor.encodeShort(into: &bytes)
            bytes.append(varint: UInt64(session.seen))
            if session.flags.contains(.isLimited) { (limit ?? .nobody).encode(into: &bytes) }
        }
        if access != .none || !tracked.isEmpty { access.encode(into: &bytes) }
        if let last = tracked.last {
            last.encodeShort(into: &bytes)
            bytes.append(positions: tracked, upTo: last)
        }
        bytes.seal(from: start)
    }

    init?(decoding bytes: Span<UInt8>, number: UInt64) {
        guard bytes.count >= 5 else { return nil }
        var reader = ByteReader(bytes)
        guard reader.integer(UInt32.self) == CRC32C.checksum(bytes, 4..<bytes.count), let version = reader.integer(UInt8.self),
            (Self.firstVersion...Self.trackedVersion).contains(version), let serial = reader.varint(UInt32.self),
            let last = InboxEntry(decodingShort: &reader),
            let acknowledged = InboxEntry(decodingShort: &reader), let floor = InboxEntry(decodingShort: &reader),
            let reason = reader.integer(UInt8.self).flatMap(GapReason.init(rawValue:)), let count = reader.integer(UInt8.self)
        else { return nil }
        row = UserRow(number: number, acknowledged: acknowledged, inbox: TimelineRow(last: last))
        row.sessionSerial = serial
        self.floor = floor.position == .zero ? nil : InboxFloor(entry: floor, reason: reason)
        access = .none
        tracked = []
        sessions = []
        for _ in 0..<count {
            guard let serial = reader.varint(UInt32.self), let flags = reader.integer(UInt8.self), let attach = reader.varint(UInt32.self),
                let sequence = reader.varint(UInt64.self), let position = Position(decodingShort: &reader),
                let cursor = InboxEntry(decodingShort: &reader), let seen = reader.varint(UInt32.self)
            else { return nil }
            var session = SessionRow()
            session.id = SessionID(user: number, serial: serial)
            session.flags = SessionRow.Flags(rawValue: UInt16(flags)).intersection(.stored)
            session.storedAttach = AttachNumber(rawValue: attach)
            session.attach = session.storedAttach
            session.lastSequence = MessageSequence(rawValue: sequence)
            session.lastPosition = position
            session.cursor = cursor
            session.seen = seen
            if session.flags.contains(.isLimited) {
                guard let limit = RecipientLimit(decoding: &reader) else { return nil }
                limits[session.id] = limit
            }
            sessions.append(session)
        }
        guard version >= Self.accessVersion else { return }
        guard let known = UserAccess(decoding: &reader) else { return nil }
        access = known
        guard version >= Self.trackedVersion else { return }
        guard let last = Position(decodingShort: &reader), let positions = reader.positions(upTo: last) else { return nil }
        tracked = positions
    }
}

// A row is read and written often and mostly small numbers: most of it is as many bytes as they need. An era has a byte of its own,
// or it would make every position long.
extension Position {
    fileprivate func encodeShort(into bytes: inout [UInt8]) {
        bytes.append(era)
        bytes.append(varint: rawValue & Self.offsetMask)
    }

    @_lifetime(reader: copy reader)
    fileprivate init?(decodingShort reader: inout ByteReader) {
        guard let era = reader.integer(UInt8.self), let offset = reader.varint(UInt64.self), offset <= Self.offsetMask else { return nil }
        self.init(rawValue: UInt64(era) << 56 | offset)
    }

    private static let offsetMask: UInt64 = (1 << 56) - 1
}

extension InboxEntry {
    fileprivate func encodeShort(into bytes: inout [UInt8]) {
        position.encodeShort(into: &bytes)
        bytes.append(varint: UInt64(ordinal))
        bytes.append(varint: UInt64(cumulativeBytes))
    }

    @_lifetime(reader: copy reader)
    fileprivate init?(decodingShort reader: inout ByteReader) {
        guard let position = Position(decodingShort: &reader), let ordinal = reader.varint(UInt32.self),
            let cumulativeBytes = reader.varint(UInt32.self)
        else { return nil }
        self.init(position: position, ordinal: ordinal, cumulativeBytes: cumulativeBytes)
    }
}

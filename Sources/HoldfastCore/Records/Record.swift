package import HoldfastWire

// Records hold outcomes: limits were checked and names resolved before one was made, so applying one checks nothing and a
// replay doesn't depend on the configuration. Layout: crc u32 | kind u8 | fields, big-endian; the checksum covers what follows it.

/// The kinds of records. A kind that a version doesn't know, or that it only keeps a number for, is a later version's, and no damage.
enum RecordKind: UInt8 {
    /// A message with one recipient, as directories of format 1 have it: read, and never written any more.
    case messageOfFormat1 = 1
    /// New cursors, without where they came from and when, as earlier versions of format 2 have them: read, and never written any more.
    case cursorsWithoutOrigin
    case sessionBegun, sessionEnded, evicted, seen, lost
    case message
    case hold
    // Those that no version writes yet are reserved. Whatever a restart must know is a record, or a row made from one: these are for what comes.
    case ledger, wake
    case audit
    case erase, membership, readMarks, consumer, ticketKeys, format
    case limit
    case cursors
}

/// One session's new cursor.
package struct CursorRecord: Equatable, Sendable {
    package var session: SessionID
    package var attach: AttachNumber
    package var position: Position
    package var ordinal: UInt32
    package var cumulativeBytes: UInt32
    /// The session's cursor in the last record before: what it has acknowledged since then begins behind this.
    package var from: Position
    /// The index of the first event of a tracked message among those of a record.
    static let trackedIndex: UInt16 = 32_768
    /// Tracked messages of the user's up to the cursor, none of which another session has acknowledged before.
    package var tracked: [Position]

    package init(session: SessionID, attach: AttachNumber, _ entry: InboxEntry, from: Position, tracked: [Position] = []) {
        self.session = session
        self.attach = attach
        position = entry.position
        ordinal = entry.ordinal
        cumulativeBytes = entry.cumulativeBytes
        self.from = from
        self.tracked = tracked
    }
}

/// A new session, and its user when he is new too.
package struct SessionBegunRecord: Equatable, Sendable {
    package var session: SessionID
    package var attach: AttachNumber
    package var isSendOnly: Bool
    package var isService: Bool
    /// The device has sent something in an earlier session.
    package var deviceHasSent: Bool
    package var cursor: InboxEntry
    package var age: UInt32
    package var device: [UInt8]
    /// The user's name when he is new; empty otherwise.
    package var newUser: [UInt8]
    /// The serial of the ended session that this one follows on its device; 0: none that is kept.
    package var predecessor: UInt32
    /// Whom it may write to; nil: everybody.
    package var limit: RecipientLimit?
    /// Milliseconds since 1970; 0: an earlier version didn't say.
    package var time: UInt64
}

/// Messages that left an inbox without acknowledgement.
package struct EvictedRecord: Equatable, Sendable {
    package var user: UInt64
    package var through: InboxEntry
    package var reason: GapReason
    /// Where the inbox began before, how many messages left, and when, in milliseconds since 1970; 0: an earlier version didn't say.
    package var from: Position
    package var count: UInt32
    package var time: UInt64
    /// Tracked messages among them.
    package var tracked: [Position]
}

/// What a journal entry says.
package enum Record: Equatable, Sendable {
    case message(MessageRecord)
    /// The time is in milliseconds since 1970; 0: an earlier version didn't say.
    case cursors([CursorRecord], time: UInt64)
    case sessionBegun(SessionBegunRecord)
    /// The time is as for cursors.
    case sessionEnded(SessionID, hasExpired: Bool, time: UInt64)
    case evicted(EvictedRecord)
    /// The session was seen at this age, so that it doesn't expire.
    case seen(SessionID, age: UInt32)
    /// The session's newer token says whom it may write to; nil: everybody.
    case limit(SessionID, RecipientLimit?)
    /// What stood here can't be read any more. A repair puts it in the place of a message that inboxes hold, whose owners get a `GAP`
    /// then; behind the checkpoint it names the users (by number) whose inboxes the message was, or may have been, for.
    case lost([UInt64])
    /// A hold on the journal was set, moved or let go of.
    case hold(HoldRecord)
    /// An operator's act, which it does.
    case audit(AuditRecord)

    /// Appends the encoded record. A message's body is `body`, and its `body` range is ignored.
    package func encode(body: ArraySlice<UInt8> = [], into bytes: inout [UInt8]) {
        if case .message(let message) = self { return message.encode(body: body, into: &bytes) }
        let start = bytes.count
        bytes.append(bigEndian: UInt32(0))
        switch self {
        case .message: break
        case .cursors(let cursors, let time):
            bytes.append(RecordKind.cursors.rawValue)
            bytes.append(bigEndian: time)
            for cursor in cursors {
                assert(cursor.from <= cursor.position, "a cursor never goes back")
                bytes.append(bigEndian: cursor.session.rawValue)
                bytes.append(bigEndian: cursor.attach.rawValue)
                InboxEntry(position: cursor.position, ordinal: cursor.ordinal, cumulativeBytes: cursor.cumulativeBytes).encode(into: &bytes)
                bytes.append(varint: cursor.position.rawValue - min(cursor.from, cursor.position).rawValue)
                bytes.append(positions: cursor.tracked, upTo: cursor.position)
            }
        case .sessionBegun(let begun):
            bytes.append(RecordKind.sessionBegun.rawValue)
            bytes.append(bigEndian: begun.session.rawValue)
            bytes.append(bigEndian: begun.attach.rawValue)
            bytes.append((begun.isSendOnly ? 1 : 0) | (begun.isService ? 2 : 0) | (begun.deviceHasSent ? 4 : 0) | (begun.time != 0 ? 8 : 0))
            if begun.time != 0 { bytes.append(bigEndian: begun.time) }
            begun.cursor.encode(into: &bytes)
            bytes.append(bigEndian: begun.age)
            bytes.append(text: begun.device)
            bytes.append(text: begun.newUser)
            // Behind all others, where a reader that doesn't know it stops.
            if begun.predecessor != 0 || begun.limit != nil { bytes.append(bigEndian: begun.predecessor) }
            if let limit = begun.limit { limit.encode(into: &bytes) }
        case .sessionEnded(let session, let hasExpired, let time):
            bytes.append(RecordKind.sessionEnded.rawValue)
            bytes.append(bigEndian: session.rawValue)
            bytes.append(hasExpired ? 1 : 0)
            bytes.append(bigEndian: time)
        case .evicted(let evicted):
            bytes.append(RecordKind.evicted.rawValue)
            bytes.append(bigEndian: evicted.user)
            evicted.through.encode(into: &bytes)
            bytes.append(evicted.reason.rawValue)
            bytes.append(bigEndian: evicted.from.rawValue)
            bytes.append(bigEndian: evicted.count)
            bytes.append(bigEndian: evicted.time)
            bytes.append(positions: evicted.tracked, upTo: evicted.through.position)
        case .seen(let session, let age):
            bytes.append(RecordKind.seen.rawValue)
            bytes.append(bigEndian: session.rawValue)
            bytes.append(bigEndian: age)
        case .limit(let session, let limit):
            bytes.append(RecordKind.limit.rawValue)
            bytes.append(bigEndian: session.rawValue)
            limit?.encode(into: &bytes)
        case .lost(let users):
            bytes.append(RecordKind.lost.rawValue)
            for user in users { bytes.append(bigEndian: user) }
        case .hold(let hold):
            bytes.append(RecordKind.hold.rawValue)
            hold.encode(into: &bytes)
        case .audit(let audit):
            bytes.append(RecordKind.audit.rawValue)
            audit.encode(into: &bytes)
        }
        bytes.seal(from: start)
    }

    /// Whether the checksum fits. Cheap enough for every read.
    package static func isIntact(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= 5 else { return false }
        var reader = ByteReader(bytes)
        return reader.integer(UInt32.self) == CRC32C.checksum(bytes, 4..<bytes.count)
    }

    /// - Throws: `.newerFormat` when the record is whole and of a kind that only a later version knows: it is no damage, and nothing may be made of it.
    static func requireKnown(_ bytes: Span<UInt8>, at position: Position) throws(StorageError) {
        guard bytes.count >= 5, isOfLaterVersion(bytes), isIntact(bytes) else { return }
        let kind = RecordKind(rawValue: bytes[4]).map { "\($0)" } ?? "\(bytes[4])"
        throw StorageError(
            .newerFormat,
            "The journal's record at position \(position.rawValue), of kind \(kind), is one that only a later version of holdfast can read: "
                + "nothing was changed. Use the version that wrote it, or a later one.")
    }

    private static func isOfLaterVersion(_ bytes: Span<UInt8>) -> Bool {
        switch RecordKind(rawValue: bytes[4]) {
        case .message:
            var reader = ByteReader(bytes, from: 5)
            var isOfLaterVersion = false
            _ = MessageRecord(decoding: &reader, of: nil, &isOfLaterVersion)
            return isOfLaterVersion
        case .audit: return AuditRecord.isOfLaterVersion(bytes, from: 5)
        case .messageOfFormat1, .cursorsWithoutOrigin, .cursors, .sessionBegun, .sessionEnded, .evicted, .seen, .lost, .hold, .limit:
            return false
        case .ledger, .wake, .erase, .membership, .readMarks, .consumer, .ticketKeys, .format, nil: return true
        }
    }

    /// Decodes a record.
    /// - Parameter user: of a message's recipients only this one is wanted, of whom there may be a thousand others; nil: all.
    /// - Returns: nil when the checksum or the format is wrong. Total: no input traps.
    package static func decode(_ bytes: Span<UInt8>, of user: UInt64? = nil) -> Record? {
        isIntact(bytes) ? decodeFields(bytes, of: user) : nil
    }

    /// What a record that doesn't pass its checksum seems to say: to be believed only where something else says the same.
    static func decodeFields(_ bytes: Span<UInt8>, of user: UInt64? = nil) -> Record? {
        guard bytes.count >= 5 else { return nil }
        var reader = ByteReader(bytes, from: 4)
        guard let type = reader.integer(UInt8.self), let kind = RecordKind(rawValue: type) else { return nil }
        switch kind {
        case .message:
            var isOfLaterVersion = false
            guard var message = MessageRecord(decoding: &reader, of: user, &isOfLaterVersion) else { return nil }
            message.body = reader.offset..<bytes.count
            return .message(message)
        case .messageOfFormat1:
            guard var message = MessageRecord(decodingFormat1: &reader) else { return nil }
            message.body = reader.offset..<bytes.count
            return .message(message)
        case .cursors, .cursorsWithoutOrigin:
            var time: UInt64 = 0
            if kind == .cursors {
                guard let known = reader.integer(UInt64.self) else { return nil }
                time = known
            }
            var cursors: [CursorRecord] = []
            while reader.remaining > 0 {
                guard let cursor = CursorRecord(decoding: &reader, hasOrigin: kind == .cursors) else { return nil }
                cursors.append(cursor)
            }
            return .cursors(cursors, time: time)
        case .sessionBegun: return SessionBegunRecord(decoding: &reader).map(Record.sessionBegun)
        case .sessionEnded:
            guard let session = reader.integer(UInt64.self), let hasExpired = reader.integer(UInt8.self) else { return nil }
            return .sessionEnded(SessionID(rawValue: session), hasExpired: hasExpired != 0, time: reader.integer(UInt64.self) ?? 0)
        case .evicted:
            guard let user = reader.integer(UInt64.self), let through = InboxEntry(decoding: &reader),
                let reason = reader.integer(UInt8.self).flatMap(GapReason.init(rawValue:))
            else { return nil }
            var evicted = EvictedRecord(user: user, through: through, reason: reason, from: .zero, count: 0, time: 0, tracked: [])
            // Behind all others, where a reader that doesn't know them stops.
            if let from = reader.integer(UInt64.self), let count = reader.integer(UInt32.self), let time = reader.integer(UInt64.self),
                let tracked = reader.positions(upTo: through.position)
            {
                (evicted.from, evicted.count, evicted.time, evicted.tracked) = (Position(rawValue: from), count, time, tracked)
            }
            return .evicted(evicted)
        case .seen:
            guard let session = reader.integer(UInt64.self), let age = reader.integer(UInt32.self) else { return nil }
            return .seen(SessionID(rawValue: session), age: age)
        case .limit:
            guard let session = reader.integer(UInt64.self) else { return nil }
            guard reader.remaining > 0 else { return .limit(SessionID(rawValue: session), nil) }
            return RecipientLimit(decoding: &reader).map { .limit(SessionID(rawValue: session), $0) }
        case .lost:
            var users: [UInt64] = []
            while reader.remaining > 0 {
                guard let user = reader.integer(UInt64.self) else { return nil }
                users.append(user)
            }
            return .lost(users)
        case .hold: return HoldRecord(decoding: &reader).map(Record.hold)
        case .audit: return AuditRecord(decoding: &reader).map(Record.audit)
        case .ledger, .wake, .erase, .membership, .readMarks, .consumer, .ticketKeys, .format: return nil
        }
    }
}

extension CursorRecord {
    /// - Parameter hasOrigin: whether the record says where the cursor came from.
    @_lifetime(reader: copy reader)
    fileprivate init?(decoding reader: inout ByteReader, hasOrigin: Bool) {
        guard let session = reader.integer(UInt64.self), let attach = reader.integer(UInt32.self), let entry = InboxEntry(decoding: &reader)
        else { return nil }
        var from = Position.zero
        var tracked: [Position] = []
        if hasOrigin {
            guard let steps = reader.varint(UInt64.self), steps <= entry.position.rawValue,
                let positions = reader.positions(upTo: entry.position)
            else { return nil }
            from = Position(rawValue: entry.position.rawValue - steps)
            tracked = positions
        }
        self.init(session: SessionID(rawValue: session), attach: AttachNumber(rawValue: attach), entry, from: from, tracked: tracked)
    }
}

extension SessionBegunRecord {
    @_lifetime(reader: copy reader)
    fileprivate init?(decoding reader: inout ByteReader) {
        guard let session = reader.integer(UInt64.self), let attach = reader.integer(UInt32.self), let flags = reader.integer(UInt8.self),
            let time = flags & 8 == 0 ? 0 : reader.integer(UInt64.self), let cursor = InboxEntry(decoding: &reader),
            let age = reader.integer(UInt32.self), let device = reader.text(),
            let user = reader.text()
        else { return nil }
        let predecessor = reader.integer(UInt32.self) ?? 0
        var limit: RecipientLimit?
        if reader.remaining > 0 {
            limit = RecipientLimit(decoding: &reader)
            if limit == nil { return nil }
        }
        self.init(
            session: SessionID(rawValue: session), attach: AttachNumber(rawValue: attach), isSendOnly: flags & 1 != 0,
            isService: flags & 2 != 0, deviceHasSent: flags & 4 != 0, cursor: cursor, age: age, device: device, newUser: user,
            predecessor: predecessor, limit: limit, time: time)
    }
}

extension InboxEntry {
    package func encode(into bytes: inout [UInt8]) {
        bytes.append(bigEndian: position.rawValue)
        bytes.append(bigEndian: ordinal)
        bytes.append(bigEndian: cumulativeBytes)
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let position = reader.integer(UInt64.self), let ordinal = reader.integer(UInt32.self),
            let bytes = reader.integer(UInt32.self)
        else { return nil }
        self.init(position: Position(rawValue: position), ordinal: ordinal, cumulativeBytes: bytes)
    }

    /// Before everything that an inbox ever got.
    package static let none = InboxEntry(position: .zero, ordinal: 0, cumulativeBytes: 0)
}

package import HoldfastWire

// Records hold outcomes: limits were checked and names resolved before one was made, so applying one checks nothing and a
// replay doesn't depend on the configuration. Layout: crc u32 | type u8 | fields, big-endian; the checksum covers what follows it.

/// A stored message.
package struct MessageRecord: Equatable, Sendable {
    package var session: SessionID
    package var attach: AttachNumber
    package var sequence: MessageSequence
    package var conversation: ConversationNumber
    package var sender: UInt64
    package var recipient: UInt64
    /// Milliseconds since 1970; the clock may have been set back since the record before (see `AgeClock`).
    package var time: UInt64
    /// The age clock, in seconds (see `AgeClock`).
    package var age: UInt32
    package var kind: MessageKind
    /// The message is also put into the sender's own inbox, for his other devices.
    package var echoes: Bool
    /// The conversation begins with this message.
    package var beginsConversation: Bool
    /// The recipient was not known before: his name. Empty otherwise.
    package var newRecipient: [UInt8]
    /// Where the body lies in the encoded record.
    package var body: ByteRange
}

/// One session's new cursor.
package struct CursorRecord: Equatable, Sendable {
    package var session: SessionID
    package var attach: AttachNumber
    package var position: Position
    package var ordinal: UInt32
    package var cumulativeBytes: UInt32
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
}

/// Messages that left an inbox without acknowledgement.
package struct EvictedRecord: Equatable, Sendable {
    package var user: UInt64
    package var through: InboxEntry
    package var reason: GapReason
}

/// What a journal entry says.
package enum Record: Equatable, Sendable {
    case message(MessageRecord)
    case cursors([CursorRecord])
    case sessionBegun(SessionBegunRecord)
    case sessionEnded(SessionID, hasExpired: Bool)
    case evicted(EvictedRecord)
    /// The session was seen at this age, so that it doesn't expire.
    case seen(SessionID, age: UInt32)
    /// What stood here can't be read any more. A repair puts it in the place of a message that inboxes hold, whose owners get a `GAP`
    /// then; behind the checkpoint it names the users (by number) whose inboxes the message was, or may have been, for.
    case lost([UInt64])

    private enum Kind: UInt8, CaseIterable {
        case message = 1
        case cursors, sessionBegun, sessionEnded, evicted, seen, lost
    }

    /// Appends the encoded record. A message's body is `body`, and its `body` range is ignored.
    package func encode(body: ArraySlice<UInt8> = [], into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(bigEndian: UInt32(0))
        switch self {
        case .message(let message):
            bytes.append(Kind.message.rawValue)
            message.encodeFields(into: &bytes)
            bytes.append(contentsOf: body)
        case .cursors(let cursors):
            bytes.append(Kind.cursors.rawValue)
            for cursor in cursors {
                bytes.append(bigEndian: cursor.session.rawValue)
                bytes.append(bigEndian: cursor.attach.rawValue)
                InboxEntry(position: cursor.position, ordinal: cursor.ordinal, cumulativeBytes: cursor.cumulativeBytes).encode(into: &bytes)
            }
        case .sessionBegun(let begun):
            bytes.append(Kind.sessionBegun.rawValue)
            bytes.append(bigEndian: begun.session.rawValue)
            bytes.append(bigEndian: begun.attach.rawValue)
            bytes.append((begun.isSendOnly ? 1 : 0) | (begun.isService ? 2 : 0) | (begun.deviceHasSent ? 4 : 0))
            begun.cursor.encode(into: &bytes)
            bytes.append(bigEndian: begun.age)
            bytes.append(text: begun.device)
            bytes.append(text: begun.newUser)
            // Behind all others, where a reader that doesn't know it stops.
            if begun.predecessor != 0 { bytes.append(bigEndian: begun.predecessor) }
        case .sessionEnded(let session, let hasExpired):
            bytes.append(Kind.sessionEnded.rawValue)
            bytes.append(bigEndian: session.rawValue)
            bytes.append(hasExpired ? 1 : 0)
        case .evicted(let evicted):
            bytes.append(Kind.evicted.rawValue)
            bytes.append(bigEndian: evicted.user)
            evicted.through.encode(into: &bytes)
            bytes.append(evicted.reason.rawValue)
        case .seen(let session, let age):
            bytes.append(Kind.seen.rawValue)
            bytes.append(bigEndian: session.rawValue)
            bytes.append(bigEndian: age)
        case .lost(let users):
            bytes.append(Kind.lost.rawValue)
            for user in users { bytes.append(bigEndian: user) }
        }
        let checksum = bytes.span.checksumOfRecord(start..<bytes.count)
        bytes.replace(at: start, bigEndian: checksum)
    }

    /// Whether the checksum fits. Cheap enough for every read.
    package static func isIntact(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= 5 else { return false }
        var reader = ByteReader(bytes)
        return reader.integer(UInt32.self) == bytes.checksumOfRecord(0..<bytes.count)
    }

    /// - Throws: `.newerFormat` when the record is whole and of a kind that only a later version knows: it is no damage, and nothing may be made of it.
    static func requireKnown(_ bytes: Span<UInt8>, at position: Position) throws(StorageError) {
        guard bytes.count >= 5, bytes[4] > Kind.allCases.count, isIntact(bytes) else { return }
        throw StorageError(
            .newerFormat,
            "The journal's record at position \(position.rawValue) is of kind \(bytes[4]), which only a later version of holdfast knows: nothing "
                + "was changed. Use the version that wrote it, or a later one.")
    }

    /// Decodes a record.
    /// - Returns: nil when the checksum or the format is wrong. Total: no input traps.
    package static func decode(_ bytes: Span<UInt8>) -> Record? {
        isIntact(bytes) ? decodeFields(bytes) : nil
    }

    /// What a record that doesn't pass its checksum seems to say: to be believed only where something else says the same.
    static func decodeFields(_ bytes: Span<UInt8>) -> Record? {
        guard bytes.count >= 5 else { return nil }
        var reader = ByteReader(bytes, from: 4)
        guard let type = reader.integer(UInt8.self), let kind = Kind(rawValue: type) else { return nil }
        switch kind {
        case .message:
            guard var message = MessageRecord(decoding: &reader) else { return nil }
            message.body = reader.offset..<bytes.count
            return .message(message)
        case .cursors:
            var cursors: [CursorRecord] = []
            while reader.remaining > 0 {
                guard let session = reader.integer(UInt64.self), let attach = reader.integer(UInt32.self),
                    let entry = InboxEntry(decoding: &reader)
                else { return nil }
                cursors.append(
                    CursorRecord(
                        session: SessionID(rawValue: session), attach: AttachNumber(rawValue: attach), position: entry.position,
                        ordinal: entry.ordinal, cumulativeBytes: entry.cumulativeBytes))
            }
            return .cursors(cursors)
        case .sessionBegun: return SessionBegunRecord(decoding: &reader).map(Record.sessionBegun)
        case .sessionEnded:
            guard let session = reader.integer(UInt64.self), let hasExpired = reader.integer(UInt8.self) else { return nil }
            return .sessionEnded(SessionID(rawValue: session), hasExpired: hasExpired != 0)
        case .evicted:
            guard let user = reader.integer(UInt64.self), let through = InboxEntry(decoding: &reader),
                let reason = reader.integer(UInt8.self).flatMap(GapReason.init(rawValue:))
            else { return nil }
            return .evicted(EvictedRecord(user: user, through: through, reason: reason))
        case .seen:
            guard let session = reader.integer(UInt64.self), let age = reader.integer(UInt32.self) else { return nil }
            return .seen(SessionID(rawValue: session), age: age)
        case .lost:
            var users: [UInt64] = []
            while reader.remaining > 0 {
                guard let user = reader.integer(UInt64.self) else { return nil }
                users.append(user)
            }
            return .lost(users)
        }
    }
}

extension MessageRecord {
    /// Bytes of a record over its body, without a new recipient's name.
    package static let overheadBytes = 4 + 1 + 62

    fileprivate func encodeFields(into bytes: inout [UInt8]) {
        bytes.append(addingCapacity: Self.overheadBytes) { (out: inout OutputSpan<UInt8>) in
            out.append(kind.rawValue | (echoes ? 0x20 : 0) | (beginsConversation ? 0x40 : 0) | (newRecipient.isEmpty ? 0 : 0x80))
            out.append(bigEndian: session.rawValue)
            out.append(bigEndian: attach.rawValue)
            out.append(bigEndian: sequence.rawValue)
            out.append(bigEndian: conversation.rawValue)
            out.append(bigEndian: sender)
            out.append(bigEndian: recipient)
            out.append(bigEndian: time)
            out.append(bigEndian: age)
        }
        if !newRecipient.isEmpty { bytes.append(text: newRecipient) }
    }

    @_lifetime(reader: copy reader)
    fileprivate init?(decoding reader: inout ByteReader) {
        guard let flags = reader.integer(UInt8.self), let kind = MessageKind(rawValue: flags & 0x1F),
            let session = reader.integer(UInt64.self), let attach = reader.integer(UInt32.self),
            let sequence = reader.integer(UInt64.self), let conversation = reader.integer(UInt64.self),
            let sender = reader.integer(UInt64.self), let recipient = reader.integer(UInt64.self),
            let time = reader.integer(UInt64.self), let age = reader.integer(UInt32.self)
        else { return nil }
        var name: [UInt8] = []
        if flags & 0x80 != 0 {
            guard let text = reader.text(), !text.isEmpty else { return nil }
            name = text
        }
        self.init(
            session: SessionID(rawValue: session), attach: AttachNumber(rawValue: attach), sequence: MessageSequence(rawValue: sequence),
            conversation: ConversationNumber(rawValue: conversation), sender: sender, recipient: recipient, time: time, age: age,
            kind: kind, echoes: flags & 0x20 != 0, beginsConversation: flags & 0x40 != 0, newRecipient: name, body: 0..<0)
    }
}

extension SessionBegunRecord {
    @_lifetime(reader: copy reader)
    fileprivate init?(decoding reader: inout ByteReader) {
        guard let session = reader.integer(UInt64.self), let attach = reader.integer(UInt32.self), let flags = reader.integer(UInt8.self),
            let cursor = InboxEntry(decoding: &reader), let age = reader.integer(UInt32.self), let device = reader.text(),
            let user = reader.text()
        else { return nil }
        self.init(
            session: SessionID(rawValue: session), attach: AttachNumber(rawValue: attach), isSendOnly: flags & 1 != 0,
            isService: flags & 2 != 0, deviceHasSent: flags & 4 != 0, cursor: cursor, age: age, device: device, newUser: user,
            predecessor: reader.integer(UInt32.self) ?? 0)
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

extension Span<UInt8> {
    fileprivate func checksumOfRecord(_ range: Range<Int>) -> UInt32 {
        CRC32C.checksum(self, range.lowerBound + 4..<range.upperBound)
    }
}

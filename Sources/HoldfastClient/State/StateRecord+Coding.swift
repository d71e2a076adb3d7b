import HoldfastWire

// A record on the disk: a kind, then its fields; integers as varints, texts and bytes with their length.
extension StateRecord {
    private enum Kind {
        static let owner: UInt8 = 1
        static let welcomed: UInt8 = 2
        static let ticket: UInt8 = 3
        static let acknowledged: UInt8 = 4
        static let handedOver: UInt8 = 5
        static let enqueued: UInt8 = 6
        static let assigned: UInt8 = 7
        static let unassigned: UInt8 = 8
        static let stored: UInt8 = 9
        static let removed: UInt8 = 10
        static let conversation: UInt8 = 11
        static let conversationsForgotten: UInt8 = 12
        static let inputs: UInt8 = 13
        static let failed: UInt8 = 14
        static let failuresForgotten: UInt8 = 15
        static let nextID: UInt8 = 16
        static let sessionEnded: UInt8 = 17
        static let failureForgotten: UInt8 = 18
        static let attachRaised: UInt8 = 19
    }

    /// Appends the record.
    func encode(to out: inout [UInt8]) {
        switch self {
        case .owner(let user, let device):
            out.append(Kind.owner)
            out.append(counted: user.utf8)
            out.append(counted: device.utf8)
        case .welcomed(let session, let attach, let era, let cursor, let lastSequence):
            out.append(Kind.welcomed)
            out.append(varint: session.rawValue)
            out.append(varint: UInt64(attach.rawValue))
            out.append(era)
            out.append(varint: cursor.rawValue)
            out.append(varint: lastSequence.rawValue)
        case .attachRaised(let attach): out.append(Kind.attachRaised, UInt64(attach.rawValue))
        case .ticket(let bytes):
            out.append(Kind.ticket)
            out.append(counted: bytes)
        case .acknowledged(let position): out.append(Kind.acknowledged, position.rawValue)
        case .handedOver(let position): out.append(Kind.handedOver, position.rawValue)
        case .enqueued(let entry):
            out.append(Kind.enqueued)
            entry.encode(to: &out)
        case .assigned(let ids):
            out.append(Kind.assigned, UInt64(ids.count))
            for id in ids { out.append(varint: id) }
        case .unassigned(let from): out.append(Kind.unassigned, from.rawValue)
        case .stored(let through): out.append(Kind.stored, through.rawValue)
        case .removed(let id, let code): out.append(Kind.removed, id, UInt64(code?.rawValue ?? 0))
        case .conversation(let number, let peer):
            out.append(Kind.conversation, number.rawValue)
            out.append(counted: peer.utf8)
        case .conversationsForgotten: out.append(Kind.conversationsForgotten)
        case .inputs(let progress):
            out.append(Kind.inputs, progress.count)
            out.append(tag: progress.lastTag)
        case .failed(let failure):
            out.append(Kind.failed, failure.id, failure.inputNumber, UInt64(failure.code.rawValue))
            out.append(tag: failure.tag)
        case .failuresForgotten: out.append(Kind.failuresForgotten)
        case .failureForgotten(let id): out.append(Kind.failureForgotten, id)
        case .nextID(let id): out.append(Kind.nextID, id)
        case .sessionEnded: out.append(Kind.sessionEnded)
        }
    }

    /// Reads what `encode` wrote; all of `range`, nothing else.
    init(_ bytes: Span<UInt8>, _ range: ByteRange) throws(CloseCode) {
        var fields = FieldReader(range)
        switch try fields.byte(bytes) {
        case Kind.owner: self = .owner(user: try fields.name(bytes), device: try fields.name(bytes))
        case Kind.welcomed:
            self = .welcomed(
                session: SessionID(rawValue: try fields.varint(bytes)), attach: AttachNumber(rawValue: try fields.varint32(bytes)),
                era: try fields.byte(bytes), cursor: Position(rawValue: try fields.varint(bytes)),
                lastSequence: try fields.sequence(bytes))
        case Kind.attachRaised: self = .attachRaised(AttachNumber(rawValue: try fields.varint32(bytes)))
        case Kind.ticket: self = .ticket(try fields.blob(bytes))
        case Kind.acknowledged: self = .acknowledged(Position(rawValue: try fields.varint(bytes)))
        case Kind.handedOver: self = .handedOver(Position(rawValue: try fields.varint(bytes)))
        case Kind.enqueued: self = .enqueued(try OutboxEntry(bytes, &fields))
        case Kind.assigned:
            var ids: [UInt64] = []
            // One at a time, not reserved: the count may be any.
            for _ in 0..<(try fields.varint32(bytes)) { ids.append(try fields.varint(bytes)) }
            self = .assigned(ids)
        case Kind.unassigned: self = .unassigned(from: MessageSequence(rawValue: try fields.varint(bytes)))
        case Kind.stored: self = .stored(through: try fields.sequence(bytes))
        case Kind.removed:
            let id = try fields.varint(bytes)
            let code = try fields.varint32(bytes)
            self = .removed(id: id, code == 0 ? nil : try SendError.Code(stored: code))
        case Kind.conversation:
            self = .conversation(ConversationNumber(rawValue: try fields.varint(bytes)), peer: try fields.name(bytes))
        case Kind.conversationsForgotten: self = .conversationsForgotten
        case Kind.inputs: self = .inputs(InputProgress(count: try fields.varint(bytes), lastTag: try fields.tag(bytes)))
        case Kind.failed:
            let (id, number) = (try fields.varint(bytes), try fields.varint(bytes))
            let code = try SendError.Code(stored: try fields.varint32(bytes))
            self = .failed(FailedSend(id: id, tag: try fields.tag(bytes), inputNumber: number, code: code))
        case Kind.failuresForgotten: self = .failuresForgotten
        case Kind.failureForgotten: self = .failureForgotten(id: try fields.varint(bytes))
        case Kind.nextID: self = .nextID(try fields.varint(bytes))
        case Kind.sessionEnded: self = .sessionEnded
        default: throw .malformedFrame
        }
        try fields.finish()
    }
}

extension OutboxEntry {
    private static let conversationBit: UInt8 = 1
    private static let waitsBit: UInt8 = 2

    fileprivate func encode(to out: inout [UInt8]) {
        out.append(varint: id)
        var flags: UInt8 = waitsForRoom ? Self.waitsBit : 0
        if case .conversation = recipient { flags |= Self.conversationBit }
        out.append(flags)
        switch recipient {
        case .user(let name): out.append(counted: name.utf8)
        case .conversation(let number): out.append(varint: number)
        }
        out.append(kind.rawValue)
        out.append(tag: tag)
        out.append(varint: inputNumber)
        out.append(counted: body)
    }

    fileprivate init(_ bytes: Span<UInt8>, _ fields: inout FieldReader) throws(CloseCode) {
        let id = try fields.varint(bytes)
        let flags = try fields.byte(bytes)
        guard flags & ~(Self.conversationBit | Self.waitsBit) == 0 else { throw .malformedFrame }
        let recipient: Recipient =
            flags & Self.conversationBit != 0 ? .conversation(try fields.varint(bytes)) : .user(try fields.name(bytes))
        guard let kind = MessageKind(rawValue: try fields.byte(bytes)) else { throw .malformedFrame }
        let tag = try fields.tag(bytes)
        let inputNumber = try fields.varint(bytes)
        self.init(
            id: id, recipient: recipient, kind: kind, waitsForRoom: flags & Self.waitsBit != 0, tag: tag, inputNumber: inputNumber,
            body: try fields.blob(bytes))
    }
}

extension SendError.Code {
    fileprivate init(stored value: UInt32) throws(CloseCode) {
        guard let number = UInt16(exactly: value), let code = Self(rawValue: number) else { throw .malformedFrame }
        self = code
    }
}

extension [UInt8] {
    fileprivate mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    fileprivate mutating func append(_ kind: UInt8, _ values: UInt64...) {
        append(kind)
        for value in values { append(varint: value) }
    }

    fileprivate mutating func append(counted bytes: some Collection<UInt8>) {
        append(varint: UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    fileprivate mutating func append(tag: SendTag?) {
        append(tag == nil ? 0 : 1)
        guard let tag else { return }
        append(bigEndian: tag.high, byteCount: 8)
        append(bigEndian: tag.low, byteCount: 8)
    }
}

extension FieldReader {
    fileprivate mutating func blob(_ bytes: Span<UInt8>) throws(CloseCode) -> [UInt8] {
        let part = bytes.extracting(try counted(bytes))
        return unsafe part.withUnsafeBufferPointer { unsafe Array($0) }
    }

    fileprivate mutating func name(_ bytes: Span<UInt8>) throws(CloseCode) -> String {
        guard let name = String(validating: try blob(bytes), as: UTF8.self) else { throw .invalidText }
        return name
    }

    fileprivate mutating func tag(_ bytes: Span<UInt8>) throws(CloseCode) -> SendTag? {
        switch try byte(bytes) {
        case 0: return nil
        case 1: return SendTag(high: try integer(bytes, byteCount: 8), low: try integer(bytes, byteCount: 8))
        default: throw .malformedFrame
        }
    }
}

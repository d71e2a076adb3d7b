package import HoldfastWire

/// A stored message: one body for one or more recipients, at one position.
package struct MessageRecord: Equatable, Sendable {
    /// The session that sends. An account's request has the account's user in it and serial 0, which no session has.
    package var session: SessionID
    /// Of a session's message; else none.
    package var attach: AttachNumber
    package var sequence: MessageSequence
    /// What an account's request is known by; nil for a session's message.
    package var key: RequestKey?
    package var recipients: Recipients
    /// Milliseconds since 1970; the clock may have been set back since the record before (see `AgeClock`).
    package var time: UInt64
    /// The age clock, in seconds (see `AgeClock`).
    package var age: UInt32
    package var kind: MessageKind
    /// The message is also put into the sender's own inbox, for his other devices. Only a message with one recipient is.
    package var echoes: Bool
    /// Where the body lies in the encoded record.
    package var body: ByteRange
    /// What few messages have; nil, which costs no count of references: this one has nothing of it.
    private var extras: Extras?

    private struct ExtraFields {
        var newSender: [UInt8] = []
        var timeToLive: UInt32 = 0
        var tag: [UInt8] = []
        var isTracked = false
        var request: RequestNote?

        var isEmpty: Bool { newSender.isEmpty && timeToLive == 0 && tag.isEmpty && !isTracked && request == nil }
    }

    private final class Extras: Sendable {
        let fields: ExtraFields

        private init(_ fields: ExtraFields) { self.fields = fields }

        /// Not an initializer that fails: that allocates first.
        static func make(_ fields: ExtraFields) -> Extras? { fields.isEmpty ? nil : Extras(fields) }
    }

    package init(
        session: SessionID, attach: AttachNumber, sequence: MessageSequence, key: RequestKey? = nil, recipients: Recipients, time: UInt64,
        age: UInt32, kind: MessageKind, echoes: Bool, newSender: [UInt8] = [], timeToLive: UInt32 = 0, tag: [UInt8] = [],
        isTracked: Bool = false, request: RequestNote? = nil, body: ByteRange
    ) {
        self.session = session
        self.attach = attach
        self.sequence = sequence
        self.key = key
        self.recipients = recipients
        self.time = time
        self.age = age
        self.kind = kind
        self.echoes = echoes
        self.body = body
        extras = Extras.make(
            ExtraFields(newSender: newSender, timeToLive: timeToLive, tag: tag, isTracked: isTracked, request: request))
    }

    private var extraFields: ExtraFields {
        get { extras?.fields ?? ExtraFields() }
        set { extras = Extras.make(newValue) }
    }

    /// The sender was not known before: his name. Empty otherwise.
    package var newSender: [UInt8] {
        get { extras?.fields.newSender ?? [] }
        set { extraFields.newSender = newValue }
    }
    /// How long the message is worth something, in seconds; 0: for ever.
    package var timeToLive: UInt32 {
        get { extras?.fields.timeToLive ?? 0 }
        set { extraFields.timeToLive = newValue }
    }
    /// A word of the sender's for those who look for such messages; empty: none.
    package var tag: [UInt8] {
        get { extras?.fields.tag ?? [] }
        set { extraFields.tag = newValue }
    }
    /// Whether its delivery is an event of its own.
    package var isTracked: Bool {
        get { extras?.fields.isTracked ?? false }
        set { extraFields.isTracked = newValue }
    }
    /// What the ledger keeps of an account's request; nil: its key isn't kept.
    package var request: RequestNote? {
        get { extras?.fields.request }
        set { extraFields.request = newValue }
    }
    /// Whether the record names the sender for the first time.
    var hasNewSender: Bool { extras.map { !$0.fields.newSender.isEmpty } ?? false }

    /// Whether the message isn't worth anything any more.
    /// - Parameter age: what the age clock says.
    func isExpired(at age: UInt32) -> Bool {
        let seconds = timeToLive
        return seconds != 0 && age > self.age && age - self.age >= seconds
    }

    package static func == (left: MessageRecord, right: MessageRecord) -> Bool {
        left.session == right.session && left.attach == right.attach && left.sequence == right.sequence && left.key == right.key
            && left.recipients == right.recipients && left.time == right.time && left.age == right.age && left.kind == right.kind
            && left.echoes == right.echoes && left.body == right.body && left.newSender == right.newSender
            && left.timeToLive == right.timeToLive && left.tag == right.tag && left.isTracked == right.isTracked
            && left.request == right.request
    }

    /// One of the users whom a message is for, and what became of it there.
    package struct Recipient: Equatable, Sendable {
        /// 0: nobody has the name that the request says.
        package var user: UInt64
        package var conversation: ConversationNumber
        /// The conversation begins with this message.
        package var beginsConversation = false
        /// Why the message isn't in his inbox; nil: it is.
        package var refusal: RefusalCode?
        /// He was not known before: his name. Nil otherwise.
        package var newName: [UInt8]?

        package init(
            user: UInt64, conversation: ConversationNumber, beginsConversation: Bool = false, refusal: RefusalCode? = nil,
            newName: [UInt8]? = nil
        ) {
            self.user = user
            self.conversation = conversation
            self.beginsConversation = beginsConversation
            self.refusal = refusal
            self.newName = newName
        }
    }

    /// One recipient or more; mostly one, which costs no allocation.
    package struct Recipients: Equatable, Sendable, RandomAccessCollection {
        package var first: Recipient
        /// nil: there is one.
        private var others: [Recipient]?

        package init(_ first: Recipient) { self.first = first }

        /// There is at least one.
        init(_ all: [Recipient]) {
            first = all[0]
            others = all.count > 1 ? Array(all.dropFirst()) : nil
        }

        package var startIndex: Int { 0 }
        package var endIndex: Int { 1 + (others?.count ?? 0) }
        package subscript(index: Int) -> Recipient {
            guard index > 0, let others else { return first }
            return others[index - 1]
        }

        mutating func append(_ recipient: Recipient) {
            if others == nil { others = [] }
            others?.append(recipient)
        }

        /// The user's place among them; nil: it isn't for him.
        func of(_ user: UInt64) -> Recipient? { first.user == user ? first : others?.first { $0.user == user } }
    }

    /// The user who sends.
    package var sender: UInt64 { session.userNumber }

    /// Whom the record is the first to name.
    var newUsers: [(number: UInt64, name: [UInt8])] {
        var users = newSender.isEmpty ? [] : [(sender, newSender)]
        for recipient in recipients { if let name = recipient.newName { users.append((recipient.user, name)) } }
        return users
    }

    /// Whether it is in the user's inbox.
    func isFor(_ user: UInt64) -> Bool {
        if let recipient = recipients.of(user), recipient.refusal == nil { return true }
        return echoes && user == sender
    }

    /// As many users one request may name.
    package static let recipientsMax = 1_000
}

/// What an account's request is known by: a hash of the account and the key that the request came with.
package struct RequestKey: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// What the ledger keeps of a request, beside what its record says anyway.
package struct RequestNote: Equatable, Sendable {
    /// Whether the ledger had a row of the key, which this one replaces: a replay counts the keys by it.
    package enum Place: UInt8, Sendable {
        case new = 0
        case replaces = 1
        /// The checkpoint that ran at the time deletes an old row: the store says whether it was written.
        case newIfDeleted = 2
    }

    /// The age clock in seconds: the key is kept while that is lower.
    package var until: UInt32
    /// A hash of the request, or of an upload's lines up to this one.
    package var fingerprint: UInt64
    /// Which line of its upload it is, from 1; 0: the request is no upload.
    package var line: UInt32
    package var place: Place

    package init(until: UInt32, fingerprint: UInt64, line: UInt32 = 0, place: Place = .new) {
        self.until = until
        self.fingerprint = fingerprint
        self.line = line
        self.place = place
    }
}

// Layout of the fields: flags u8 (kind in five bits, echoes, key, options) | user varint | serial, attach, sequence varints, or the key, 16 bytes |
// time u64 | age u32 | count of recipients varint, 0 being kept for a group's number | recipients | options | body up to the end.
// A recipient: user varint | conversation varint | flags u8 (begins, name, refused) | name | code of the refusal varint.
// Options: bytes varint | one after the other: number varint, bytes varint, value. Who doesn't know an even number skips it; an odd one is needed to
// understand the message.
extension MessageRecord {
    private enum Flag {
        static let echoes: UInt8 = 0x20
        static let hasKey: UInt8 = 0x40
        static let hasOptions: UInt8 = 0x80
    }

    private enum Option: UInt64 {
        /// The name of a sender who is new.
        case newSender = 1
        /// Seconds, varint.
        case timeToLive = 2
        /// until varint | line varint | place u8 | fingerprint u64. It must be understood, or the key would be forgotten.
        case request = 3
        case tag = 4
        /// Without a value.
        case tracked = 6
    }

    /// The most that checksum, kind, and the fields up to the first recipient's name take.
    private static let headBytesMax = 5 + 48 + Recipient.headBytesMax

    /// Appends the encoded record. Its `body` range is ignored.
    func encode(body: ArraySlice<UInt8>, into bytes: inout [UInt8]) {
        precondition(recipients.count <= Self.recipientsMax, "a record names as many users as a request may")
        assert(key == nil || session.serial == 0, "a session sends, or an account with a key")
        let start = bytes.count
        let hasOptions = extras != nil
        let flags = kind.rawValue | (echoes ? Flag.echoes : 0) | (key == nil ? 0 : Flag.hasKey) | (hasOptions ? Flag.hasOptions : 0)
        let (session, attach, sequence, key, time, age) = (session, attach, sequence, key, time, age)
        let (count, first) = (recipients.count, recipients.first.head)
        // One piece, which is made for each message, of plain values: the record isn't captured, which would copy it.
        bytes.append(addingCapacity: Self.headBytesMax) { (out: inout OutputSpan<UInt8>) in
            out.append(bigEndian: UInt32(0))
            out.append(RecordKind.message.rawValue)
            out.append(flags)
            out.append(varint: session.userNumber)
            if let key {
                out.append(bigEndian: key.high)
                out.append(bigEndian: key.low)
            } else {
                out.append(varint: UInt64(session.serial))
                out.append(varint: UInt64(attach.rawValue))
                out.append(varint: sequence.rawValue)
            }
            out.append(bigEndian: time)
            out.append(bigEndian: age)
            out.append(varint: UInt64(count))
            first.encode(into: &out)
        }
        recipients.first.encodeRest(into: &bytes)
        if count > 1 {
            for recipient in recipients.dropFirst() { recipient.encode(into: &bytes) }
        }
        if hasOptions {
            let options = encodedOptions
            bytes.append(varint: UInt64(options.count))
            bytes.append(contentsOf: options)
        }
        bytes.append(contentsOf: body)
        bytes.seal(from: start)
    }

    private var encodedOptions: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ option: Option, _ value: [UInt8]) {
            bytes.append(varint: option.rawValue)
            bytes.append(varint: UInt64(value.count))
            bytes.append(contentsOf: value)
        }
        if !newSender.isEmpty { append(.newSender, newSender) }
        if timeToLive != 0 {
            var value: [UInt8] = []
            value.append(varint: UInt64(timeToLive))
            append(.timeToLive, value)
        }
        if let request {
            var value: [UInt8] = []
            value.append(varint: UInt64(request.until))
            value.append(varint: UInt64(request.line))
            value.append(request.place.rawValue)
            value.append(bigEndian: request.fingerprint)
            append(.request, value)
        }
        if !tag.isEmpty { append(.tag, tag) }
        if isTracked { append(.tracked, []) }
        return bytes
    }

    /// - Parameters:
    ///   - user: of the recipients only this one is wanted; nil: all.
    ///   - isOfLaterVersion: set when the record has something that must be understood and isn't.
    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader, of user: UInt64?, _ isOfLaterVersion: inout Bool) {
        guard let flags = reader.integer(UInt8.self), let kind = MessageKind(rawValue: flags & 0x1F),
            let sender = reader.varint(UInt64.self),
            sender < 1 << 40
        else { return nil }
        var message = MessageRecord(
            session: SessionID(user: sender, serial: 0), attach: .none, sequence: .none, key: nil,
            recipients: Recipients(Recipient(user: 0, conversation: ConversationNumber(rawValue: 0))), time: 0, age: 0, kind: kind,
            echoes: flags & Flag.echoes != 0, body: 0..<0)
        if flags & Flag.hasKey != 0 {
            guard let high = reader.integer(UInt64.self), let low = reader.integer(UInt64.self) else { return nil }
            message.key = RequestKey(high: high, low: low)
        } else {
            guard let serial = reader.varint(UInt32.self), serial < 1 << 24, let attach = reader.varint(UInt32.self),
                let sequence = reader.varint(UInt64.self)
            else { return nil }
            message.session = SessionID(user: sender, serial: serial)
            message.attach = AttachNumber(rawValue: attach)
            message.sequence = MessageSequence(rawValue: sequence)
        }
        guard let time = reader.integer(UInt64.self), let age = reader.integer(UInt32.self), let count = reader.varint(UInt32.self) else {
            return nil
        }
        message.time = time
        message.age = age
        guard (1...Self.recipientsMax).contains(Int(count)) else {
            isOfLaterVersion = true
            return nil
        }
        guard message.decodeRecipients(Int(count), of: user, &reader) else { return nil }
        if flags & Flag.hasOptions != 0 { guard message.decodeOptions(&reader, &isOfLaterVersion) else { return nil } }
        self = message
    }

    @_lifetime(reader: copy reader)
    private mutating func decodeRecipients(_ count: Int, of user: UInt64?, _ reader: inout ByteReader) -> Bool {
        var isFound = false
        for index in 0..<count {
            guard let recipient = Recipient(decoding: &reader) else { return false }
            if let user {
                guard recipient.user == user || index == 0, !isFound else { continue }
                recipients = Recipients(recipient)
                isFound = recipient.user == user
            } else if index == 0 {
                recipients = Recipients(recipient)
            } else {
                recipients.append(recipient)
            }
        }
        return true
    }

    @_lifetime(reader: copy reader)
    private mutating func decodeOptions(_ reader: inout ByteReader, _ isOfLaterVersion: inout Bool) -> Bool {
        guard let count = reader.varint(UInt32.self), count <= reader.remaining else { return false }
        let end = reader.offset + Int(count)
        while reader.offset < end {
            guard let number = reader.varint(UInt64.self), let size = reader.varint(UInt32.self), reader.offset + Int(size) <= end else {
                return false
            }
            let next = reader.offset + Int(size)
            switch Option(rawValue: number) {
            case .newSender: newSender = reader.bytes(Int(size)) ?? []
            case .timeToLive:
                guard let seconds = reader.varint(UInt32.self), reader.offset <= next else { return false }
                timeToLive = seconds
            case .request:
                guard let until = reader.varint(UInt32.self), let line = reader.varint(UInt32.self),
                    let place = reader.integer(UInt8.self).flatMap(RequestNote.Place.init(rawValue:)),
                    let fingerprint = reader.integer(UInt64.self), reader.offset <= next
                else { return false }
                request = RequestNote(until: until, fingerprint: fingerprint, line: line, place: place)
            case .tag: tag = reader.bytes(Int(size)) ?? []
            case .tracked: isTracked = true
            case nil:
                guard number.isMultiple(of: 2) else {
                    isOfLaterVersion = true
                    return false
                }
            }
            // A value may have got longer in a later version.
            _ = reader.range(next - reader.offset)
        }
        return reader.offset == end
    }

    /// A message of format 1: of one recipient, with fields of fixed width.
    @_lifetime(reader: copy reader)
    init?(decodingFormat1 reader: inout ByteReader) {
        guard let flags = reader.integer(UInt8.self), let kind = MessageKind(rawValue: flags & 0x1F),
            let session = reader.integer(UInt64.self), let attach = reader.integer(UInt32.self),
            let sequence = reader.integer(UInt64.self), let conversation = reader.integer(UInt64.self),
            let sender = reader.integer(UInt64.self), sender == session >> 24, let user = reader.integer(UInt64.self),
            let time = reader.integer(UInt64.self), let age = reader.integer(UInt32.self)
        else { return nil }
        var recipient = Recipient(
            user: user, conversation: ConversationNumber(rawValue: conversation), beginsConversation: flags & 0x40 != 0)
        if flags & 0x80 != 0 {
            guard let text = reader.text(), !text.isEmpty else { return nil }
            recipient.newName = text
        }
        self.init(
            session: SessionID(rawValue: session), attach: AttachNumber(rawValue: attach), sequence: MessageSequence(rawValue: sequence),
            recipients: Recipients(recipient), time: time, age: age, kind: kind, echoes: flags & 0x20 != 0, body: 0..<0)
    }
}

extension MessageRecord.Recipient {
    private enum Flag {
        static let begins: UInt8 = 1
        static let hasName: UInt8 = 2
        static let isRefused: UInt8 = 4
    }

    /// The most that the fields before the name take, and what a varint demands.
    fileprivate static let headBytesMax = 21 + 10

    fileprivate func encode(into bytes: inout [UInt8]) {
        let head = head
        bytes.append(addingCapacity: Self.headBytesMax) { (out: inout OutputSpan<UInt8>) in head.encode(into: &out) }
        encodeRest(into: &bytes)
    }

    /// The fields before the name.
    fileprivate struct Head {
        let user: UInt64
        let conversation: UInt64
        let flags: UInt8

        @inline(__always)
        @_lifetime(out: copy out)
        func encode(into out: inout OutputSpan<UInt8>) {
            out.append(varint: user)
            out.append(varint: conversation)
            out.append(flags)
        }
    }

    fileprivate var head: Head {
        Head(
            user: user, conversation: conversation.rawValue,
            flags: (beginsConversation ? Flag.begins : 0) | (newName == nil ? 0 : Flag.hasName) | (refusal == nil ? 0 : Flag.isRefused))
    }

    @inline(__always)
    fileprivate func encodeRest(into bytes: inout [UInt8]) {
        if let newName { bytes.append(text: newName) }
        if let refusal { bytes.append(varint: UInt64(refusal.rawValue)) }
    }

    @_lifetime(reader: copy reader)
    fileprivate init?(decoding reader: inout ByteReader) {
        guard let user = reader.varint(UInt64.self), let conversation = reader.varint(UInt64.self), let flags = reader.integer(UInt8.self)
        else { return nil }
        self.init(
            user: user, conversation: ConversationNumber(rawValue: conversation), beginsConversation: flags & Flag.begins != 0)
        if flags & Flag.hasName != 0 {
            guard let text = reader.text(), !text.isEmpty else { return nil }
            newName = text
        }
        if flags & Flag.isRefused != 0 {
            guard let code = reader.varint(UInt16.self) else { return nil }
            // A code of a later version is a refusal all the same.
            refusal = RefusalCode(rawValue: code) ?? .overloaded
        }
    }
}

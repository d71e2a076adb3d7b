package import HoldfastWire

// What comes through a port: requests without a connection, of backends and operators. A port is a door of the core like an event loop, with
// credits of its own; its answers go to reply numbers, and nobody in the core waits for it.

/// Where the answer to a request goes: a port's door, and a number that the port has given out once.
package struct ReplyID: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// door: 8 bits, plus one | number: 56 bits
    package init(door: Int, number: UInt64) { rawValue = UInt64(door + 1) << 56 | number & (1 << 56 - 1) }
    package var door: Int { Int(rawValue >> 56) - 1 }
    package var number: UInt64 { rawValue & (1 << 56 - 1) }
}

/// A message of an account's to some users, stored as one record. Text and body are ranges of the batch's `bytes`.
package struct PushCommand: Sendable {
    package var reply: ReplyID
    /// Those of one upload have the same, so that they are stored in their order.
    package var order: OrderKey
    /// The name of the user who sends; one who isn't known begins with this.
    package var account: ByteRange { accountRange.range }
    /// Names, each with its length in a byte before it.
    package var recipients: ByteRange { recipientsRange.range }
    /// 1 to `MessageRecord.recipientsMax`.
    package var recipientCount: Int { Int(count) }
    /// Whether a name that nobody has is refused; else a user begins with the message.
    package var mustExist: Bool
    /// Whether the message's delivery is an event of its own.
    package var isTracked: Bool
    package var key: RequestKey
    /// A hash of what is asked for; of an upload's line a hash of all lines up to this one.
    package var fingerprint: UInt64
    /// Which line of its upload it is, from 1; 0: it is no upload's.
    package var line: UInt32
    /// For how many seconds the message is worth something; 0: for ever.
    package var timeToLive: UInt32
    package var kind: MessageKind
    package var tag: ByteRange { tagRange.range }
    package var body: ByteRange { bodyRange.range }
    private let accountRange, recipientsRange, tagRange, bodyRange: HalfRange
    private let count: UInt16

    package init(
        reply: ReplyID, order: OrderKey, account: ByteRange, recipients: ByteRange, recipientCount: Int, mustExist: Bool, key: RequestKey,
        fingerprint: UInt64, line: UInt32 = 0, timeToLive: UInt32 = 0, isTracked: Bool = false, kind: MessageKind, tag: ByteRange,
        body: ByteRange
    ) {
        precondition((1...MessageRecord.recipientsMax).contains(recipientCount), "a port checks how many users a request names")
        self.reply = reply
        self.order = order
        self.mustExist = mustExist
        self.isTracked = isTracked
        self.key = key
        self.fingerprint = fingerprint
        self.line = line
        self.timeToLive = timeToLive
        self.kind = kind
        accountRange = HalfRange(account)
        recipientsRange = HalfRange(recipients)
        tagRange = HalfRange(tag)
        bodyRange = HalfRange(body)
        count = UInt16(recipientCount)
    }
}

/// A range of a batch's bytes in half of the room: a command is as large as its largest case.
struct HalfRange: Sendable {
    private let start, end: UInt32

    init(_ range: ByteRange) {
        start = UInt32(range.lowerBound)
        end = UInt32(range.upperBound)
    }

    var range: ByteRange { Int(start)..<Int(end) }
}

/// A `HoldRequest`, encoded in a range of the batch's `bytes`.
package struct HoldCommand: Sendable {
    let range: ByteRange

    func request(_ bytes: [UInt8]) -> HoldRequest {
        guard let request = HoldRequest(encoded: bytes[range]) else { preconditionFailure("a command's hold was made by `HoldRequest`") }
        return request
    }
}

/// A consumer of the feed stands for a device of a user: what it has read has left the inbox as what a phone acknowledges. Texts are ranges of the batch's
/// `bytes`.
package struct ConsumeCommand: Sendable {
    private let userRange, deviceRange: HalfRange
    /// Zero: nothing yet; the device's session begins, so that the inbox waits for it.
    let through: Position

    var user: ByteRange { userRange.range }
    var device: ByteRange { deviceRange.range }

    fileprivate init(user: ByteRange, device: ByteRange, through: Position) {
        userRange = HalfRange(user)
        deviceRange = HalfRange(device)
        self.through = through
    }
}

/// A question for events of the feed. The names are ranges of the batch's `bytes`, empty where there are none.
package struct FeedQuestion: Sendable {
    let after: FeedPlace
    let types: FeedEventTypes
    let limit: UInt16
    let wantsBodies: Bool
    fileprivate let userRange, tagRange, consumerRange: HalfRange

    /// The name of the user whom the filter names.
    var user: ByteRange { userRange.range }
    var tag: ByteRange { tagRange.range }
    /// The name of the consumer who asks.
    var consumer: ByteRange { consumerRange.range }
    var byteCount: Int { user.count + tag.count + consumer.count }
}

/// What somebody wants to know. A question changes nothing.
package enum Question: Sendable {
    /// The sessions of the user with this name, which is a range of the batch's `bytes`.
    case sessions(user: ByteRange)
    /// What waits for the user with this name.
    case inbox(user: ByteRange)
    /// All that is known of the user with this name.
    case user(user: ByteRange)
    /// Users by rising number, from after one on, a page of those whose names begin with the prefix.
    case users(after: UInt64, prefix: ByteRange, limit: Int)
    /// Rows of the audit log by rising position, from after one on, a page of them.
    case audit(after: Position, limit: Int)
    /// What became of the message at a position.
    case message(Position)
    /// What became of the request with this key.
    case request(RequestKey)
    /// Whether each of the users with these names (each with its length in a byte before it) can be reached, and how many there are.
    case reachability(ByteRange, count: Int)
    /// Connected sessions from a place of the table on, a page of them; of one user if it says so.
    case connections(user: ByteRange?, from: Int, limit: Int)
    /// Events of the feed that follow a place.
    case events(FeedQuestion)
    /// All consumers of the feed.
    case consumers

    var byteCount: Int {
        switch self {
        case .sessions(let user), .inbox(let user), .user(let user): user.count
        case .users(_, let prefix, _): prefix.count
        case .reachability(let names, _): names.count
        case .connections(let user, _, _): user?.count ?? 0
        case .events(let question): question.byteCount
        case .message, .request, .audit, .consumers: 0
        }
    }

    /// Rows that it names.
    var credits: Int {
        switch self {
        case .reachability(_, let count): count
        default: 1
        }
    }
}

/// What becomes of a hold.
package enum HoldRequest: Equatable, Sendable {
    /// Sets it, or moves the floor of one that there is and changes its limits. A floor below what is whole is raised to that; the answer names it.
    case set(HoldName, Hold)
    /// The same of a consumer of the feed.
    case register(HoldName, Registration)
    /// The consumer has everything up to a place.
    case acknowledge(HoldName, FeedPlace)
    case release(HoldName)

    package struct Registration: Equatable, Sendable {
        package var filter: FeedFilter
        package var start: FeedStart
        /// At most 16 names.
        package var users: [[UInt8]]
        /// As a hold's.
        package var ageMax: UInt32
        package var bytesMax: UInt64

        package init(filter: FeedFilter, start: FeedStart, users: [[UInt8]] = [], ageMax: UInt32, bytesMax: UInt64) {
            self.filter = filter
            self.start = start
            self.users = users
            self.ageMax = ageMax
            self.bytesMax = bytesMax
        }
    }

    package var name: HoldName {
        switch self {
        case .set(let name, _), .register(let name, _), .acknowledge(let name, _), .release(let name): name
        }
    }
}

// what u8 | name | then what belongs to it. Between a port and the core only: it is stored nowhere.
extension HoldRequest {
    fileprivate func encode(into bytes: inout [UInt8]) {
        bytes.append(tag)
        bytes.append(name.kind.rawValue)
        bytes.append(text: name.id)
        switch self {
        case .set(_, let hold):
            hold.encode(into: &bytes)
            hold.consumer?.encode(into: &bytes)
        case .register(_, let registration):
            bytes.append(bigEndian: registration.ageMax)
            bytes.append(bigEndian: registration.bytesMax)
            registration.filter.encode(into: &bytes)
            registration.start.encode(into: &bytes)
            encodeUsers(registration.users, into: &bytes)
        case .acknowledge(_, let place): place.encode(into: &bytes)
        case .release: break
        }
    }

    private var tag: UInt8 {
        switch self {
        case .set: 0
        case .register: 1
        case .acknowledge: 2
        case .release: 3
        }
    }

    fileprivate init?(encoded: ArraySlice<UInt8>) {
        let bytes = Array(encoded)
        var reader = ByteReader(bytes.span)
        guard let tag = reader.integer(UInt8.self), let kind = reader.integer(UInt8.self), let id = reader.text(),
            let name = HoldName(kind, id)
        else { return nil }
        switch tag {
        case 0:
            guard let hold = Hold(decodingWhole: &reader) else { return nil }
            self = .set(name, hold)
        case 1:
            guard let age = reader.integer(UInt32.self), let bytesMax = reader.integer(UInt64.self),
                let filter = FeedFilter(decoding: &reader), let start = FeedStart(decoding: &reader),
                let users = decodeUsers(&reader)
            else { return nil }
            self = .register(name, Registration(filter: filter, start: start, users: users, ageMax: age, bytesMax: bytesMax))
        case 2:
            guard let place = FeedPlace(decoding: &reader) else { return nil }
            self = .acknowledge(name, place)
        case 3: self = .release(name)
        default: return nil
        }
    }
}

extension CommandBatch {
    /// Adds what becomes of a hold.
    package mutating func append(_ request: HoldRequest) -> HoldCommand {
        let start = bytes.count
        request.encode(into: &bytes)
        return HoldCommand(range: start..<bytes.count)
    }

    /// Adds what a consumer has read of an inbox.
    package mutating func appendConsumed(user: [UInt8], device: [UInt8], through position: Position) -> ConsumeCommand {
        ConsumeCommand(user: append(user), device: append(device), through: position)
    }

    /// Adds a question for events.
    /// - Parameters:
    ///   - consumer: the name of who asks; empty: it isn't a consumer.
    ///   - limit: 1 to 1,000.
    package mutating func appendEvents(
        after place: FeedPlace, _ filter: FeedFilter, consumer: [UInt8], limit: Int, wantsBodies: Bool
    ) -> Question {
        precondition((1...1_000).contains(limit), "a port checks how long a page may be")
        return .events(
            FeedQuestion(
                after: place, types: filter.types, limit: UInt16(limit), wantsBodies: wantsBodies,
                userRange: HalfRange(append(filter.user)), tagRange: HalfRange(append(filter.tag)),
                consumerRange: HalfRange(append(consumer))))
    }
}

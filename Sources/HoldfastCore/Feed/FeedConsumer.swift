import HoldfastWire

/// What a consumer of the feed has beside the hold that keeps its records: which events it wants, and how far it has them.
package struct FeedConsumer: Equatable, Sendable {
    package var filter: FeedFilter
    /// It has acknowledged everything up to here.
    package var place: FeedPlace
    /// What its hold gave up since then; it goes when the consumer has acknowledged what follows.
    package var missed: FeedPage.Missed?
    /// Names of users whose inboxes it reads: what it acknowledges leaves them. Who acknowledges for it does both.
    package var users: [[UInt8]]

    package init(filter: FeedFilter, place: FeedPlace, missed: FeedPage.Missed? = nil, users: [[UInt8]] = []) {
        self.filter = filter
        self.place = place
        self.missed = missed
        self.users = users
    }

    /// More are refused.
    package static let usersMax = 16

    private static let devicePrefix = Array("consumer:".utf8)

    /// The name of the device that a consumer is to the users whose inboxes it reads. No client logs in with it.
    package static func device(of consumer: [UInt8]) -> [UInt8] { devicePrefix + consumer }

    static func isDevice(_ name: [UInt8]) -> Bool { name.starts(with: devicePrefix) }

    /// The consumer whose device has the name.
    static func holdName(ofDevice name: [UInt8]) -> HoldName { HoldName(.consumer, Array(name.dropFirst(devicePrefix.count))) }

    /// The consumer has everything up to a place.
    mutating func acknowledge(_ place: FeedPlace) {
        assert(place > self.place, "an acknowledgement goes forward")
        self.place = place
        if let missed, missed.through <= place { self.missed = nil }
    }

    /// Its hold gave way.
    mutating func miss(through position: Position, _ cause: HoldCause) {
        let through = FeedPlace.end(of: position)
        guard through > place else { return }
        missed = .init(after: missed?.after ?? place, through: through, cause: cause)
    }
}

/// Where a consumer begins.
package enum FeedStart: Equatable, Sendable {
    /// Where it is, if it is known already; else with what comes.
    case kept
    /// With what comes.
    case newest
    /// With the oldest records that are whole.
    case oldest
    /// With what follows a place.
    case after(FeedPlace)
}

/// A consumer, as it is told to operators.
package struct ConsumerStatus: Equatable, Sendable {
    package var name: [UInt8]
    package var hold: Hold
    package var consumer: FeedConsumer
}

// types u16 | user | tag | place | count u8, users | flags u8 (missed) | then: after, through, cause u8. A place: position u64 | index u16.
extension FeedConsumer {
    func encode(into bytes: inout [UInt8]) {
        filter.encode(into: &bytes)
        place.encode(into: &bytes)
        encodeUsers(users, into: &bytes)
        bytes.append(missed == nil ? 0 : 1)
        guard let missed else { return }
        missed.after.encode(into: &bytes)
        missed.through.encode(into: &bytes)
        bytes.append((missed.cause ?? .set).rawValue)
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let filter = FeedFilter(decoding: &reader), let place = FeedPlace(decoding: &reader),
            let users = decodeUsers(&reader), let flags = reader.integer(UInt8.self)
        else { return nil }
        var missed: FeedPage.Missed?
        if flags & 1 != 0 {
            guard let after = FeedPlace(decoding: &reader), let through = FeedPlace(decoding: &reader),
                let cause = reader.integer(UInt8.self).flatMap(HoldCause.init(rawValue:))
            else { return nil }
            missed = .init(after: after, through: through, cause: cause)
        }
        self.init(filter: filter, place: place, missed: missed, users: users)
    }
}

func encodeUsers(_ users: [[UInt8]], into bytes: inout [UInt8]) {
    precondition(users.count <= FeedConsumer.usersMax, "a port checks how many inboxes a consumer reads")
    bytes.append(UInt8(users.count))
    for user in users { bytes.append(text: user) }
}

@_lifetime(reader: copy reader)
func decodeUsers(_ reader: inout ByteReader) -> [[UInt8]]? {
    guard let count = reader.integer(UInt8.self), count <= FeedConsumer.usersMax else { return nil }
    var users: [[UInt8]] = []
    for _ in 0..<count {
        guard let user = reader.text() else { return nil }
        users.append(user)
    }
    return users
}

extension FeedFilter {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(bigEndian: types.rawValue)
        bytes.append(text: user)
        bytes.append(text: tag)
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let types = reader.integer(UInt16.self), let user = reader.text(), let tag = reader.text() else { return nil }
        self.init(types: FeedEventTypes(rawValue: types), user: user, tag: tag)
    }
}

extension FeedPlace {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(bigEndian: position.rawValue)
        bytes.append(bigEndian: index)
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let position = reader.integer(UInt64.self), let index = reader.integer(UInt16.self) else { return nil }
        self.init(Position(rawValue: position), index)
    }
}

extension FeedStart {
    /// u8, and the place.
    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .kept: bytes.append(0)
        case .newest: bytes.append(1)
        case .oldest: bytes.append(2)
        case .after(let place):
            bytes.append(3)
            place.encode(into: &bytes)
        }
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        switch reader.integer(UInt8.self) {
        case 0: self = .kept
        case 1: self = .newest
        case 2: self = .oldest
        case 3:
            guard let place = FeedPlace(decoding: &reader) else { return nil }
            self = .after(place)
        default: return nil
        }
    }
}

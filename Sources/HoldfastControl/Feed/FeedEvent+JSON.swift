internal import Foundation
internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastWire

// Events as CloudEvents 1.0 in JSON: https://github.com/cloudevents/spec, "structured content mode".
extension FeedEvent {
    /// - Parameter source: the gateway, for who hears of several.
    func write(to json: inout JSONWriter, source: String) {
        json.beginEvent(place, source: source, type: type.name)
        if !subject.name.isEmpty { json.add("subject", name: subject.name) }
        if time != 0 { json.add("time", time: time) }
        if case .stored(let stored) = content, stored.timeToLive > 0, time != 0 {
            json.add("expirytime", time: time + UInt64(stored.timeToLive) * 1_000)
        }
        json.add("data") { writeData(to: &$0) }
    }

    private func writeData(to json: inout JSONWriter) {
        if case .act(let record) = content { return AuditEntry(position: place.position, record: record).write(to: &json) }
        json.add("user", subject)
        switch content {
        case .stored(let stored):
            json.add("position", place.position.rawValue)
            stored.write(to: &json)
        case .delivered(let delivered):
            json.add(delivered.session)
            json.add("from", delivered.from.rawValue)
            json.add("through", delivered.through.rawValue)
        case .deliveredMessage(let delivered):
            json.add(delivered.session)
            json.add("position", delivered.position.rawValue)
            if let message = delivered.message { json.add("message") { message.write(to: &$0) } }
        case .left(let left):
            json.add("from", left.from.rawValue)
            json.add("through", left.through.rawValue)
            json.add("count", Int(left.count))
            json.add("reason", "\(left.reason)")
            if !left.tracked.isEmpty { json.add("tracked", texts: left.tracked.map { "\($0.rawValue)" }) }
        case .sessionBegun(let session), .sessionRevoked(let session): json.add(session)
        case .sessionEnded(let session, let hasExpired):
            json.add(session)
            json.add("expired", hasExpired)
        case .userBlocked(let until, let reason):
            if until != 0 { json.add("until", time: UInt64(until) * 1_000) }
            if !reason.isEmpty { json.add("reason", name: reason) }
        case .damaged: json.add("position", place.position.rawValue)
        case .act: break
        }
    }
}

extension FeedEvent.Stored {
    fileprivate func write(to json: inout JSONWriter) {
        json.add("from", sender)
        json.add("session", session?.rawValue)
        json.add("kind", "\(kind)")
        json.add("bytes", bytes)
        if !tag.isEmpty { json.add("tag", name: tag) }
        json.add("tracked", isTracked)
        if timeToLive > 0 { json.add("ttlSeconds", Int(timeToLive)) }
        if let body { json.add(body: body) }
    }
}

extension FeedPage.Missed {
    func write(to json: inout JSONWriter) {
        json.add("after", "\(after)")
        json.add("through", "\(through)")
        json.add("reason", reason.rawValue)
    }

    private var reason: MissedReason {
        switch cause {
        case .ageLimit: .ageLimit
        case .bytesLimit: .bytesLimit
        case .noRoom: .noRoom
        case .set, .released, nil: .notHeld
        }
    }
}

/// Why events are gone for who asks for them.
enum MissedReason: String, CaseIterable {
    /// No consumer had the journal keep them.
    case notHeld
    /// They were older than the consumer's limit, more than its bytes, or the disk had no room.
    case ageLimit, bytesLimit, noRoom
}

/// What a stream tells beside the events of records, in their form.
enum FeedNotice {
    case missed(FeedPage.Missed)
    case rewound(to: FeedPlace)

    /// All of their types.
    static let names = ["feed.missed", "feed.rewound"]

    var name: String {
        switch self {
        case .missed: Self.names[0]
        case .rewound: Self.names[1]
        }
    }

    /// Who goes on behind it has been told.
    var place: FeedPlace {
        switch self {
        case .missed(let missed): missed.through
        case .rewound(let place): place
        }
    }

    func write(to json: inout JSONWriter, source: String) {
        json.beginEvent(place, source: source, type: name)
        json.add("data") { json in
            switch self {
            case .missed(let missed): missed.write(to: &json)
            case .rewound(let place): json.add("cursor", "\(place)")
            }
        }
    }
}

extension JSONWriter {
    /// What all events have.
    fileprivate mutating func beginEvent(_ place: FeedPlace, source: String, type: String) {
        add("specversion", "1.0")
        add("id", "\(place)")
        add("source", source)
        add("type", type)
        add("datacontenttype", "application/json")
        add("sequence", "\(place)")
    }

    /// A user by name; no member for one whose name isn't known any more.
    fileprivate mutating func add(_ member: StaticString, _ user: FeedEvent.User) {
        if !user.name.isEmpty { add(member, name: user.name) }
    }

    fileprivate mutating func add(_ session: FeedEvent.Session) {
        add("session", session.id.rawValue)
        if !session.device.isEmpty { add("device", name: session.device) }
    }

    /// A message's body as a push has it: as text if it is UTF-8.
    fileprivate mutating func add(body: [UInt8]) {
        if let text = String(validating: body, as: UTF8.self) { add("text", text) } else { add("base64", Data(body).base64EncodedString()) }
    }
}

package import HoldfastWire

/// The kinds of events that records make.
package enum FeedEventType: UInt8, CaseIterable, Sendable {
    case messageStored = 0
    case messageDelivered = 1
    case messageExpired = 2
    case messageEvicted = 3
    case sessionBegun = 4
    case sessionEnded = 5
    case sessionRevoked = 6
    case userBlocked = 7
    case auditAct = 8
    /// A record can't be read any more: what it said is lost to the feed. Every consumer gets it, whatever its filter.
    case recordDamaged = 9

    /// The CloudEvents `type`.
    package var name: String {
        switch self {
        case .messageStored: "message.stored"
        case .messageDelivered: "message.delivered"
        case .messageExpired: "message.expired"
        case .messageEvicted: "message.evicted"
        case .sessionBegun: "session.begun"
        case .sessionEnded: "session.ended"
        case .sessionRevoked: "session.revoked"
        case .userBlocked: "user.blocked"
        case .auditAct: "audit.act"
        case .recordDamaged: "feed.damaged"
        }
    }

    package init?(name: String) {
        guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = type
    }
}

/// A set of them.
package struct FeedEventTypes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package init(_ type: FeedEventType) { rawValue = 1 << type.rawValue }
    package static let all = FeedEventTypes(FeedEventType.allCases.map { FeedEventTypes($0) })

    package func contains(_ type: FeedEventType) -> Bool { contains(FeedEventTypes(type)) }

    /// In the order of their numbers.
    package var types: [FeedEventType] { FeedEventType.allCases.filter { contains($0) } }
}

/// Something that has happened, as a record says it: everything in it is the same whenever it is asked for.
package struct FeedEvent: Equatable, Sendable {
    /// A user, by number. The name is empty when it isn't known any more, or not yet by who reads the disk.
    package struct User: Equatable, Sendable {
        package var number: UInt64
        package var name: [UInt8] = []
    }

    package struct Session: Equatable, Sendable {
        package var id: SessionID
        /// Empty: a name that isn't known any more, because the device has a later session.
        package var device: [UInt8] = []
    }

    /// A message came into the inbox of the subject.
    package struct Stored: Equatable, Sendable {
        package var sender: User
        /// The session that sent it; nil: a backend did.
        package var session: SessionID?
        package var kind: MessageKind
        /// Of the body.
        package var bytes: Int
        package var tag: [UInt8]
        package var isTracked: Bool
        /// For how many seconds it is worth something; 0: for ever.
        package var timeToLive: UInt32
        /// Where it was asked for.
        package var body: [UInt8]?
    }

    /// A session of the subject has acknowledged everything after one position and through another.
    package struct Delivered: Equatable, Sendable {
        package var session: Session
        package var from: Position
        package var through: Position
    }

    /// A session of the subject is the first to have acknowledged a tracked message.
    package struct DeliveredMessage: Equatable, Sendable {
        package var session: Session
        package var position: Position
        /// What the message was; nil: its record is gone.
        package var message: Stored?
    }

    /// Messages left the inbox of the subject unacknowledged.
    package struct Left: Equatable, Sendable {
        /// After this one.
        package var from: Position
        package var through: Position
        package var count: UInt32
        package var reason: GapReason
        /// Tracked messages among them.
        package var tracked: [Position]
    }

    package enum Content: Equatable, Sendable {
        case stored(Stored)
        case delivered(Delivered)
        case deliveredMessage(DeliveredMessage)
        case left(Left)
        case sessionBegun(Session)
        case sessionEnded(Session, hasExpired: Bool)
        case sessionRevoked(Session)
        case userBlocked(until: UInt32, reason: [UInt8])
        case act(AuditRecord)
        case damaged
    }

    package var place: FeedPlace
    /// Milliseconds since 1970; 0: the record is of an earlier version and doesn't say.
    package var time: UInt64
    /// Number 0: nobody's.
    package var subject: User
    package var content: Content

    package var type: FeedEventType {
        switch content {
        case .stored: .messageStored
        case .delivered, .deliveredMessage: .messageDelivered
        case .left(let left): left.reason == .expired ? .messageExpired : .messageEvicted
        case .sessionBegun: .sessionBegun
        case .sessionEnded: .sessionEnded
        case .sessionRevoked: .sessionRevoked
        case .userBlocked: .userBlocked
        case .act: .auditAct
        case .damaged: .recordDamaged
        }
    }

    /// The message that the event is about, with its sender.
    var message: Stored? {
        get {
            switch content {
            case .stored(let stored): stored
            case .deliveredMessage(let delivered): delivered.message
            default: nil
            }
        }
        set {
            guard let newValue else { return }
            switch content {
            case .stored: content = .stored(newValue)
            case .deliveredMessage(var delivered):
                delivered.message = newValue
                content = .deliveredMessage(delivered)
            default: break
            }
        }
    }

    /// The session whose device the event names.
    var session: Session? {
        get {
            switch content {
            case .delivered(let delivered): delivered.session
            case .deliveredMessage(let delivered): delivered.session
            case .sessionBegun(let session), .sessionEnded(let session, _), .sessionRevoked(let session): session
            case .stored, .left, .userBlocked, .act, .damaged: nil
            }
        }
        set {
            guard let newValue else { return }
            switch content {
            case .delivered(var delivered):
                delivered.session = newValue
                content = .delivered(delivered)
            case .deliveredMessage(var delivered):
                delivered.session = newValue
                content = .deliveredMessage(delivered)
            case .sessionBegun: content = .sessionBegun(newValue)
            case .sessionEnded(_, let hasExpired): content = .sessionEnded(newValue, hasExpired: hasExpired)
            case .sessionRevoked: content = .sessionRevoked(newValue)
            case .stored, .left, .userBlocked, .act, .damaged: break
            }
        }
    }
}

/// Which events a consumer wants.
package struct FeedFilter: Equatable, Sendable {
    package var types: FeedEventTypes
    /// The name of the subject, or of a message's sender; empty: everybody's.
    package var user: [UInt8]
    /// Of a message: events that have no tag aren't wanted then. Empty: with any tag, or none.
    package var tag: [UInt8]

    package init(types: FeedEventTypes = .all, user: [UInt8] = [], tag: [UInt8] = []) {
        self.types = types
        self.user = user
        self.tag = tag
    }
}

/// Events that follow a place, and where to go on.
package struct FeedPage: Equatable, Sendable {
    /// What lies between two places of the feed is gone for who asks.
    package struct Missed: Equatable, Sendable {
        package var after: FeedPlace
        package var through: FeedPlace
        /// Why a consumer's hold gave way; nil: nothing held these records.
        package var cause: HoldCause?
    }

    package var events: [FeedEvent] = []
    /// The place behind everything that was looked at: it may be past the last event.
    package var next: FeedPlace
    /// Everything is looked at that is synced.
    package var isAtEnd = false
    /// Before the events.
    package var missed: Missed?
    /// The place asked for is of a future that a restored backup or a repair has undone: the events go on behind this place, which is the last one
    /// that is left of that time.
    package var rewoundTo: FeedPlace?
}

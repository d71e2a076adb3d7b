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
    package var key: RequestKey
    package var kind: MessageKind
    package var tag: ByteRange { tagRange.range }
    package var body: ByteRange { bodyRange.range }
    private let accountRange, recipientsRange, tagRange, bodyRange: HalfRange
    private let count: UInt16

    package init(
        reply: ReplyID, order: OrderKey, account: ByteRange, recipients: ByteRange, recipientCount: Int, mustExist: Bool, key: RequestKey,
        kind: MessageKind, tag: ByteRange, body: ByteRange
    ) {
        precondition((1...MessageRecord.recipientsMax).contains(recipientCount), "a port checks how many users a request names")
        self.reply = reply
        self.order = order
        self.mustExist = mustExist
        self.key = key
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

/// A `HoldRequest` whose name is a range of the batch's `bytes`.
package struct HoldCommand: Sendable {
    let kind: HoldName.Kind
    let id: ByteRange
    /// nil: it is let go of.
    let hold: Hold?

    func request(_ bytes: [UInt8]) -> HoldRequest {
        let name = HoldName(kind, [UInt8](bytes[id]))
        return hold.map { .set(name, $0) } ?? .release(name)
    }
}

/// What somebody wants to know. A question changes nothing.
package enum Question: Sendable {
    /// The sessions of the user with this name, which is a range of the batch's `bytes`.
    case sessions(user: ByteRange)
    /// What waits for the user with this name.
    case inbox(user: ByteRange)
    /// Users by rising number, from after one on, a page of them.
    case users(after: UInt64, limit: Int)
    /// Rows of the audit log by rising position, from after one on, a page of them.
    case audit(after: Position, limit: Int)

    var byteCount: Int {
        switch self {
        case .sessions(let user), .inbox(let user): user.count
        case .users, .audit: 0
        }
    }
}

/// What becomes of a hold.
package enum HoldRequest: Equatable, Sendable {
    /// Sets it, or moves the floor of one that there is and changes its limits. A floor below what is whole is raised to that; the answer names it.
    case set(HoldName, Hold)
    case release(HoldName)

    package var name: HoldName {
        switch self {
        case .set(let name, _), .release(let name): name
        }
    }
}

/// An answer, and whose.
package struct Reply: Sendable {
    package var id: ReplyID
    package var answer: PortAnswer

    package init(id: ReplyID, answer: PortAnswer) {
        self.id = id
        self.answer = answer
    }
}

/// What became of a request.
package enum PortAnswer: Equatable, Sendable {
    /// The message has this position; for each recipient, in the request's order, why it isn't in his inbox, or nil.
    case pushed(Position, [RefusalCode?])
    /// Nothing was stored.
    case refused(RefusalCode)
    /// What the user's sessions were at the position; nil: nobody has the name.
    case sessions(UserSessions?, at: Position)
    /// What waited for the user at the position; nil: nobody has the name.
    case inbox(UserInbox?, at: Position)
    /// The store has the name of the user who is asked for, and has lost the row: nothing is known of him before a repair.
    case userLost
    case users(UserPage, at: Position)
    /// The hold has this floor now, or had it when it was let go of: every record above it is there.
    case held(floor: Position, at: Position)
    case acted(ActResult, at: Position)
    case audit(AuditPage, at: Position)

    /// What the answer holds for: everything up to here is synced when it arrives. nil: it tells of nothing that is stored.
    package var position: Position? {
        switch self {
        case .pushed(let position, _), .sessions(_, at: let position), .inbox(_, at: let position), .users(_, at: let position),
            .held(_, at: let position), .acted(_, at: let position), .audit(_, at: let position):
            position
        case .refused, .userLost: nil
        }
    }
}

/// A user, and the sessions that are kept of him.
package struct UserSessions: Equatable, Sendable {
    package struct Session: Equatable, Sendable {
        package var id: SessionID
        package var isConnected: Bool
        package var isSendOnly: Bool
        package var hasEnded: Bool
        /// Of its last stored message.
        package var lastSequence: MessageSequence
        /// The last acknowledged position.
        package var cursor: Position
    }

    package var number: UInt64
    /// The newest first.
    package var sessions: [Session]
}

/// A user, and what waits in the inbox: what left it unacknowledged doesn't wait any more, and was or will be told by a `GAP`.
package struct UserInbox: Equatable, Sendable {
    package var number: UInt64
    /// Messages that not all of the user's receiving devices have acknowledged; without such a device, all since the last one went. A repair's
    /// notice of a loss counts as one, without bytes.
    package var messages: Int
    /// Of their bodies.
    package var bytes: Int
}

/// Some users in the order of their numbers.
package struct UserPage: Equatable, Sendable {
    package struct User: Equatable, Sendable {
        package var number: UInt64
        package var name: [UInt8]
    }

    package var users: [User]
    /// There may be more after the last one.
    package var hasMore: Bool
}

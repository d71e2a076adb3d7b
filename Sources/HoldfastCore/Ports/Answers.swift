package import HoldfastWire

// What a port is answered. A time is in milliseconds since 1970.

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
    case pushed(Pushed)
    /// Nothing of a push was stored.
    case refused(PushRefusal)
    /// What the user's sessions were at the position; nil: nobody has the name.
    case sessions(UserSessions?, at: Position)
    /// What waited for the user at the position; nil: nobody has the name.
    case inbox(UserInbox?, at: Position)
    /// nil: nobody has the name.
    case user(UserDetails?, at: Position)
    /// The store has the name of the user who is asked for, and has lost the row: nothing is known of him before a repair.
    case userLost
    case users(UserPage, at: Position)
    /// nil: there is no message at the position that was asked for. Either it was never one's, or the message is gone: everybody whom it was for
    /// has acknowledged it, or was told of its loss by a `GAP`.
    case message(MessageStatus?, at: Position)
    /// nil: the ledger doesn't have the key.
    case request(KeptRequest?, at: Position)
    /// For each name, in the order of the request.
    case reachability([Reachability], at: Position)
    case connections(ConnectionPage, at: Position)
    /// The hold has this floor now, or had it when it was let go of: every record above it is there.
    case held(floor: Position, at: Position)
    case acted(ActResult, at: Position)
    case audit(AuditPage, at: Position)
    /// A hold was refused: there are too many.
    case tooManyHolds
    /// What is acknowledged, or asked for as a beginning, is still to come.
    case placeAhead(newest: FeedPlace)
    /// Nobody has registered a consumer of the name.
    case noConsumer
    /// What a consumer has read has left the inbox.
    case consumed(at: Position)
    /// The user has as many sessions as a user may have: nothing was done.
    case tooManyDevices
    case events(FeedPage, at: Position)
    /// By name.
    case consumers([ConsumerStatus], at: Position)

    /// What the answer holds for: everything up to here is synced when it arrives. nil: it tells of nothing that is stored.
    package var position: Position? {
        switch self {
        case .pushed(let pushed): pushed.position
        case .sessions(_, at: let position), .inbox(_, at: let position), .user(_, at: let position), .users(_, at: let position),
            .message(_, at: let position), .request(_, at: let position), .reachability(_, at: let position),
            .connections(_, at: let position), .held(_, at: let position), .acted(_, at: let position), .audit(_, at: let position),
            .events(_, at: let position), .consumed(at: let position), .consumers(_, at: let position):
            position
        case .refused, .userLost, .tooManyHolds, .placeAhead, .noConsumer, .tooManyDevices: nil
        }
    }
}

/// A message that is stored, now or by an earlier request with the same key.
package struct Pushed: Equatable, Sendable {
    package var position: Position
    /// For each recipient, in the request's order, why it isn't in his inbox, or nil.
    package var refusals: [RefusalCode?]
    /// It was stored by an earlier request.
    package var isReplay: Bool
    /// How long the request's key is kept at least.
    package var keyKeptUntil: UInt64

    package init(position: Position, refusals: [RefusalCode?], isReplay: Bool = false, keyKeptUntil: UInt64 = 0) {
        self.position = position
        self.refusals = refusals
        self.isReplay = isReplay
        self.keyKeptUntil = keyKeptUntil
    }
}

/// Why nothing of a push was stored.
package enum PushRefusal: Equatable, Sendable {
    case bodyTooLarge(bytesMax: Int)
    /// A name is there twice.
    case recipientTwice
    /// The disk is nearly full.
    case storageFull
    /// The store has the account's name and has lost its row: nothing can be stored before a repair.
    case accountLost
    /// The account's user is blocked.
    case blocked
    /// The key was used for another request.
    case keyReused
    /// As many keys are kept as may be.
    case keysFull
    /// The line isn't the next one of its upload, which is this.
    case lineExpected(UInt32)
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

    package init(number: UInt64, messages: Int, bytes: Int) {
        self.number = number
        self.messages = messages
        self.bytes = bytes
    }
}

/// All that is known of a user.
package struct UserDetails: Equatable, Sendable {
    package struct Session: Equatable, Sendable {
        package var id: SessionID
        /// Empty: a name that isn't known any more.
        package var device: [UInt8]
        /// none: it isn't connected.
        package var connection: ConnectionHandle
        package var isSendOnly: Bool
        package var isService: Bool
        package var hasEnded: Bool
        package var hasExpired: Bool
        package var isRevoked: Bool
        package var lastSequence: MessageSequence
        package var cursor: Position
        /// When the session is known to have been there, to a day: now for one that is connected; nil for one that has ended.
        package var lastSeen: UInt64?
    }

    package struct Oldest: Equatable, Sendable {
        package var position: Position
        /// nil: the record is gone by now.
        package var time: UInt64?
        /// When it leaves the inbox unacknowledged; nil: never.
        package var expires: UInt64?
    }

    package var inbox: UserInbox
    /// Which tokens are good, and whether the user is blocked; a block may be over.
    package var access: UserAccess
    /// The newest first.
    package var sessions: [Session]
    /// The oldest message that waits; nil: none does.
    package var oldest: Oldest?
}

/// Some users in the order of their numbers.
package struct UserPage: Equatable, Sendable {
    package struct User: Equatable, Sendable {
        package var number: UInt64
        package var name: [UInt8]
    }

    package var users: [User]
    /// The number to go on after; nil: there are no more. A page of those with a prefix may be short of users and have more behind it.
    package var next: UInt64?
}

/// Whether a message can reach a user at once.
package struct Reachability: Equatable, Sendable {
    package var isKnown: Bool
    /// Receiving sessions with a connection.
    package var connections: Int
    /// Receiving sessions that haven't ended: devices that get the message when they come.
    package var devices: Int
    package var waitingMessages: Int
}

/// What became of a message.
package struct MessageStatus: Equatable, Sendable {
    package struct Recipient: Equatable, Sendable {
        package enum State: Equatable, Sendable {
            /// Why it isn't in the inbox.
            case refused(RefusalCode)
            /// No device has acknowledged it, or the user has none.
            case waiting
            /// At least one device has acknowledged it.
            case delivered
            /// It left the inbox unacknowledged; devices that didn't have it were or will be told by a `GAP` with this reason.
            case gone(GapReason)
        }

        package struct Device: Equatable, Sendable {
            package var session: SessionID
            package var device: [UInt8]
            package var hasAcknowledged: Bool
        }

        package var name: [UInt8]
        package var state: State
        /// Receiving sessions that haven't ended.
        package var devices: [Device]
    }

    package var position: Position
    package var time: UInt64
    package var kind: MessageKind
    package var sender: [UInt8]
    package var tag: [UInt8]
    package var isTracked: Bool
    /// When it is worth nothing any more; nil: never.
    package var expires: UInt64?
    package var isExpired: Bool
    package var recipients: [Recipient]
}

/// What the ledger has of a key.
package struct KeptRequest: Equatable, Sendable {
    /// Of the request's record; of an upload's last one.
    package var position: Position
    /// Of an upload: lines that are stored; 0: the request is no upload.
    package var lines: UInt32
    /// A hash of the request, or of the stored lines.
    package var fingerprint: UInt64
    package var keyKeptUntil: UInt64
}

/// Some connected sessions.
package struct ConnectionPage: Equatable, Sendable {
    package struct Connection: Equatable, Sendable {
        package var handle: ConnectionHandle
        package var session: SessionID
        package var user: [UInt8]
        package var device: [UInt8]
        package var isSendOnly: Bool
        package var isService: Bool
        /// Everything committed has been sent to it.
        package var isLive: Bool
        package var unacknowledgedMessages: Int
    }

    package var connections: [Connection]
    /// Where to go on; nil: there are no more. A page may be short, and even empty, with more behind it.
    package var next: Int?
}

/// A run of bytes inside the buffer that a frame was decoded from: bodies are never copied by the decoder.
package typealias ByteRange = Range<Int>

/// What the client says about the state it kept (SPEC 3.3): sent with `RESUME`, and with `HELLO` when there is any.
package struct PresentedState: Hashable, Sendable {
    package var session: SessionID
    package var attach: AttachNumber
    /// The last position that the client stored.
    package var position: Position
    /// The last sequence that the client knows to be stored.
    package var lastSequence: MessageSequence

    package init(session: SessionID, attach: AttachNumber, position: Position, lastSequence: MessageSequence) {
        self.session = session
        self.attach = attach
        self.position = position
        self.lastSequence = lastSequence
    }
}

/// Frames that a client sends (SPEC 3).
package enum ClientFrame: Equatable, Sendable {
    case ping
    case hello(Hello)
    case resume(Resume)
    /// A new token on a live connection.
    case authenticate(token: ByteRange)
    case close(CloseIntent)
    /// Cumulative; low 40 bits of the position.
    case acknowledge(ShortPosition)
    case credit(messages: UInt32, bytes: UInt32)
    case lookup(ConversationNumber)
    /// The longest interval between two frames that the client can promise from now on, in seconds; 0 takes it back.
    case pace(seconds: UInt32)
    case send(SendFrame)
    case sendTo(SendToFrame)

    package struct Hello: Equatable, Sendable {
        package var version: UInt8
        /// The session only sends: it has no stream and holds nothing back in the inbox.
        package var isSendOnly: Bool
        package var token: ByteRange
        package var device: ByteRange
        package var state: PresentedState?
        package init(version: UInt8, isSendOnly: Bool, token: ByteRange, device: ByteRange, state: PresentedState?) {
            self.version = version
            self.isSendOnly = isSendOnly
            self.token = token
            self.device = device
            self.state = state
        }
    }

    package struct Resume: Equatable, Sendable {
        package var version: UInt8
        package var ticket: ByteRange
        package var attach: AttachNumber
        package var position: Position
        package var lastSequence: MessageSequence
        package init(version: UInt8, ticket: ByteRange, attach: AttachNumber, position: Position, lastSequence: MessageSequence) {
            self.version = version
            self.ticket = ticket
            self.attach = attach
            self.position = position
            self.lastSequence = lastSequence
        }
    }

    package struct SendFrame: Equatable, Sendable {
        package var sequence: ShortSequence
        package var kind: MessageKind
        package var conversation: ConversationNumber
        package var body: ByteRange
        package init(sequence: ShortSequence, kind: MessageKind, conversation: ConversationNumber, body: ByteRange) {
            self.sequence = sequence
            self.kind = kind
            self.conversation = conversation
            self.body = body
        }
    }

    /// A message in the one-to-one conversation with `user`, whose number the client hasn't learned yet.
    package struct SendToFrame: Equatable, Sendable {
        package var sequence: ShortSequence
        package var kind: MessageKind
        package var user: ByteRange
        package var body: ByteRange
        package init(sequence: ShortSequence, kind: MessageKind, user: ByteRange, body: ByteRange) {
            self.sequence = sequence
            self.kind = kind
            self.user = user
            self.body = body
        }
    }
}

/// Frames that the gateway sends (SPEC 3).
package enum ServerFrame: Equatable, Sendable {
    case pong
    case welcome(Welcome)
    case ticket(expiresIn: UInt32, ticket: ByteRange)
    /// Everything up to `through` is stored; `position` is that of the last one.
    case sent(through: ShortSequence, position: ShortPosition)
    case refused(Refused)
    case deliver(Deliver)
    case gap(Gap)
    /// The stream goes on after `through`, a full position: own sends, or a step that 40 bits can't express.
    case skip(predecessor: ShortPosition, through: Position)
    case conversation(ConversationNumber, ConversationType, peer: ByteRange)
    case goAway(delayMilliseconds: UInt32, address: ByteRange)
    case closed(Closed)
    case tokenExpiring(seconds: UInt32)
    case authenticated(expiresIn: UInt32)
    /// What is known of the session that the client presented and that has ended; `lastSequence` nil: unknown.
    case previous(SessionID, lastSequence: MessageSequence?)

    package struct Welcome: Equatable, Sendable {
        package var outcome: WelcomeOutcome
        package var session: SessionID
        package var attach: AttachNumber
        /// The stream begins after this position; its era is the current one unless the cursor is older.
        package var cursor: Position
        package var era: UInt8
        package var lastSequence: MessageSequence
        /// Milliseconds since 1970, UTC; the base of the times in `DELIVER` on this connection.
        package var serverTime: UInt64
        package var heartbeatSecondsMin: UInt32
        package var heartbeatSecondsMax: UInt32
        package var frameBytesMax: UInt32
        package var sendsInFlightMax: UInt8
        package var creditMessages: UInt32
        package var creditBytes: UInt32
        package init(
            outcome: WelcomeOutcome, session: SessionID, attach: AttachNumber, cursor: Position, era: UInt8, lastSequence: MessageSequence,
            serverTime: UInt64, heartbeatSecondsMin: UInt32, heartbeatSecondsMax: UInt32, frameBytesMax: UInt32, sendsInFlightMax: UInt8,
            creditMessages: UInt32, creditBytes: UInt32
        ) {
            self.outcome = outcome
            self.session = session
            self.attach = attach
            self.cursor = cursor
            self.era = era
            self.lastSequence = lastSequence
            self.serverTime = serverTime
            self.heartbeatSecondsMin = heartbeatSecondsMin
            self.heartbeatSecondsMax = heartbeatSecondsMax
            self.frameBytesMax = frameBytesMax
            self.sendsInFlightMax = sendsInFlightMax
            self.creditMessages = creditMessages
            self.creditBytes = creditBytes
        }
    }

    package struct Refused: Equatable, Sendable {
        package var sequence: ShortSequence
        package var code: RefusalCode
        /// 0: do not retry by yourself.
        package var retryAfterMilliseconds: UInt32
        package init(sequence: ShortSequence, code: RefusalCode, retryAfterMilliseconds: UInt32) {
            self.sequence = sequence
            self.code = code
            self.retryAfterMilliseconds = retryAfterMilliseconds
        }
    }

    /// The head of a `DELIVER`; its entries are read one by one with `DeliverEntries`.
    package struct Deliver: Equatable, Sendable {
        package var predecessor: ShortPosition
        package var first: ShortPosition
        package var conversation: ConversationNumber
        /// Of the first entry, in milliseconds from `Welcome.serverTime`.
        package var timeOffset: Int64
        package var entries: ByteRange
        package init(
            predecessor: ShortPosition, first: ShortPosition, conversation: ConversationNumber, timeOffset: Int64, entries: ByteRange
        ) {
            self.predecessor = predecessor
            self.first = first
            self.conversation = conversation
            self.timeOffset = timeOffset
            self.entries = entries
        }
    }

    package struct Gap: Equatable, Sendable {
        package var predecessor: ShortPosition
        package var through: Position
        package var count: UInt32
        package var reason: GapReason
        package init(predecessor: ShortPosition, through: Position, count: UInt32, reason: GapReason) {
            self.predecessor = predecessor
            self.through = through
            self.count = count
            self.reason = reason
        }
    }

    package struct Closed: Equatable, Sendable {
        package var code: CloseCode
        package var retryAfterMilliseconds: UInt32
        package var text: ByteRange
        package init(code: CloseCode, retryAfterMilliseconds: UInt32, text: ByteRange) {
            self.code = code
            self.retryAfterMilliseconds = retryAfterMilliseconds
            self.text = text
        }
    }
}

/// One message of a `DELIVER`.
package struct DeliverEntry: Equatable, Sendable {
    package var position: ShortPosition
    /// In milliseconds from `Welcome.serverTime`.
    package var timeOffset: Int64
    package var kind: MessageKind
    /// Sent by another session of the receiving user.
    package var isOwn: Bool
    package var body: ByteRange
    package init(position: ShortPosition, timeOffset: Int64, kind: MessageKind, isOwn: Bool, body: ByteRange) {
        self.position = position
        self.timeOffset = timeOffset
        self.kind = kind
        self.isOwn = isOwn
        self.body = body
    }
}

/// The low 40 bits of a position (SPEC 2.4); the full one is found from another that both sides know.
package struct ShortPosition: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue & 0xFF_FFFF_FFFF }
    @inlinable package init(_ position: Position) { self.init(rawValue: position.rawValue) }
    /// The smallest position at or above `floor` with these low bits.
    @inlinable package func expanded(from floor: Position) -> Position {
        Position(rawValue: floor.rawValue &+ ((rawValue &- floor.rawValue) & 0xFF_FFFF_FFFF))
    }
    /// The greatest position at or below `ceiling` with these low bits, or nil when there is none.
    @inlinable package func expanded(upTo ceiling: Position) -> Position? {
        let back = (ceiling.rawValue &- rawValue) & 0xFF_FFFF_FFFF
        return back > ceiling.rawValue ? nil : Position(rawValue: ceiling.rawValue &- back)
    }
}

/// The low 8 bits of a sequence (SPEC 2.4): at most 127 are in flight, so the nearest one is meant.
package struct ShortSequence: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8
    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable package init(_ sequence: MessageSequence) { rawValue = UInt8(truncatingIfNeeded: sequence.rawValue) }
    /// The sequence with these low bits in `near - 128 ... near + 127`; never below 0.
    @inlinable package func expanded(near: MessageSequence) -> MessageSequence {
        let delta = Int64(Int8(truncatingIfNeeded: Int(rawValue) &- Int(truncatingIfNeeded: near.rawValue & 0xFF)))
        let full = Int64(bitPattern: near.rawValue) &+ delta
        return MessageSequence(rawValue: full < 0 ? UInt64(bitPattern: full &+ 256) : UInt64(bitPattern: full))
    }
}

/// Why the client closes (SPEC 3.9).
package enum CloseIntent: UInt8, CaseIterable, Sendable {
    /// End the session: nothing is kept for it.
    case logout = 1
    /// I will be back.
    case keep = 2
}

/// What became of the session (SPEC 4.2).
package enum WelcomeOutcome: UInt8, CaseIterable, Sendable {
    /// The session goes on.
    case resumed = 0
    /// The first session of this user on this device.
    case begun = 1
    /// A new session: the old one was too long away.
    case begunExpired = 2
    /// A new session: the old one was logged out or revoked.
    case begunEnded = 3
    /// A new session: the client's state went back in time.
    case rewound = 4
    /// A new session: this gateway doesn't know the presented one.
    case begunUnknown = 5
}

/// What a conversation is (SPEC 4.6).
package enum ConversationType: UInt8, CaseIterable, Sendable {
    /// There is none with this number, or the user is no member of it.
    case unknown = 0
    case oneToOne = 1
}

/// Why messages of a stream will not come (SPEC 3.7).
package enum GapReason: UInt8, CaseIterable, Sendable {
    /// The inbox was full and its policy is `evictWithGap`.
    case evicted = 1
    /// Older than the inbox keeps.
    case expired = 2
    /// Erased on request.
    case erased = 3
    /// The stored record was damaged.
    case damaged = 4
}

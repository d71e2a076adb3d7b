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
    case answer(request: UInt32, AnswerStatus, TaggedFields)
    /// What is so now, and isn't a message: a later one of its kind replaces it.
    case state(kind: UInt64, TaggedFields)

    /// `WELCOME`.
    package struct Welcome: Equatable, Sendable {
        /// What became of the session.
        package var outcome: WelcomeOutcome
        /// The session.
        package var session: SessionID
        /// Of the connection; presented: the highest that the client stored.
        package var attach: AttachNumber
        /// The stream begins after this position; its era is the current one unless the cursor is older.
        package var cursor: Position
        /// The current era of the gateway.
        package var era: UInt8
        /// Everything up to here is stored.
        package var lastSequence: MessageSequence
        /// Milliseconds since 1970, UTC; the base of the times in `DELIVER` on this connection.
        package var serverTime: UInt64
        /// Shortest heartbeat interval.
        package var heartbeatSecondsMin: UInt32
        /// Longest heartbeat interval.
        package var heartbeatSecondsMax: UInt32
        /// Largest payload in both directions.
        package var frameBytesMax: UInt32
        /// Unanswered sends.
        package var sendsInFlightMax: UInt8
        /// Unacknowledged messages.
        package var creditMessages: UInt32
        /// Bytes of their bodies.
        package var creditBytes: UInt32
        /// What the gateway can do.
        package var capabilities: Capabilities
        /// All fields.
        package init(
            outcome: WelcomeOutcome, session: SessionID, attach: AttachNumber, cursor: Position, era: UInt8, lastSequence: MessageSequence,
            serverTime: UInt64, heartbeatSecondsMin: UInt32, heartbeatSecondsMax: UInt32, frameBytesMax: UInt32, sendsInFlightMax: UInt8,
            creditMessages: UInt32, creditBytes: UInt32, capabilities: Capabilities = []
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
            self.capabilities = capabilities
        }
    }

    /// `REFUSED`.
    package struct Refused: Equatable, Sendable {
        /// Low bits of its number.
        package var sequence: ShortSequence
        /// Why.
        package var code: RefusalCode
        /// 0: do not retry by yourself.
        package var retryAfterMilliseconds: UInt32
        /// All fields.
        package init(sequence: ShortSequence, code: RefusalCode, retryAfterMilliseconds: UInt32) {
            self.sequence = sequence
            self.code = code
            self.retryAfterMilliseconds = retryAfterMilliseconds
        }
    }

    /// The head of a `DELIVER`; its entries are read one by one with `DeliverEntries`.
    package struct Deliver: Equatable, Sendable {
        /// The end of the stream before this frame.
        package var predecessor: ShortPosition
        /// Position of the first entry.
        package var first: ShortPosition
        /// Where the message belongs.
        package var conversation: ConversationNumber
        /// Of the first entry, in milliseconds from `Welcome.serverTime`.
        package var timeOffset: Int64
        /// All entries; see `DeliverEntries`.
        package var entries: ByteRange
        /// All fields.
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

    /// `GAP`.
    package struct Gap: Equatable, Sendable {
        /// The end of the stream before this frame.
        package var predecessor: ShortPosition
        /// The end of the stream after this frame.
        package var through: Position
        /// Messages that will not come.
        package var count: UInt32
        /// Why not.
        package var reason: GapReason
        /// All fields.
        package init(predecessor: ShortPosition, through: Position, count: UInt32, reason: GapReason) {
            self.predecessor = predecessor
            self.through = through
            self.count = count
            self.reason = reason
        }
    }

    /// `CLOSED`.
    package struct Closed: Equatable, Sendable {
        /// Why.
        package var code: CloseCode
        /// 0: nothing is said.
        package var retryAfterMilliseconds: UInt32
        /// For logs.
        package var text: ByteRange
        /// All fields.
        package init(code: CloseCode, retryAfterMilliseconds: UInt32, text: ByteRange) {
            self.code = code
            self.retryAfterMilliseconds = retryAfterMilliseconds
            self.text = text
        }
    }
}

/// One message of a `DELIVER`.
package struct DeliverEntry: Equatable, Sendable {
    /// Its low 40 bits.
    package var position: ShortPosition
    /// In milliseconds from `Welcome.serverTime`.
    package var timeOffset: Int64
    /// What the body is.
    package var kind: MessageKind
    /// Sent by another session of the receiving user.
    package var isOwn: Bool
    /// Of what it says nothing is known yet: it may be skipped.
    package var head: MessageHead?
    /// Opaque.
    package var body: ByteRange
    /// All fields.
    package init(
        position: ShortPosition, timeOffset: Int64, kind: MessageKind, isOwn: Bool, head: MessageHead? = nil, body: ByteRange
    ) {
        self.position = position
        self.timeOffset = timeOffset
        self.kind = kind
        self.isOwn = isOwn
        self.head = head
        self.body = body
    }
}

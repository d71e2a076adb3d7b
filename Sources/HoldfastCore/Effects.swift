package import HoldfastWire

/// What the core wants of an event loop. Offsets are into the batch's `sources` or `bytes`.
package enum Effect: Sendable {
    /// The answer to `hello` or `resume`: from here on the connection is open for the session. Limits and heartbeat are the connection machine's.
    case welcome(ConnectionHandle, Attached)
    case previous(ConnectionHandle, SessionID, lastSequence: MessageSequence?)
    case sent(ConnectionHandle, through: MessageSequence, position: Position)
    case refused(ConnectionHandle, MessageSequence, RefusalCode, retryAfterMilliseconds: UInt32)
    case deliver(ConnectionHandle, Delivery)
    case gap(ConnectionHandle, predecessor: Position, through: Position, count: UInt32, reason: GapReason)
    case skip(ConnectionHandle, predecessor: Position, through: Position)
    case conversation(ConnectionHandle, ConversationNumber, ConversationType, peer: ByteRange)
    /// The user, and the device if named, of the last `authenticate` are those of the session.
    case authenticated(ConnectionHandle)
    /// Say why, flush, close. The connection's `detach` still comes.
    case close(ConnectionHandle, CloseCode, retryAfterMilliseconds: UInt32)

    package struct Attached: Equatable, Sendable {
        package var outcome: WelcomeOutcome
        package var session: SessionID
        package var attach: AttachNumber
        package var cursor: Position
        package var era: UInt8
        package var lastSequence: MessageSequence
        package var serverTime: UInt64
        package var isSendOnly: Bool
        package var isService: Bool

        package init(
            outcome: WelcomeOutcome, session: SessionID, attach: AttachNumber, cursor: Position, era: UInt8, lastSequence: MessageSequence,
            serverTime: UInt64, isSendOnly: Bool, isService: Bool
        ) {
            self.outcome = outcome
            self.session = session
            self.attach = attach
            self.cursor = cursor
            self.era = era
            self.lastSequence = lastSequence
            self.serverTime = serverTime
            self.isSendOnly = isSendOnly
            self.isService = isService
        }
    }

    /// One message for one connection; the loop puts neighbours of one conversation into one `DELIVER`.
    package struct Delivery: Equatable, Sendable {
        package var predecessor: Position
        package var position: Position
        package var conversation: ConversationNumber
        /// Milliseconds since 1970.
        package var time: UInt64
        package var kind: MessageKind
        package var isOwn: Bool
        /// Index into the batch's `sources`, and where the body lies in it.
        package var source: UInt32
        package var offset: UInt32
        package var count: UInt32
    }
}

/// Effects for one door, to be carried out in order.
package struct EffectBatch: Sendable {
    package var effects: ContiguousArray<Effect> = []
    /// Buffers with bodies: committed batches and pages, shared between loops.
    package var sources: [[UInt8]] = []
    /// Names.
    package var bytes: [UInt8] = []
    /// Answers to a port's requests.
    package var replies: ContiguousArray<Reply> = []
    /// When the commands were taken in whose `SENT` is among the effects.
    package var taken: ContiguousArray<TakenCommands> = []
    /// Command credits and bytes that the door gets back.
    package var creditsReturned = 0
    package var bytesReturned = 0
    /// Which buffer was added to `sources` last, so that each is added once.
    var lastPages: (number: UInt64, source: UInt32)?
    var lastBatch: (number: UInt32, source: UInt32)?
    package init() {}
    package var isEmpty: Bool { effects.isEmpty && creditsReturned == 0 && replies.isEmpty }
}

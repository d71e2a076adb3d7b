/// A run of bytes inside the buffer that a frame was decoded from: bodies are never copied by the decoder.
package typealias ByteRange = Range<Int>

/// What the client says about the state it kept (SPEC 3.3): sent with `RESUME`, and with `HELLO` when there is any.
package struct PresentedState: Hashable, Sendable {
    /// The session.
    package var session: SessionID
    /// The last position that the client stored.
    package var position: Position
    /// The last sequence that the client knows to be stored.
    package var lastSequence: MessageSequence
    /// Of the connection; presented: the highest that the client stored. The last field, because it is the shortest.
    package var attach: AttachNumber

    /// All fields.
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
    case sendHeaded(SendFrame, MessageHead)
    case sendToHeaded(SendToFrame, MessageHead)
    /// Numbered, stored or refused, and sent again like a message.
    case operation(ShortSequence, kind: UInt64, TaggedFields)
    /// The client chooses `request`, which comes back with the answer (REQ-ASK-1).
    case question(request: UInt32, kind: UInt64, TaggedFields)

    /// `HELLO`.
    package struct Hello: Equatable, Sendable {
        /// Of the protocol.
        package var version: UInt8
        /// The session only sends: it has no stream and holds nothing back in the inbox.
        package var isSendOnly: Bool
        /// Opaque to the codec.
        package var token: ByteRange
        /// Name of the device.
        package var device: ByteRange
        /// The user whose token the client believes it is; empty: not to be checked (REQ-OPEN-8).
        package var user: ByteRange
        /// What the client kept.
        package var state: PresentedState?
        /// What the client can do.
        package var capabilities: Capabilities
        /// All fields.
        package init(
            version: UInt8, isSendOnly: Bool, token: ByteRange, device: ByteRange, user: ByteRange, state: PresentedState?,
            capabilities: Capabilities = []
        ) {
            self.version = version
            self.isSendOnly = isSendOnly
            self.token = token
            self.device = device
            self.user = user
            self.state = state
            self.capabilities = capabilities
        }
    }

    /// `RESUME`.
    package struct Resume: Equatable, Sendable {
        /// Of the protocol.
        package var version: UInt8
        /// Opaque to the codec and the client.
        package var ticket: ByteRange
        /// Of the connection; presented: the highest that the client stored.
        package var attach: AttachNumber
        /// Full position up to which the client has its stream.
        package var position: Position
        /// Everything up to here is stored.
        package var lastSequence: MessageSequence
        /// All fields.
        package init(version: UInt8, ticket: ByteRange, attach: AttachNumber, position: Position, lastSequence: MessageSequence) {
            self.version = version
            self.ticket = ticket
            self.attach = attach
            self.position = position
            self.lastSequence = lastSequence
        }
    }

    /// `SEND`.
    package struct SendFrame: Equatable, Sendable {
        /// Low bits of its number.
        package var sequence: ShortSequence
        /// What the body is.
        package var kind: MessageKind
        /// Where the message belongs.
        package var conversation: ConversationNumber
        /// Opaque.
        package var body: ByteRange
        /// All fields.
        package init(sequence: ShortSequence, kind: MessageKind, conversation: ConversationNumber, body: ByteRange) {
            self.sequence = sequence
            self.kind = kind
            self.conversation = conversation
            self.body = body
        }
    }

    /// A message in the one-to-one conversation with `user`, whose number the client hasn't learned yet.
    package struct SendToFrame: Equatable, Sendable {
        /// Low bits of its number.
        package var sequence: ShortSequence
        /// What the body is.
        package var kind: MessageKind
        /// Name of the recipient.
        package var user: ByteRange
        /// Opaque.
        package var body: ByteRange
        /// All fields.
        package init(sequence: ShortSequence, kind: MessageKind, user: ByteRange, body: ByteRange) {
            self.sequence = sequence
            self.kind = kind
            self.user = user
            self.body = body
        }
    }
}

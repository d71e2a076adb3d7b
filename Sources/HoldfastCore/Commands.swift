public import HoldfastWire

/// A connection of an event loop, with the generation of its slot: a stale one never matches. 0 is none.
@usableFromInline package struct ConnectionHandle: RawRepresentable, Hashable, Sendable {
    @usableFromInline package let rawValue: UInt64
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// loop: 8 bits, below 255 | generation: 24 bits | slot: 32 bits. The loop is stored plus one, so that no handle is 0.
    @inlinable package init(loop: Int, generation: UInt32, slot: UInt32) {
        rawValue = UInt64(loop + 1) << 56 | UInt64(generation & 0xFF_FFFF) << 32 | UInt64(slot)
    }
    @inlinable package var loop: Int { Int(rawValue >> 56) - 1 }
    @inlinable package var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) & 0xFF_FFFF }
    @inlinable package var slot: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    @inlinable package static var none: ConnectionHandle { ConnectionHandle(rawValue: 0) }
}

/// Which connection of which session says it: the fence (SPEC 4.2) is checked against both. The attach is that of the connection's `WELCOME`.
@usableFromInline package struct Origin: Hashable, Sendable {
    @usableFromInline package var connection: ConnectionHandle
    @usableFromInline package var session: SessionID
    @usableFromInline package var attach: AttachNumber
    @inlinable package init(connection: ConnectionHandle, session: SessionID, attach: AttachNumber) {
        self.connection = connection
        self.session = session
        self.attach = attach
    }
}

/// What an event loop or a port asks of the core. Text and bodies are ranges of the batch's `bytes`, so that a command is a plain value of a size:
/// one is copied for each message.
package enum Command: Sendable {
    /// A `HELLO` whose token was verified: `user` and `device` are names. `limit`: whom the token lets its user write to, as
    /// `RecipientLimit.encoded`; nil: everybody. `issuedAt`: when the token was issued, in seconds since 1970; 0 when it doesn't say.
    case hello(
        connection: ConnectionHandle, user: ByteRange, device: ByteRange, limit: ByteRange? = nil, isSendOnly: Bool, isService: Bool,
        issuedAt: UInt32 = 0, state: PresentedState?)
    /// A `RESUME` whose ticket was opened.
    case resume(connection: ConnectionHandle, state: PresentedState)
    case send(Origin, MessageSequence, MessageKind, ConversationNumber, body: ByteRange)
    case sendTo(Origin, MessageSequence, MessageKind, user: ByteRange, body: ByteRange)
    case acknowledge(Origin, ShortPosition)
    case credit(Origin, messages: UInt32, bytes: UInt32)
    case lookup(Origin, ConversationNumber)
    case logout(Origin)
    /// An `AUTHENTICATE` whose token was verified: only the core knows whose session a resumed connection has. `device` is empty when
    /// the token names none; `limit` and `issuedAt` are as in `hello`. Answered by `authenticated`, or `close` with `tokenInvalid` (another user) or
    /// `deviceMismatch`.
    case authenticate(Origin, user: ByteRange, device: ByteRange, limit: ByteRange? = nil, issuedAt: UInt32 = 0)
    /// The connection is gone; the last command of its handle.
    case detach(connection: ConnectionHandle, session: SessionID)
    /// By a port: a message of an account's to some users. Answered by a `Reply` when it is synced.
    case push(PushCommand)
    /// By a port. Answered by a `Reply` when everything that the answer tells of is synced.
    case ask(ReplyID, Question)
    /// By a port: changes a hold on the journal. Answered by a `Reply` when that is synced.
    case hold(ReplyID, HoldCommand)
    /// By a port: what a consumer of the feed has read of an inbox. Answered by a `Reply` when it is synced.
    case consume(ReplyID, ConsumeCommand)
    /// By a port: what an operator does to a user. Answered by a `Reply` when it is synced.
    case act(ReplyID, ActCommand)
}

extension Command {
    /// Bytes of the batch that belong to the command: what it costs of the loop's byte credit.
    package var byteCount: Int {
        switch self {
        case .hello(_, let user, let device, let limit, _, _, _, _), .authenticate(_, let user, let device, let limit, _):
            user.count + device.count + (limit?.count ?? 0)
        case .send(_, _, _, _, let body): body.count
        case .sendTo(_, _, _, let user, let body): user.count + body.count
        case .resume, .acknowledge, .credit, .lookup, .logout, .detach: 0
        case .push(let push): push.account.count + push.recipients.count + push.body.count + push.tag.count
        case .ask(_, let question): question.byteCount
        case .hold(_, let hold): hold.range.count
        case .consume(_, let consume): consume.user.count + consume.device.count
        case .act(_, let act): act.byteCount
        }
    }

    /// What it costs of its door's command credits: as many as it names rows, at least one.
    package var credits: Int {
        switch self {
        case .push(let push): 1 + push.recipientCount
        case .ask(_, let question): question.credits
        default: 1
        }
    }

    /// Commands of one key run in their order; those of different keys overtake each other.
    var order: OrderKey {
        switch self {
        case .hello(let connection, _, _, _, _, _, _, _), .resume(let connection, _), .detach(let connection, _): OrderKey(connection)
        case .send(let origin, _, _, _, _), .sendTo(let origin, _, _, _, _), .acknowledge(let origin, _), .credit(let origin, _, _),
            .lookup(let origin, _), .logout(let origin), .authenticate(let origin, _, _, _, _):
            OrderKey(origin.connection)
        case .push(let push): push.order
        case .ask(let reply, _), .act(let reply, _): OrderKey(reply)
        // All of them in their order.
        case .hold(let reply, _), .consume(let reply, _): OrderKey(ReplyID(door: reply.door, number: 0))
        }
    }
}

/// What a command keeps its order with: its connection, or an account's upload; a request for itself alone has its reply's number.
package struct OrderKey: Hashable, Sendable {
    /// A door's number plus one in the top 8 bits, then what the door tells its own by.
    private let rawValue: UInt64
    package init(_ connection: ConnectionHandle) { rawValue = connection.rawValue }
    package init(_ reply: ReplyID) { rawValue = reply.rawValue }
    /// The door that the answers go to.
    var door: Int { Int(rawValue >> 56) - 1 }
}

/// Commands of one door, in the order of their arrival. The doors of the event loops come first, then those of the ports.
package struct CommandBatch: Sendable {
    package var door: Int
    package var commands: ContiguousArray<Command> = []
    package var bytes: [UInt8] = []
    /// When the door took them in, in monotonic microseconds; it comes back with `SENT` (`EffectBatch.taken`). 0: nobody measures that.
    package var takenAt: UInt64 = 0
    package init(door: Int) { self.door = door }

    /// Adds a name or a body.
    /// - Returns: where it lies in the batch.
    package mutating func append(_ text: [UInt8]) -> ByteRange {
        bytes.append(contentsOf: text)
        return bytes.count - text.count..<bytes.count
    }

    /// Adds the names that a push is for, each with its length before it.
    package mutating func append(names: [[UInt8]]) -> ByteRange {
        let start = bytes.count
        for name in names { bytes.append(text: name) }
        return start..<bytes.count
    }
}

/// The two clocks that the core is told; it never asks.
package struct CoreTime: Hashable, Sendable {
    /// Milliseconds since 1970; may jump.
    package var wall: UInt64
    /// Milliseconds from some start; never jumps.
    package var monotonic: UInt64
    package init(wall: UInt64, monotonic: UInt64) {
        self.wall = wall
        self.monotonic = monotonic
    }
}

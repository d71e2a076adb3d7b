package import HoldfastCore
package import HoldfastWire

/// One connection's side of the protocol on the gateway (SPEC 4): bytes of the client become commands for the core, effects of the
/// core become bytes for the client.
///
/// Pure: no I/O, no clock, no allocation of its own. It is a plain value of at most 88 bytes, held in a slab; what a connection
/// needs only while it logs in (the token, the device's name) is the driver's to keep.
///
/// States, and what leads from one to the next:
///
///     awaitingPreface ──preface──► awaitingFirstFrame ──HELLO──► authenticating ──token good──► attaching ──welcome──► open
///                                          └──────────RESUME, ticket good──────────────────────────┘              │
///     closing ◄── any error, deadline, fence, CLOSE(keep)        leaving ◄── CLOSE(logout) ────────────────────────┘
///
/// - awaitingPreface, awaitingFirstFrame: one deadline for both together.
/// - authenticating: the token is being verified elsewhere. attaching: the core was asked. Only `PING` and `CLOSE` are allowed.
/// - open: everything but `HELLO` and `RESUME`.
/// - leaving: input is ignored; what the core still has to say goes out until it closes.
/// - closing: input and effects are ignored; the driver flushes and closes.
package struct ConnectionMachine: Sendable {
    package enum State: UInt8, Sendable {
        case awaitingPreface, awaitingFirstFrame, authenticating, attaching, open, leaving, closing
    }

    package private(set) var handle: ConnectionHandle
    /// 0 until `WELCOME`.
    package internal(set) var session = SessionID(rawValue: 0)
    /// The last position that went out on this connection.
    var sent = Position.zero
    /// The last one that the client acknowledged here.
    var acknowledged = Position.zero
    /// The last sequence that was answered by `SENT`.
    var answered = MessageSequence.none
    /// The last sequence that came in above `answered`: short ones are expanded near the one behind it (REQ-ENC-7).
    var lastSequence = MessageSequence.none
    /// The base of the times in `DELIVER`: 48 bits, as in `WELCOME`, in two parts, which leaves room for two bytes more in 88.
    var serverTime: UInt64 {
        get { UInt64(serverTimeHigh) << 32 | UInt64(serverTimeLow) }
        set {
            serverTimeHigh = UInt16(truncatingIfNeeded: newValue >> 32)
            serverTimeLow = UInt32(truncatingIfNeeded: newValue)
        }
    }
    private var serverTimeLow: UInt32 = 0
    package internal(set) var attach = AttachNumber.none
    /// When the last whole frame came, in monotonic milliseconds; wraps, only differences count.
    var heardAt: UInt32
    /// Until when the client may stay without a new token, in monotonic seconds.
    var authorizedUntil: UInt32 = 0
    /// While a fresh token is being checked, until when that one is good; otherwise when `TOKEN_EXPIRING` is due (REQ-AUTH-5). Both are
    /// monotonic seconds; they share a field because no warning is due while a fresh token is being checked.
    var renewal: UInt32 = 0
    var paceSeconds: UInt32 = 0
    var rate: RateLimit
    package internal(set) var state = State.awaitingPreface
    var flags = Flags()
    private var serverTimeHigh: UInt16 = 0
    /// What the client announced in `HELLO`, or by its ticket: as much of it as a ticket holds.
    private var announcedBits: UInt8 = 0
    /// With the flag of this name, the first number since the last refusal that the core was asked to refuse.
    var notUnderstood = ShortSequence(rawValue: 0)

    struct Flags: OptionSet, Sendable {
        let rawValue: UInt16
        static let sendOnly = Flags(rawValue: 1)
        static let service = Flags(rawValue: 2)
        /// `TOKEN_EXPIRING` was sent for the current token.
        static let warned = Flags(rawValue: 4)
        /// A new token is being checked.
        static let reauthenticating = Flags(rawValue: 8)
        /// The loop has no credits; the rest of the input waits.
        static let waitingForCredits = Flags(rawValue: 16)
        /// The client came with a ticket; no token has been shown on this connection.
        static let byTicket = Flags(rawValue: 32)
        /// The core was asked to attach the connection, and must hear when it is gone.
        static let knownToCore = Flags(rawValue: 64)
        /// The client is over a rate limit: it isn't read for a while.
        static let slowedDown = Flags(rawValue: 128)
        /// A message was refused: the numbers of what the client sends may fall back, once.
        static let refused = Flags(rawValue: 256)
        /// They fell back without that: what comes until the next answer is repeated.
        static let repeating = Flags(rawValue: 512)
        /// `StormControl` counts the connection among those that are on their way to `WELCOME`.
        static let opening = Flags(rawValue: 1024)
        /// The core was asked to refuse a number whose frame isn't understood here.
        static let notUnderstood = Flags(rawValue: 2048)
        // For the table's figures.
        static let isTLS = Flags(rawValue: 4096)
        /// A whole first frame has come.
        static let hasBegun = Flags(rawValue: 8192)
        static let isWelcomed = Flags(rawValue: 16384)
        /// Nothing more is read or said.
        static let isLeft = Flags(rawValue: 32768)
    }

    package init(_ handle: ConnectionHandle, limits: ConnectionLimits, now: UInt64) {
        self.handle = handle
        heardAt = UInt32(truncatingIfNeeded: now)
        rate = RateLimit(limits)
    }

    package var isSendOnly: Bool { flags.contains(.sendOnly) }
    package var isService: Bool { flags.contains(.service) }
    /// Whether the client was let in by its ticket: a new one must not outlive it.
    package var isByTicket: Bool { flags.contains(.byTicket) }
    /// Whether the core must be told when the connection is gone.
    package var isKnownToCore: Bool { flags.contains(.knownToCore) }
    package internal(set) var announced: Capabilities {
        get { Capabilities(rawValue: UInt64(announcedBits)) }
        set { announcedBits = UInt8(newValue.intersection(Ticket.Flags.announcedMax).rawValue) }
    }
    package var isWaitingForCredits: Bool { flags.contains(.waitingForCredits) }
    var origin: Origin { Origin(connection: handle, session: session, attach: attach) }

    /// Nothing more is read or said; the driver has written why.
    package mutating func close() { state = .closing }
}

/// What the driver of a connection has to do after bytes, a deadline or a check. Ranges are of the bytes that were handed in.
package enum ConnectionAction: Equatable, Sendable {
    case none
    /// The loop has no credits: stop reading, and show the rest again when it has.
    case pauseReading
    /// The client is over a rate limit: stop reading and set the deadline; `deadlineReached` answers `resumeReading`.
    case slowDown(milliseconds: UInt32)
    /// Read again, and set the deadline anew.
    case resumeReading
    /// Verify the token, then call `tokenVerified` or `failed`.
    case verifyToken(ClientFrame.Hello)
    /// Open the ticket, then call `ticketOpened` or `failed`.
    case openTicket(ClientFrame.Resume)
    /// Verify the token that the client of a live connection brings, then call `freshTokenVerified` or `failed`.
    case verifyFreshToken(ByteRange)
    /// Set the deadline anew.
    case setDeadline(milliseconds: UInt32)
    /// Tell the client (`CLOSED`), flush, close.
    case close(CloseCode)
    /// Flush and close: the client said that it leaves.
    case leave
}

package import HoldfastWire

// What the core keeps of a user and of a session while they are in RAM. Plain values without references: a connected user with
// one idle session costs the two rows and his place in the index.

/// A user: his inbox's counters and limits, and the head of the list of his sessions.
struct UserRow {
    /// Permanent; 0 marks a free slot.
    var number: UInt64 = 0
    /// What all receiving sessions have acknowledged: no entry up to here is kept.
    var acknowledged = InboxEntry.none
    var inbox = TimelineRow()
    private var marks: Marks = []
    /// The number of the last session that was made.
    var sessionSerial: UInt32 = 0
    var firstSession = SessionSlot.none
    var epochs = RowEpochs()
    /// Receiving sessions with a connection.
    var receivingConnections: UInt16 = 0
    /// Sessions with a connection, cursors without a record, and commands that wait for rows: the user stays in RAM for them.
    var pins: UInt16 = 0

    init(number: UInt64 = 0, acknowledged: InboxEntry = .none, inbox: TimelineRow = TimelineRow()) {
        self.number = number
        self.acknowledged = acknowledged
        self.inbox = inbox
    }

    /// What is true of a user, a bit each: a row has no room for a byte each.
    private struct Marks: OptionSet {
        let rawValue: UInt8
        static let hasFloor = Marks(rawValue: 1)
        static let hasAccess = Marks(rawValue: 2)
        static let hasTracked = Marks(rawValue: 4)
        static let isRecent = Marks(rawValue: 8)
    }

    /// Something has left the inbox unacknowledged: see `InboxFloor`.
    var hasFloor: Bool {
        get { marks.contains(.hasFloor) }
        set { set(.hasFloor, newValue) }
    }
    /// An operator has set something that keeps the user out: see `UserAccess`.
    var hasAccess: Bool {
        get { marks.contains(.hasAccess) }
        set { set(.hasAccess, newValue) }
    }
    /// Tracked messages wait in the inbox: see `Users.tracked(of:)`.
    var hasTracked: Bool {
        get { marks.contains(.hasTracked) }
        set { set(.hasTracked, newValue) }
    }
    /// Used since the cache's hand came by.
    var isRecent: Bool {
        get { marks.contains(.isRecent) }
        set { set(.isRecent, newValue) }
    }

    private mutating func set(_ mark: Marks, _ isSet: Bool) {
        if isSet { marks.insert(mark) } else { marks.remove(mark) }
    }

    /// Everything up to here is gone from the inbox whose floor is `floor`.
    func base(_ floor: InboxFloor?) -> InboxEntry {
        guard let floor, acknowledged.position < floor.entry.position else { return acknowledged }
        return floor.entry
    }

    /// Messages that are kept, and bytes of their bodies.
    /// - Parameter base: where the inbox begins.
    func kept(from base: InboxEntry) -> (count: UInt32, bytes: UInt32) {
        (inbox.last.ordinal &- base.ordinal, inbox.last.cumulativeBytes &- base.cumulativeBytes)
    }
}

/// What left an inbox unacknowledged; sessions whose cursor is below get a `GAP`. Few inboxes have one: it isn't in the user's row.
struct InboxFloor {
    var entry: InboxEntry
    var reason: GapReason
}

/// A session of a user.
struct SessionRow {
    struct Flags: OptionSet {
        let rawValue: UInt16
        static let isSendOnly = Flags(rawValue: 1)
        static let isService = Flags(rawValue: 2)
        /// Kept only for its last sequence.
        static let hasEnded = Flags(rawValue: 4)
        /// It ended because nobody had been there for too long.
        static let hasExpired = Flags(rawValue: 8)
        /// It has ended, and its device has another session since: `successor`.
        static let isFollowed = Flags(rawValue: 16)
        /// Its device has sent something in an earlier session.
        static let deviceHasSent = Flags(rawValue: 32)
        /// An operator has ended it: its ticket is refused with `revoked`.
        static let isRevoked = Flags(rawValue: 64)
        /// Its token says whom it may write to: see `Users.limit(of:)`. Few sessions have such a limit: it isn't in the session's row.
        static let isLimited = Flags(rawValue: 128)
        /// Everything committed has been sent: the next commit is pushed.
        static let isLive = Flags(rawValue: 256)
        static let pageInFlight = Flags(rawValue: 512)
        /// In the queue of those that want a page.
        static let isQueued = Flags(rawValue: 1024)
        /// A number was refused: what follows is discarded until it comes again.
        static let discards = Flags(rawValue: 2048)
        /// The cursor is newer than its last record.
        static let cursorUnrecorded = Flags(rawValue: 4096)
        /// This connection has got all that the timeline on disk has for it.
        static let diskDone = Flags(rawValue: 8192)
        /// `WELCOME` has left.
        static let isWelcomed = Flags(rawValue: 16384)

        /// The flags that are in the stored row, where they have a byte.
        static let stored: Flags = [.isSendOnly, .isService, .hasEnded, .hasExpired, .isFollowed, .deviceHasSent, .isRevoked, .isLimited]
    }

    var id = SessionID(rawValue: 0)
    var user = UserSlot.none
    /// The user's next session.
    var next = SessionSlot.none
    var connection = ConnectionHandle.none
    var attach = AttachNumber.none
    /// The attach of the last stored send or acknowledgement: what a client must not be below.
    var storedAttach = AttachNumber.none
    var lastSequence = MessageSequence.none
    /// Of the last stored send, or of the session's beginning: what must be synced before anything is said of the session.
    var lastPosition = Position.zero
    /// The last acknowledged entry.
    var cursor = InboxEntry.none
    /// What is on its way to it; none when there is nothing.
    var stream = StreamSlot.none
    /// Age clock of the last record that says so, in seconds; of a session that is followed the serial of its successor, since one that has
    /// ended has no age.
    var seen: UInt32 = 0
    /// The place in the open batch's list of sessions to be told `SENT`; it is this session's only if that says so, too.
    var sentIndex: UInt32 = 0
    var flags: Flags = []

    var receives: Bool { flags.isDisjoint(with: [.isSendOnly, .hasEnded]) }

    /// The session that its device has had since this one ended; nil when there is none.
    var successor: SessionID? {
        get { flags.contains(.isFollowed) ? SessionID(user: id.userNumber, serial: seen) : nil }
        set {
            flags.insert(.isFollowed)
            seen = newValue?.serial ?? 0
        }
    }

    /// Whether its device has sent something, in this session or in an earlier one.
    var hasDeviceSent: Bool { lastSequence > .none || flags.contains(.deviceHasSent) }
}

extension SessionID {
    /// A session's id holds its user's number, so that a resume finds the user's row without another table.
    package init(user: UInt64, serial: UInt32) { self.init(rawValue: user << 24 | UInt64(serial & 0xFF_FFFF)) }
    /// The user's number.
    package var userNumber: UInt64 { rawValue >> 24 }
    /// Which of the user's sessions it is, from 1.
    var serial: UInt32 { UInt32(truncatingIfNeeded: rawValue & 0xFF_FFFF) }
}

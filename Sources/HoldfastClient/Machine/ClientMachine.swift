package import HoldfastWire

/// The client's side of the protocol: events go in, actions come out; it has no clock, no randomness and does no I/O.
///
/// Overview. One machine is one session of one user on one device, over any number of connections, one at a time:
///
///     idle ──connectRequested──► fetchingToken ──tokenProvided──► connecting ──transportOpened──► opening ──WELCOME──► open
///      ▲                              ▲ (with a ticket: at once connecting)                                             │
///      │close                         └──────────────── waiting ◄── lost, refused for a while, broken ◄────────────────┤
///      └── stopped ◄── fenced, logged out, token refused ◄─────────────────────────────────────────────────────────────┘
///
/// Function. What must outlive a crash is told as `persist` actions, and `sync` stands before whatever relies on them: a `SEND` or `ACK`
/// after its attach and after the message with its number; a hand-over after the mark that it may have taken place. What can't be told
/// without a gap is never guessed: see `settle`.
///
/// Use. Each event takes the time and a random number and appends to the caller's `ClientActions`; the caller carries them out in order.
/// `send` and `acknowledge` collect: call `flush` after the last of a batch. An idle machine is small (see its test); what is needed only
/// while something is going on lies behind `cold`.
///
/// A machine is not to be copied: copies share that part.
package struct ClientMachine {
    /// What the machine is doing.
    package enum Phase: UInt8, Sendable {
        /// Not connected and not to be.
        case idle
        case fetchingToken
        case connecting
        /// The first frame is out, `WELCOME` isn't here.
        case opening
        case open
        /// The next attempt comes when the timer fires.
        case waiting
        /// Only `connectRequested` goes on.
        case stopped
    }

    let settings: ClientSettings
    var cold: ClientCold?
    var peers: PeerCache?
    var ticket: [UInt8] = []

    package internal(set) var session = SessionID(rawValue: 0)
    /// Everything up to here is stored by the gateway.
    package internal(set) var lastSequence = MessageSequence.none
    /// The app has dealt with everything up to here.
    package internal(set) var cursor = Position.zero
    /// The stream of this connection has come up to here.
    var streamed = Position.zero
    /// The gateway knows that everything up to here is dealt with.
    var acknowledged = Position.zero
    /// Handed over by this machine up to here; zero after a change of era.
    var handed = Position.zero
    /// Everything up to here may have been handed over, by this or an earlier run; persisted.
    var handedMark = Position.zero
    /// What comes up to here may be a repeat.
    var repeatThrough = Position.zero

    var serverTime: UInt64 = 0
    /// When the present attempt, opening or pause ends; when the connection was opened while it is open.
    var phaseTime: UInt64 = 0
    var lastWriteAt: UInt64 = 0
    var lastReadAt: UInt64 = 0
    /// 0: none is outstanding.
    var pingSentAt: UInt64 = 0
    /// 0: none is due.
    var acknowledgeAt: UInt64 = 0
    /// When the first of `fences` came.
    var fencedSince: UInt64 = 0
    /// The time that the caller was told; `.max`: none.
    var armedAt: UInt64 = .max
    /// Ids below are of an earlier run.
    var firstFreshID: UInt64 = 1
    var nextID: UInt64 = 1
    var inputCount: UInt64 = 0

    package internal(set) var attach = AttachNumber.none
    /// The last one that is on the disk; this one is presented (REQ-ATTACH-3).
    var storedAttach = AttachNumber.none
    var frameBytesMax: UInt32 = UInt32(WireLimits.beforeWelcome.frameBytesMax)
    var creditMessages: UInt32 = 0
    var creditBytes: UInt32 = 0
    /// Dealt with and not acknowledged on the wire.
    var unsentMessages: UInt32 = 0
    var unsentBytes: UInt32 = 0
    var paceSeconds: UInt32 = 0
    var heartbeatSeconds: UInt32 = 0
    var heartbeatSecondsMin: UInt32 = 1
    var heartbeatSecondsMax: UInt32 = 1
    package internal(set) var phase = Phase.idle
    var era: UInt8 = 0
    var sendsInFlightMax: UInt8 = 1
    /// Failed attempts in a row.
    var attempts: UInt8 = 0
    /// How often another connection took the session since `fencedSince`.
    var fences: UInt8 = 0
    /// Fenced, and opening again without having been asked.
    var comesBackFenced = false
    /// Heartbeats answered in a row at the present interval.
    var beats: UInt8 = 0
    var tokenRejections: UInt8 = 0
    var flags = Flags()

    /// Small yes-or-no state.
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// There is a session to present.
        static let hasSession = Flags(rawValue: 1)
        /// A record was persisted that a later `SEND` or `ACK` relies on.
        static let isUnsynced = Flags(rawValue: 2)
        /// Like it, and the app waits for the disk.
        static let isOutboxUnsynced = Flags(rawValue: 4)
        /// The gateway called this client's behaviour a breach of the protocol.
        static let wasBlamed = Flags(rawValue: 8)
        /// A token was asked for and hasn't come.
        static let awaitsToken = Flags(rawValue: 16)
        /// `WELCOME` came and the session's state agrees with it: sends and acknowledgements may go out.
        static let isSettled = Flags(rawValue: 32)
        /// The gateway has said how long to stay away.
        static let isToldToWait = Flags(rawValue: 64)
        /// The session was logged out, and no other has begun since.
        static let isLoggedOut = Flags(rawValue: 128)
    }

    /// A machine that goes on from `state`, or begins afresh.
    package init(settings: ClientSettings, state: ClientState? = nil) {
        self.settings = settings
        if let state { restore(state) }
    }

    /// Messages of the outbox: with a number, and without.
    package var outboxCounts: (line: Int, waiting: Int) { (cold?.outbox.line.count ?? 0, cold?.outbox.waiting.count ?? 0) }

    /// The outbox in order, those with a number first.
    package var outboxEntries: [OutboxEntry] { cold.map { $0.outbox.line.array + $0.outbox.waiting.array } ?? [] }

    private mutating func restore(_ state: ClientState) {
        if let session = state.session {
            self.session = session
            flags.insert(.hasSession)
            if state.isLoggedOut { flags.insert(.isLoggedOut) }
        }
        attach = state.attach
        storedAttach = attach
        era = state.era
        cursor = state.cursor
        handedMark = state.handedOver
        repeatThrough = state.handedOver
        lastSequence = state.lastSequence
        ticket = state.ticket
        firstFreshID = state.nextID
        nextID = state.nextID
        inputCount = state.inputs.count
        if !state.outbox.isEmpty { needCold().outbox = state.outbox }
        for (number, peer) in state.conversations { needPeers().learn(number, peer) }
    }

    mutating func needCold() -> ClientCold {
        if let cold { return cold }
        let made = ClientCold()
        cold = made
        return made
    }

    mutating func needPeers() -> PeerCache {
        if let peers { return peers }
        let made = PeerCache()
        peers = made
        return made
    }

    /// Gives the cold part back when nothing is in it.
    mutating func releaseCold() {
        if let cold, cold.isEmpty { self.cold = nil }
    }

    func persist(_ record: @autoclosure () -> StateRecord, _ actions: inout ClientActions) {
        if settings.isPersistent { actions.items.append(.persist(record())) }
    }

    /// What was persisted and is relied upon must be on the disk before what follows.
    mutating func synchronize(_ actions: inout ClientActions) {
        if settings.isPersistent && (flags.contains(.isUnsynced) || flags.contains(.isOutboxUnsynced)) { actions.items.append(.sync) }
        flags.subtract([.isUnsynced, .isOutboxUnsynced])
        storedAttach = attach
    }
}

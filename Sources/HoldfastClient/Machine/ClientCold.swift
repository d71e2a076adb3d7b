import HoldfastWire

/// What a machine needs only while something is going on; given back when nothing is.
final class ClientCold {
    var outbox = Outbox()
    /// How many of the line were written on this connection.
    var sentCount = 0
    /// When the line last moved: the base of the probe.
    var sendProgressAt: UInt64 = 0
    var blocks: [SendBlock] = []
    /// Handed over and not acknowledged, in order.
    var outstanding = Queue<Outstanding>()
    /// Not handed over yet: the first waits for its conversation to be looked up.
    var held = Queue<Held>()
    /// Conversations asked for on this connection.
    var lookups: [ConversationNumber] = []
    /// For the next `HELLO`.
    var token: [UInt8] = []
    /// A `GO_AWAY`: when to come back, and where to.
    var goAwayAt: UInt64?
    var nextAddress: String?
    /// A new session's `WELCOME` that waits for `PREVIOUS`.
    var unsettled: ServerFrame.Welcome?
    /// The ticket of that session, if it has come already: of a session that isn't this state's none is kept.
    var unsettledTicket: [UInt8] = []
    /// The token of the live connection runs out; kept until the next one may be asked for.
    var renewal: TokenRenewal?

    struct Outstanding {
        var position: Position
        var bytes: UInt32
    }

    struct Held {
        var delivery: ClientDelivery
        var body: [UInt8]
    }

    struct Previous {
        var session: SessionID
        var lastSequence: MessageSequence?
    }

    var isEmpty: Bool {
        outbox.isEmpty && blocks.isEmpty && outstanding.isEmpty && held.isEmpty && lookups.isEmpty && token.isEmpty
            && goAwayAt == nil && nextAddress == nil && unsettled == nil && unsettledTicket.isEmpty && renewal == nil
    }
}

/// Messages that have to wait after a refusal that may be tried again.
struct SendBlock {
    /// Nil: all of them.
    var recipient: Recipient?
    var until: UInt64
    /// The one message that was let through to try: the others follow once it is stored.
    var probe: UInt64?
}

/// The numbers of conversations and who is on the other side, as far as learned.
final class PeerCache {
    private(set) var peers: [ConversationNumber: String] = [:]
    private var numbers: [String: ConversationNumber] = [:]

    func number(of peer: String) -> ConversationNumber? { numbers[peer] }

    func learn(_ number: ConversationNumber, _ peer: String) {
        peers[number] = peer
        numbers[peer] = number
    }
}

// The framework for comparisons: what to write for another peer.
//
// - A `PeerMachine` is one client of a peer's protocol: a state machine without I/O, clock or randomness, like the client library's. One
//   for each phone, on the event loop that our own phones use, so that the generator costs the same. Events go in; `PeerOutput` takes
//   bytes to write and what came of them. The fleet (`PeerFleet`) does the rest: connecting, source addresses, timers, traffic, checks.
// - A `PeerClients` makes machines and knows the users' names.
// - A `PeerServer` starts a peer's program on free ports of loopback (`PeerProcess`), with a configuration from LoadTests/peers
//   (`PeerConfiguration`), prepares accounts, and says what can't be compared.
// - `PeerKind` lists the servers by the name that `--servers` takes: a new one needs a case there, and nothing anywhere else.
//
// The life of a machine, as the fleet sees it:
//
//     connectRequested ─► .open ─► (the fleet connects, with TLS if the run has it) ─► opened ─► bytes … ─► .ready ─► publish, received …
//                           ▲                                                            │
//                           └──── .open(afterMilliseconds) ◄──── closed ◄────────────────┘
//
// Rules. `ready` is reported once per connection, when messages for this phone flow and it may publish; a phone that has a session
// from before goes on with it. What was published and not acknowledged is sent again by the machine after a reconnect, or reported as
// `rejected`. What is delivered is acknowledged to the server by the machine at once. A phone's inbox is named by
// `PeerClients.name`. Bytes from the server are not trusted: a malformed one must not trap, it is reported as `trouble`, and the
// connection is closed.

/// A peer's client: events go in, bytes and events come out.
protocol PeerMachine: AnyObject {
    /// The phone is to be online. Answers with `.open`, unless something has to come first.
    func connectRequested(_ now: PeerNow, _ output: inout PeerOutput)

    /// The connection is up, its TLS handshake done.
    func opened(_ now: PeerNow, _ output: inout PeerOutput)

    /// Bytes have come; `bytes` begins with what was left before.
    /// - Returns: how many were consumed.
    func received(_ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) -> Int

    /// The connection is gone, or didn't come about. Also told when the phone was switched off; the fleet ignores `.open` then.
    func closed(_ now: PeerNow, _ output: inout PeerOutput)

    /// The time of the last `.armTimer` has come.
    func timerFired(_ now: PeerNow, _ output: inout PeerOutput)

    /// Sends a message; only while ready. Answered by `.acknowledged` or `.rejected` with this id, perhaps on a later connection.
    /// - Parameters:
    ///   - id: 1, 2, 3 … of this machine.
    ///   - name: the receiver's, of `PeerClients.name`.
    func publish(_ id: UInt64, to name: String, _ body: [UInt8], _ now: PeerNow, _ output: inout PeerOutput)

    /// After the last `publish` of a batch.
    func flush(_ now: PeerNow, _ output: inout PeerOutput)

    /// The phone leaves for good manners: what the protocol says before a clean close, if anything. `closed` follows.
    func leave(_ now: PeerNow, _ output: inout PeerOutput)
}

extension PeerMachine {
    func connectRequested(_ now: PeerNow, _ output: inout PeerOutput) { output.events.append(.open(afterMilliseconds: 0)) }
    func timerFired(_ now: PeerNow, _ output: inout PeerOutput) {}
    func flush(_ now: PeerNow, _ output: inout PeerOutput) {}
    func leave(_ now: PeerNow, _ output: inout PeerOutput) {}
}

/// What a machine is told with each event.
struct PeerNow {
    /// Monotonic.
    var milliseconds: UInt64
    /// A new random number for each event.
    var random: UInt64
}

/// What a machine wants done; reused by the fleet. Bytes go out in their order, after the events were looked at.
struct PeerOutput {
    /// To be written to the connection.
    var bytes: [UInt8] = []
    var events: [PeerEvent] = []
    /// What `.delivered` ranges point into.
    var bodies: [UInt8] = []

    /// Reports a message for this phone.
    mutating func deliver(_ body: Span<UInt8>) {
        let start = bodies.count
        bodies.append(body)
        events.append(.delivered(start..<bodies.count))
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
        bodies.removeAll(keepingCapacity: true)
    }
}

/// What came of an event.
enum PeerEvent: Equatable {
    /// Connect, after a pause (the fleet adds up to as much again, at random).
    case open(afterMilliseconds: UInt32)
    /// Close the connection when what was written has gone out; `closed` is told at once.
    case close
    /// Call `timerFired` at this time of `PeerNow.milliseconds`; replaces the one before. `.max`: never.
    case armTimer(at: UInt64)
    /// The phone is online. `resumed`: with what it had before.
    case ready(resumed: Bool)
    /// The server has taken a message over, as far as its protocol says so.
    case acknowledged(UInt64)
    /// The server refused a message, or it will never be known.
    case rejected(UInt64)
    /// A message's body, in `PeerOutput.bodies`.
    case delivered(Range<Int>)
    /// What must not happen, by a fixed name: it is counted.
    case trouble(String)
}

/// What a phone does in a scenario.
enum PeerRole: Sendable {
    /// It has an inbox that outlives its connections, and may send.
    case phone
    /// It only sends: no inbox, no subscription.
    case sender
}

extension [UInt8] {
    /// Appends a span's bytes.
    mutating func append(_ span: Span<UInt8>) { unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) } }
}

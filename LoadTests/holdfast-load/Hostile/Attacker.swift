import Glibc
import HoldfastIO
import HoldfastWire
import Synchronization

/// A hostile peer: connections on an event loop of its own, and what an `Attack` does with them.
///
/// Confined to the loop's thread once that runs, hence `@unchecked Sendable`.
final class Attacker: EventLoopDelegate, @unchecked Sendable {
    let loop: EventLoop
    let target: Target
    /// The gateway's TLS port.
    let tlsAddress: SocketAddress
    /// The gateway's control API.
    let controlAddress: SocketAddress
    /// Names and tokens of the attacker's own users.
    let tokens: TokenBook
    private(set) var tally = AttackTally()
    /// By slot.
    private var bySlot: [AttackConnection?] = []
    /// Attack connections that are up or on their way.
    private(set) var connectionCount = 0
    private let attack: any Attack
    private var phase = Phase.idle
    private var isLowered = false
    private let mailbox = Mutex<[@Sendable (Attacker) -> Void]>([])

    private enum Phase { case idle, preparing, attacking }

    init(target: Target, tlsAddress: SocketAddress, controlAddress: SocketAddress, tokens: TokenBook, attack: sending any Attack) throws {
        var configuration = EventLoopConfiguration()
        configuration.name = "attacker"
        configuration.connectTimeoutMilliseconds = 60_000
        // It is the gateway that is to give up first.
        configuration.stallTimeoutMilliseconds = 600_000
        configuration.unsentBytesMax = 16 << 20
        configuration.keptBytesMax = 4 << 20
        loop = try EventLoop(configuration)
        self.target = target
        self.tlsAddress = tlsAddress
        self.controlAddress = controlAddress
        self.tokens = tokens
        self.attack = attack
        loop.delegate = self
    }

    /// Does something on the loop's thread.
    func perform<Result: Sendable>(_ body: @escaping @Sendable (Attacker) -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            mailbox.withLock { $0.append { attacker in continuation.resume(returning: body(attacker)) } }
            loop.wake()
        }
    }

    /// Begins to prepare the attack.
    func prepare() {
        phase = .preparing
        attack.prepare(self)
    }

    /// Whether the attack may begin.
    var isPrepared: Bool { attack.isPrepared }

    /// Attacks.
    func begin() {
        phase = .attacking
        attack.begin(self)
    }

    /// Ends all connections by resets.
    func end() {
        phase = .idle
        for connection in bySlot.compactMap({ $0 }) { hangUp(connection) }
    }

    // MARK: - What attacks are made of

    /// Whether the attack is under way, not its preparation.
    var isAttacking: Bool { phase == .attacking }

    /// One of the attacker's addresses, each a /32 of its own.
    static func source(_ number: Int) -> SocketAddress { SocketAddress(ipv4: 0x7F00_0101 + UInt32(number), port: 0) }

    /// Opens a connection.
    /// - Parameter tls: to the TLS port, with a handshake.
    func connect(
        _ number: Int = 0, to door: AttackDoor = .phones, tls: TLSClientOptions? = nil, from source: SocketAddress = Attacker.source(0)
    ) {
        let connection = AttackConnection(number: number, door: door)
        let address =
            switch door {
            case .phones: tls == nil ? target.address : tlsAddress
            case .tlsByHand: tlsAddress
            case .control: controlAddress
            }
        do throws(IOError) {
            connection.id = try loop.connect(to: address, from: source, tls: tls)
        } catch {
            return tally.count("connect failed here")
        }
        let slot = Int(connection.id.slot)
        while bySlot.count <= slot { bySlot.append(nil) }
        bySlot[slot] = connection
        connectionCount += 1
    }

    /// Ends a connection by a reset.
    func hangUp(_ connection: AttackConnection) { loop.close(connection.id, flush: false, reset: true) }

    /// Sends bytes.
    func write(_ connection: AttackConnection, _ bytes: [UInt8]) { loop.send(connection.id, bytes.span) }

    /// Sends what `body` appends.
    func write(_ connection: AttackConnection, _ body: (inout [UInt8]) -> Void) {
        var bytes: [UInt8] = []
        body(&bytes)
        write(connection, bytes)
    }

    /// Preface and HELLO.
    func hello(_ connection: AttackConnection, token: [UInt8], device: String, isSendOnly: Bool = false) {
        let (device, user) = (Array(device.utf8), [UInt8]())
        write(connection) { out in
            Preface.append(to: &out)
            ClientFrameWriter.hello(
                isSendOnly: isSendOnly, token: token.span, device: device.span, user: user.span, state: nil, to: &out)
        }
    }

    /// Preface and RESUME.
    func resume(_ connection: AttackConnection, ticket: [UInt8], session: SessionID, attach: AttachNumber) {
        let state = PresentedState(session: session, attach: attach, position: .zero, lastSequence: .none)
        write(connection) { out in
            Preface.append(to: &out)
            ClientFrameWriter.resume(ticket: ticket.span, state: state, to: &out)
        }
    }

    /// So many units of the attack more. Only what is done while it is measured counts.
    func count(units: Int) { if isAttacking { tally.units += units } }

    /// Calls `Attack.pumped` as soon as all that is ready is done: for who sends as fast as he can.
    func pumpSoon() { loop.wake() }

    /// Counts an answer.
    func count(_ answer: String) { tally.count(answer) }

    // MARK: - EventLoopDelegate

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        guard let connection = find(id) else { return }
        attack.opened(self, connection)
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {
        guard let connection = remove(id) else { return }
        if phase != .idle { tally.count("not connected: \(error)") }
        attack.ended(self, connection)
    }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        guard let connection = find(id), connection.door != .tlsByHand else { return bytes.count }
        guard connection.door == .phones else {
            let statuses = connection.answers.statuses(in: bytes)
            for status in statuses {
                connection.wasTold = true
                tally.count("status \(status)")
            }
            attack.answered(self, connection, statuses.count)
            return bytes.count
        }
        var offset = 0
        do throws(CloseCode) {
            while let decoded = try ServerFrame.decode(bytes, at: offset, limits: .standard) {
                offset += decoded.byteCount
                guard let frame = decoded.frame else { continue }
                note(connection, frame, bytes)
                attack.received(self, connection, frame, bytes)
            }
        } catch {
            tally.count("unreadable frame")
            return bytes.count
        }
        return offset
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {
        guard let connection = remove(id) else { return }
        if phase != .idle, reason != .requested, !connection.wasTold { tally.count("ended without a word") }
        attack.ended(self, connection)
    }

    func deadlineReached(_ id: ConnectionID) {}

    func woken() {
        let work = mailbox.withLock { mailbox in
            let work = mailbox
            mailbox.removeAll()
            return work
        }
        for item in work { item(self) }
        if phase != .idle { attack.pumped(self) }
    }

    func ticked(_ now: UInt64) {
        if !isLowered {
            // Generator and gateway share the machine, which a real attacker doesn't: what he computes is done in what is left over.
            isLowered = true
            setpriority(Int32(PRIO_PROCESS.rawValue), 0, 19)
        }
        if phase != .idle { attack.ticked(self) }
    }

    func iterationEnded() {}

    private func note(_ connection: AttackConnection, _ frame: ServerFrame, _ bytes: Span<UInt8>) {
        switch frame {
        case .welcome(let welcome):
            connection.welcome = welcome
            connection.sequence = welcome.lastSequence.rawValue + 1
            tally.count("welcome")
        case .ticket(_, let range):
            connection.ticket = range.map { bytes[$0] }
        case .closed(let closed):
            connection.wasTold = true
            tally.count("\(closed.code)")
        case .refused(let refused):
            tally.count("refused \(refused.code)")
        default: break
        }
    }

    private func find(_ id: ConnectionID) -> AttackConnection? {
        guard Int(id.slot) < bySlot.count, let connection = bySlot[Int(id.slot)], connection.id == id else { return nil }
        return connection
    }

    private func remove(_ id: ConnectionID) -> AttackConnection? {
        guard let connection = find(id) else { return nil }
        bySlot[Int(id.slot)] = nil
        connectionCount -= 1
        return connection
    }
}

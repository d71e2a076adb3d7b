internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastWire
internal import Logging
internal import Synchronization

/// What all event loops of a gateway share.
struct GatewayShared: Sendable {
    let configuration: Configuration
    let admission: SharedAdmission
    let load: GatewayLoad
    let tokenChecks: TokenChecks
    let core: ThreadMailbox<DriverMessage>
    let addressLog: AddressLog
    let refusalLog: RefusalLog
    let names: LogNames
    let closingNotes = ClosingNotes()
    let logger: Logger
}

/// Counts the connections of all loops; taken when one opens or closes, never for its traffic.
final class SharedAdmission: Sendable {
    let admission: Mutex<Admission>

    init(_ configuration: Configuration) {
        admission = Mutex(
            Admission(
                connectionsMax: configuration.sizing().connectionsMax, connectionsPerAddressMax: configuration.connectionsPerAddressMax))
    }
}

/// One event loop of the gateway: joins its sockets to its table of connections, and that to the core.
///
/// Confined to the loop's thread once that runs; set up on another, hence `@unchecked Sendable`.
final class GatewayLoop: EventLoopDelegate, @unchecked Sendable {
    let eventLoop: EventLoop
    let mailbox: LoopMailbox
    private let index: Int
    private let core: ThreadMailbox<DriverMessage>
    private let addressLog: AddressLog
    private let port: LoopPort
    private var table: ConnectionTable
    private var messages: ContiguousArray<LoopMessage> = []
    /// Effects that were carried out, to go back with the next commands.
    private var done: EffectBatch?
    /// For metrics; what others count is added when somebody asks.
    private var counted = LoopFigures()
    /// When timers had their turn last, in monotonic milliseconds.
    private var tickedAt: UInt64 = 0

    init(index: Int, shared: GatewayShared, ticketKeys: TicketKeys) throws(IOError) {
        self.index = index
        core = shared.core
        addressLog = shared.addressLog
        eventLoop = try EventLoop(shared.configuration.loopConfiguration(index: index))
        mailbox = LoopMailbox(eventLoop)
        port = LoopPort(index: index, shared: shared, eventLoop, mailbox, ticketKeys)
        table = ConnectionTable(
            index: index, settings: shared.configuration.connectionSettings, credits: shared.configuration.sizing().commandsPerLoopMax,
            bytes: shared.configuration.sizing().commandBytesPerLoopMax, port: port)
        eventLoop.delegate = self
    }

    private func handle(_ id: ConnectionID) -> ConnectionHandle {
        ConnectionHandle(loop: index, generation: id.generation, slot: id.slot)
    }

    // MARK: - EventLoopDelegate

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        port.note(info.peer.limitKey, of: id)
        table.opened(handle(id), isTLS: info.isTLS)
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {
        preconditionFailure("a gateway connects to nobody")
    }

    func overheadExceeded(_ id: ConnectionID) {
        port.noteOverhead(of: id)
        table.overheadExceeded(handle(id))
    }

    func refused(_ peer: SocketAddress, _ refusal: ProxyRefusal) { addressLog.note(peer, refusal, now: eventLoop.now) }

    func setupFailed(_ peer: SocketAddress, _ error: ConnectError) {
        if case .tls(let reason) = error { addressLog.noteHandshake(peer.limitKey, reason, now: eventLoop.now) }
        port.logEnd("a connection ended before it was up", of: peer.limitKey, ["reason": "\(error)"])
    }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int { table.received(handle(id), bytes) }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {
        port.logEnd("a connection has ended", of: handle(id), table.session(of: handle(id)), ["reason": "\(reason)"])
        counted.ends.count(reason)
        table.closed(handle(id))
    }

    func deadlineReached(_ id: ConnectionID) { table.deadlineReached(handle(id)) }

    func woken() {
        mailbox.take(into: &messages)
        for index in messages.indices { handle(messages[index]) }
        messages.removeAll(keepingCapacity: true)
    }

    func ticked(_ now: UInt64) {
        // Not the loop's own time, which stands still during an iteration: what was handled before counts, too.
        let microseconds = SystemClock.monotonicMicroseconds()
        let due = (tickedAt + EventLoop.tickMilliseconds) * 1000
        if tickedAt > 0 { counted.lag.observe(microseconds - min(microseconds, due)) }
        tickedAt = now
    }

    func iterationEnded() {
        guard var batch = table.takeCommands() else { return }
        batch.takenAt = SystemClock.monotonicMicroseconds()
        core.post(.core(.commands(batch, done: done.take())))
    }

    /// One observation for the messages that came together and are confirmed together, with their number: no clock is read for each.
    private func noteSent(_ taken: ContiguousArray<TakenCommands>) {
        guard !taken.isEmpty else { return }
        let now = SystemClock.monotonicMicroseconds()
        for commands in taken { counted.sent.observe(now - min(now, commands.takenAt), times: UInt64(commands.count)) }
    }

    private func count(for collector: FigureCollector) {
        var figures = counted
        figures.table = table.figures
        figures.io = eventLoop.statistics
        figures.cpuNanoseconds = ProcessFigures.threadNanoseconds()
        figures.countedAt = eventLoop.now
        collector.take(figures, of: index)
    }

    private func handle(_ message: LoopMessage) {
        switch message {
        case .effects(let batch, let spare):
            table.take(batch, spare: spare)
            noteSent(batch.taken)
            done = batch
        case .tokenChecked(let id, let result): table.tokenChecked(handle(id), result.checked)
        case .describe(let inquiry):
            inquiry.answer(loop: index) { connection in
                guard let isTLS = table.isTLS(connection) else { return nil }
                let (address, since) = port.origin(of: connection)
                return ConnectionFacts(address: "\(address)", since: since, isTLS: isTLS)
            }
        case .count(let collector): count(for: collector)
        case .ticketKeys(let keys): port.replaceTicketKeys(keys)
        case .giveMemoryBack:
            table.giveMemoryBack()
            done = nil
            eventLoop.giveMemoryBack()
        case .drain(let milliseconds):
            eventLoop.stopListening()
            table.drain(milliseconds)
        case .closeAll: table.closeAll()
        }
    }
}

extension Result<VerifiedToken, TokenError> {
    fileprivate var checked: Result<CheckedToken, CloseCode> {
        map { token in
            CheckedToken(
                user: Array(token.user.utf8), device: token.device.map { Array($0.utf8) }, isService: token.role == .service, to: token.to,
                issuedAt: token.issuedAt.map { UInt32(clamping: max($0, 1)) } ?? 0, expires: token.expires)
        }.mapError(\.closeCode)
    }
}

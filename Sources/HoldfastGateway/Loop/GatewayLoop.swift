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
    let core: Inbox<CoreMessage>
    let logger: Logger
}

/// Counts the connections of all loops; taken when one opens or closes, never for its traffic.
final class SharedAdmission: Sendable {
    let admission: Mutex<Admission>

    init(_ configuration: Configuration) {
        admission = Mutex(
            Admission(
                connectionsMax: configuration.connectionsMax, connectionsPerAddressMax: configuration.connectionsPerAddressMax))
    }
}

/// One event loop of the gateway: joins its sockets to its table of connections, and that to the core.
///
/// Confined to the loop's thread once that runs; set up on another, hence `@unchecked Sendable`.
final class GatewayLoop: EventLoopDelegate, ConnectionPort, @unchecked Sendable {
    let index: Int
    let shared: GatewayShared
    let eventLoop: EventLoop
    let mailbox: LoopMailbox
    private let sealer: TicketSealer
    /// Made right after the loop that it needs as its port.
    private var table: ConnectionTable!
    /// By slot: whom the connection is counted for.
    private var addresses: ContiguousArray<AddressKey> = []
    private var messages: ContiguousArray<LoopMessage> = []
    /// Effects that were carried out, to go back with the next commands.
    private var done: EffectBatch?

    init(index: Int, shared: GatewayShared, ticketKeys: TicketKeys) throws(IOError) {
        self.index = index
        self.shared = shared
        eventLoop = try EventLoop(shared.configuration.loopConfiguration(index: index))
        mailbox = LoopMailbox(eventLoop)
        sealer = TicketSealer(ticketKeys)
        table = ConnectionTable(
            index: index, settings: shared.configuration.connectionSettings, credits: shared.configuration.commandsPerLoopMax,
            bytes: shared.configuration.commandBytesPerLoopMax, port: self)
        eventLoop.delegate = self
    }

    private func handle(_ id: ConnectionID) -> ConnectionHandle {
        ConnectionHandle(loop: index, generation: id.generation, slot: id.slot)
    }

    private func id(_ handle: ConnectionHandle) -> ConnectionID { ConnectionID(slot: handle.slot, generation: handle.generation) }

    // MARK: - EventLoopDelegate

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        while addresses.count <= Int(id.slot) { addresses.append(.none) }
        addresses[Int(id.slot)] = info.peer.limitKey
        table.opened(handle(id))
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {
        preconditionFailure("a gateway connects to nobody")
    }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int { table.received(handle(id), bytes) }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) { table.closed(handle(id)) }

    func deadlineReached(_ id: ConnectionID) { table.deadlineReached(handle(id)) }

    func woken() {
        mailbox.take(into: &messages)
        for index in messages.indices { handle(messages[index]) }
        messages.removeAll(keepingCapacity: true)
    }

    func ticked(_ now: UInt64) {}

    func iterationEnded() {
        if let batch = table.takeCommands() { shared.core.post(.commands(batch, done: done.take())) }
    }

    private func handle(_ message: LoopMessage) {
        switch message {
        case .effects(let batch, let spare):
            table.take(batch, spare: spare)
            done = batch
        case .tokenChecked(let id, let result): table.tokenChecked(handle(id), result.checked)
        case .ticketKeys(let keys): sealer.replaceKeys(keys)
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

    // MARK: - ConnectionPort

    var now: UInt64 { eventLoop.now }

    var wallSeconds: UInt64 { SystemClock.wallSeconds() }

    func send(_ connection: ConnectionHandle, _ bytes: Span<UInt8>) { eventLoop.send(id(connection), bytes) }

    func close(_ connection: ConnectionHandle) { eventLoop.close(id(connection), flush: true) }

    func setDeadline(_ connection: ConnectionHandle, afterMilliseconds milliseconds: UInt32) {
        eventLoop.setDeadline(id(connection), afterMilliseconds: milliseconds)
    }

    func pauseReading(_ connection: ConnectionHandle) { eventLoop.pauseReading(id(connection)) }

    func resumeReading(_ connection: ConnectionHandle) { eventLoop.resumeReading(id(connection)) }

    func admit(_ connection: ConnectionHandle) -> CloseCode? {
        switch shared.admission.admission.withLock({ $0.admit(addresses[Int(connection.slot)].bits) }) {
        case .gatewayFull: .gatewayFull
        case .tooManyConnections: .tooManyConnections
        case nil: nil
        }
    }

    func release(_ connection: ConnectionHandle) {
        shared.admission.admission.withLock { $0.release(addresses[Int(connection.slot)].bits) }
    }

    func checkToken(_ token: [UInt8], of connection: ConnectionHandle) -> Bool {
        shared.tokenChecks.begin(token, id(connection), mailbox)
    }

    func openTicket(_ sealed: Span<UInt8>) throws(TicketError) -> Ticket { try sealer.open(sealed, now: wallSeconds) }

    func sealTicket(_ ticket: Ticket) -> [UInt8] { sealer.seal(ticket) }

    var load: GatewayLoad { shared.load }

    func isShedding(_ report: StormControl.Report) {
        shared.logger.notice(
            "shedding load: openings are told when to come back",
            metadata: [
                "loop": "\(index)", "admitted": "\(report.admitted)", "deferred": "\(report.deferred)", "waiting": "\(report.waiting)",
                "inFlightLimit": "\(report.inFlightLimit)", "perSecond": "\(report.perSecond)",
                "slotSeconds": "\((report.slotMilliseconds + 500) / 1000)",
            ])
    }

    func random(in range: ClosedRange<UInt32>) -> UInt32 { UInt32.random(in: range) }

    func willClose(_ connection: ConnectionHandle, _ code: CloseCode) {
        shared.logger.debug(
            "closing a connection",
            metadata: ["code": "\(code)", "connection": "\(index).\(connection.slot).\(connection.generation)"])
    }
}

extension Result<VerifiedToken, TokenError> {
    fileprivate var checked: Result<CheckedToken, CloseCode> {
        map { token in
            CheckedToken(
                user: Array(token.user.utf8), device: token.device.map { Array($0.utf8) }, isService: token.role == .service,
                expires: token.expires)
        }.mapError(\.closeCode)
    }
}

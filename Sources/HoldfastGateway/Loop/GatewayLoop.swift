internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastWire
internal import Logging
internal import Synchronization

/// What all event loops of a gateway share.
struct GatewayShared: Sendable {
    let limits: ConnectionLimits
    let configuration: Configuration
    let admission: SharedAdmission
    let tokenChecks: TokenChecks
    let core: Inbox<CoreMessage>
    let logger: Logger
}

/// Counts the connections of all loops; taken when one opens or closes, never for its traffic.
final class SharedAdmission: Sendable {
    let admission: Mutex<Admission<AddressKey>>

    init(_ configuration: Configuration) {
        admission = Mutex(
            Admission(
                connectionsMax: configuration.connectionsMax, connectionsPerAddressMax: configuration.connectionsPerAddressMax))
    }
}

/// The connections of one event loop: drives their machines, hands their commands to the core, and writes what the core says.
///
/// Confined to the loop's thread once that runs; set up on another, hence `@unchecked Sendable`.
final class GatewayLoop: EventLoopDelegate, @unchecked Sendable {
    /// What a connection that logs in needs beside its machine, until its token is checked.
    struct Login {
        var device: [UInt8]
        var isSendOnly: Bool
        var state: PresentedState?
        /// The token of an `AUTHENTICATE`, not of a `HELLO`.
        var isFresh: Bool
    }

    let index: Int
    let shared: GatewayShared
    let eventLoop: EventLoop
    let mailbox: LoopMailbox
    let sealer: TicketSealer
    /// By slot. One that is free has a handle that names no connection.
    var machines: ContiguousArray<ConnectionMachine> = []
    /// By slot: whom the connection was counted for, if it was.
    var addresses: ContiguousArray<AddressKey> = []
    var intake: CommandIntake
    /// Commands' arrays to be filled next.
    var spare: CommandBatch
    /// What goes to the connection at hand; emptied after each.
    var out: [UInt8] = []
    var groups = EffectGroups()
    var logins: [ConnectionID: Login] = [:]
    /// Connections that aren't read because the loop had no credits, in the order in which that happened.
    var paused: ContiguousArray<ConnectionID> = []
    var pausedHead = 0
    var messages: ContiguousArray<LoopMessage> = []
    /// Set while the gateway drains: nobody new is let in.
    var isDraining = false
    var drainMilliseconds: UInt32 = 0

    init(index: Int, shared: GatewayShared, ticketKeys: TicketKeys) throws(IOError) {
        self.index = index
        self.shared = shared
        eventLoop = try EventLoop(shared.configuration.loopConfiguration(index: index))
        mailbox = LoopMailbox(eventLoop)
        sealer = TicketSealer(ticketKeys)
        intake = CommandIntake(
            loop: index, credits: shared.configuration.commandsPerLoopMax, bytes: shared.configuration.commandBytesPerLoopMax)
        spare = CommandBatch(loop: index)
        eventLoop.delegate = self
    }

    // MARK: - EventLoopDelegate

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        let slot = Int(id.slot)
        while machines.count <= slot {
            machines.append(ConnectionMachine(.none, limits: shared.limits, now: 0))
            addresses.append(.none)
        }
        let handle = ConnectionHandle(loop: index, generation: id.generation, slot: id.slot)
        machines[slot] = ConnectionMachine(handle, limits: shared.limits, now: eventLoop.now)
        let address = info.peer.limitKey
        if isDraining { return close(id, .goingAway) }
        switch shared.admission.admission.withLock({ $0.admit(address) }) {
        case .gatewayFull: close(id, .gatewayFull)
        case .tooManyConnections: close(id, .tooManyConnections)
        case nil:
            addresses[slot] = address
            eventLoop.setDeadline(id, afterMilliseconds: shared.limits.firstFrameMilliseconds)
        }
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {
        preconditionFailure("a gateway connects to nobody")
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {
        let slot = Int(id.slot)
        let address = addresses[slot]
        if address != .none {
            shared.admission.admission.withLock { $0.release(address) }
            addresses[slot] = .none
        }
        if machines[slot].isKnownToCore { intake.detach(machines[slot].handle, machines[slot].session) }
        if !logins.isEmpty { logins[id] = nil }
        machines[slot] = ConnectionMachine(.none, limits: shared.limits, now: 0)
    }

    func deadlineReached(_ id: ConnectionID) {
        let action = machines[Int(id.slot)].deadlineReached(now: eventLoop.now, limits: shared.limits, out: &out)
        flush(id)
        switch action {
        case .setDeadline(let milliseconds): eventLoop.setDeadline(id, afterMilliseconds: milliseconds)
        case .resumeReading:
            eventLoop.resumeReading(id)
            let next = machines[Int(id.slot)].deadlineMilliseconds(now: eventLoop.now, limits: shared.limits)
            eventLoop.setDeadline(id, afterMilliseconds: next)
        case .close(let code): close(id, code)
        default: break
        }
    }

    func woken() {
        mailbox.take(into: &messages)
        for index in messages.indices { handle(messages[index]) }
        messages.removeAll(keepingCapacity: true)
    }

    func ticked(_ now: UInt64) {}

    func iterationEnded() {
        let next = spare
        guard let batch = intake.takeBatch(spare: next) else { return }
        spare = CommandBatch(loop: index)
        shared.core.post(.commands(batch))
    }

    private func handle(_ message: LoopMessage) {
        switch message {
        case .effects(let batch, let spare):
            self.spare = spare
            apply(batch)
            intake.returned(credits: batch.creditsReturned, bytes: batch.bytesReturned)
            resumePaused()
        case .tokenChecked(let id, let result): tokenChecked(id, result)
        case .ticketKeys(let keys): sealer.replaceKeys(keys)
        case .drain(let milliseconds): drain(milliseconds)
        case .closeAll: closeAll()
        }
    }

    // MARK: - Output

    /// Whether the slot still has this connection; the generation tells.
    func isCurrent(_ id: ConnectionID) -> Bool {
        let slot = Int(id.slot)
        return slot < machines.count && machines[slot].handle == ConnectionHandle(loop: index, generation: id.generation, slot: id.slot)
    }

    /// Hands what was written to the event loop.
    func flush(_ id: ConnectionID) {
        guard !out.isEmpty else { return }
        eventLoop.send(id, out.span)
        out.removeAll(keepingCapacity: out.capacity <= Self.outBytesKept)
    }

    /// A page of replay may be large; what it took isn't kept for ever.
    private static let outBytesKept = 256 << 10

    /// Says why, writes it out, and closes. When to come back is spread, so that not all come at once.
    func close(_ id: ConnectionID, _ code: CloseCode, retryAfterMilliseconds: UInt32? = nil) {
        guard machines[Int(id.slot)].state != .closing else { return }
        shared.logger.debug("closing a connection", metadata: ["code": "\(code)", "connection": "\(index).\(id.slot).\(id.generation)"])
        let text = Array(String(describing: code).utf8)
        ServerFrameWriter.closed(
            code, retryAfterMilliseconds: retryAfterMilliseconds ?? retryAfter(code), text: text.span, to: &out)
        flush(id)
        leave(id)
    }

    /// Writes out what there is and closes.
    func leave(_ id: ConnectionID) {
        machines[Int(id.slot)].close()
        eventLoop.close(id, flush: true)
    }

    private func retryAfter(_ code: CloseCode) -> UInt32 {
        switch code {
        case .gatewayFull, .tooManyConnections, .overloaded, .rateLimited, .goingAway:
            let least = UInt32(shared.configuration.retryAfterSeconds) * 1000
            return UInt32.random(in: least...least * 3)
        default:
            return 0
        }
    }
}

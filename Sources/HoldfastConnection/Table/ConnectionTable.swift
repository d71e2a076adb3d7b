package import HoldfastCore
package import HoldfastWire
internal import Synchronization

/// The connections of one event loop: drives their machines, collects their commands for the core, and writes what the core says.
///
/// Confined to one thread, the loop's. What it does is the same over real sockets and simulated ones: all that differs is behind the port.
///
/// No class: an event uses the fields many times, and each time a class's fields would be checked for conflicting access at run time. The
/// one check that is left is that of the owner's field, and holds the port to its word not to call back at once.
package struct ConnectionTable: ~Copyable {
    /// What a connection that logs in needs beside its machine, until its token is checked.
    struct Login {
        var device: [UInt8]
        /// The user whose token the client believes it is; empty: not to be checked (REQ-OPEN-8).
        var user: [UInt8]
        var isSendOnly: Bool
        var state: PresentedState?
        /// The token of an `AUTHENTICATE`, not of a `HELLO`.
        var isFresh: Bool
    }

    package let index: Int
    let settings: ConnectionSettings
    /// Must not own the table in its turn. Not unowned: that costs a retain at each call.
    let port: any ConnectionPort
    /// By slot. One that is free has a handle that names no connection.
    package internal(set) var machines: ContiguousArray<ConnectionMachine> = []
    /// By slot: whether the connection was admitted, and has to be released.
    var isAdmitted: ContiguousArray<Bool> = []
    var intake: CommandIntake
    /// Commands' arrays to be filled next.
    private var spare: CommandBatch
    /// What goes to the connection at hand; emptied after each.
    var out: [UInt8] = []
    var groups = EffectGroups()
    var logins: [ConnectionHandle: Login] = [:]
    var storm: StormControl
    /// Those whose turn hasn't come, and their order.
    var openings: [ConnectionHandle: Opening] = [:]
    var openingQueue = OpeningQueue()
    /// Messages that were confirmed in the batch of effects at hand.
    var sentCount: UInt64 = 0
    /// For metrics; what other parts know is added when somebody asks (`figures`).
    var counted = TableFigures()
    /// Connections that aren't read because the loop had no credits, in the order in which that happened.
    var paused: ContiguousArray<ConnectionHandle> = []
    var pausedHead = 0
    /// Set while the gateway drains: nobody new is let in.
    var isDraining = false
    var drainMilliseconds: UInt32 = 0

    var limits: ConnectionLimits { settings.limits }

    /// - Parameters:
    ///   - credits: commands that may be under way to the core.
    ///   - bytes: bytes of names and bodies that may.
    package init(index: Int, settings: ConnectionSettings, credits: Int, bytes: Int, port: any ConnectionPort) {
        self.index = index
        self.settings = settings
        self.port = port
        storm = StormControl(settings.storm)
        intake = CommandIntake(loop: index, credits: credits, bytes: bytes)
        spare = CommandBatch(door: index)
    }

    // MARK: - Events

    /// A connection is up.
    /// - Parameter isTLS: for metrics.
    package mutating func opened(_ connection: ConnectionHandle, isTLS: Bool = false) {
        let slot = Int(connection.slot)
        while machines.count <= slot {
            machines.append(ConnectionMachine(.none, limits: limits, now: 0))
            isAdmitted.append(false)
        }
        assert(machines[slot].handle == .none && !isAdmitted[slot], "a slot's connection has closed before another one is up in it")
        machines[slot] = ConnectionMachine(connection, limits: limits, now: port.now)
        countOpened(slot, isTLS: isTLS)
        if isDraining { return close(connection, .goingAway) }
        if let refusal = port.admit(connection) { return close(connection, refusal) }
        isAdmitted[slot] = true
        port.setDeadline(connection, afterMilliseconds: limits.firstFrameMilliseconds)
    }

    /// A connection is gone, whoever closed it.
    package mutating func closed(_ connection: ConnectionHandle) {
        assert(isCurrent(connection), "a connection closes once")
        let slot = Int(connection.slot)
        if isAdmitted[slot] {
            port.release(connection)
            isAdmitted[slot] = false
        }
        countClosed(slot)
        openingLost(connection)
        if machines[slot].isKnownToCore { intake.detach(machines[slot].handle, machines[slot].session) }
        if !logins.isEmpty { logins[connection] = nil }
        machines[slot] = ConnectionMachine(.none, limits: limits, now: 0)
    }

    /// The connection costs the loop more than it brings.
    package mutating func overheadExceeded(_ connection: ConnectionHandle) { close(connection, .rateLimited) }

    /// The deadline that was set is reached.
    package mutating func deadlineReached(_ connection: ConnectionHandle) {
        assert(isCurrent(connection) && out.isEmpty, "an event is of a connection that is up, and what the last one wrote has left")
        let slot = Int(connection.slot)
        let action = machines[slot].deadlineReached(now: port.now, limits: limits, out: &out)
        flush(connection)
        switch action {
        case .setDeadline(let milliseconds): port.setDeadline(connection, afterMilliseconds: milliseconds)
        case .resumeReading:
            port.resumeReading(connection)
            setDeadline(connection)
        case .close(let code): close(connection, code)
        default: break
        }
    }

    /// The commands so far, to be given to the core; nil when there are none. To be called when everything that was ready has been handled.
    package mutating func takeCommands() -> CommandBatch? {
        let next = spare
        guard let batch = intake.takeBatch(spare: next) else { return nil }
        spare = CommandBatch(door: index)
        return batch
    }

    /// What the core says.
    /// - Parameter spare: the emptied arrays of a batch, to be used again.
    package mutating func take(_ batch: EffectBatch, spare: CommandBatch) {
        assert(spare.commands.isEmpty, "what is used again is empty")
        self.spare = spare
        apply(batch)
        intake.returned(credits: batch.creditsReturned, bytes: batch.bytesReturned)
        if sentCount > 0 {
            port.load.sentCount.wrappingAdd(sentCount, ordering: .relaxed)
            counted.messagesConfirmed &+= sentCount
            sentCount = 0
        }
        admitWaiting()
        resumePaused()
    }

    /// Gives back the room of a past peak.
    package mutating func giveMemoryBack() {
        spare = CommandBatch(door: index)
        intake.giveMemoryBack()
        out = []
        groups = EffectGroups()
        if logins.isEmpty { logins = [:] }
        if paused.isEmpty { paused = [] }
    }

    /// The session that the connection is in; 0 before `WELCOME`.
    package func session(of connection: ConnectionHandle) -> SessionID { machines[Int(connection.slot)].session }

    /// Whether the connection is one with TLS; nil: it has ended.
    package func isTLS(_ connection: ConnectionHandle) -> Bool? {
        isCurrent(connection) ? machines[Int(connection.slot)].flags.contains(.isTLS) : nil
    }

    // MARK: - Output

    /// Whether the slot still has this connection; the generation tells.
    func isCurrent(_ connection: ConnectionHandle) -> Bool {
        let slot = Int(connection.slot)
        return slot < machines.count && machines[slot].handle == connection
    }

    /// Hands what was written to the port.
    mutating func flush(_ connection: ConnectionHandle) {
        guard !out.isEmpty else { return }
        assert(isCurrent(connection), "what is written goes to a connection that is up")
        port.send(connection, out.span)
        out.removeAll(keepingCapacity: out.capacity <= Self.outBytesKept)
    }

    /// A page of replay may be large; what it took isn't kept for ever.
    private static let outBytesKept = 256 << 10

    func setDeadline(_ connection: ConnectionHandle) {
        let milliseconds = machines[Int(connection.slot)].deadlineMilliseconds(now: port.now, limits: limits)
        port.setDeadline(connection, afterMilliseconds: milliseconds)
    }

    /// Says why, writes it out, and closes. When to come back is spread, so that not all come at once.
    /// - Parameter reason: what the code alone doesn't say, for the client's log.
    mutating func close(
        _ connection: ConnectionHandle, _ code: CloseCode, retryAfterMilliseconds: UInt32? = nil, text reason: String? = nil
    ) {
        assert(isCurrent(connection), "only a connection that is up is told why")
        guard machines[Int(connection.slot)].state != .closing else { return }
        port.willClose(connection, session(of: connection), code)
        let text = Array((reason ?? String(describing: code)).utf8)
        ServerFrameWriter.closed(
            code, retryAfterMilliseconds: retryAfterMilliseconds ?? retryAfter(code), text: text.span, to: &out)
        flush(connection)
        countClosing(Int(connection.slot), code)
        leave(connection)
    }

    /// Writes out what there is and closes; how long that may take is the port's to bound (REQ-CLOSE-5).
    mutating func leave(_ connection: ConnectionHandle) {
        countClosing(Int(connection.slot), nil)
        machines[Int(connection.slot)].close()
        port.close(connection)
    }

    private func retryAfter(_ code: CloseCode) -> UInt32 {
        switch code {
        case .gatewayFull, .tooManyConnections, .overloaded, .rateLimited, .goingAway:
            let least = settings.retryAfterSeconds * 1000
            return port.random(in: least...least * 3)
        default:
            return 0
        }
    }
}

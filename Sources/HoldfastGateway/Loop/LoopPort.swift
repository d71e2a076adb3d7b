internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastWire
internal import Logging
internal import Synchronization

/// What a loop's table of connections needs of the world, over the event loop and OpenSSL. Confined to the loop's thread, like the table.
final class LoopPort: ConnectionPort {
    private let index: Int
    private let shared: GatewayShared
    private let eventLoop: EventLoop
    private let mailbox: LoopMailbox
    private let sealer: TicketSealer
    /// Asked once: a line for each connection is made only for those who look.
    private let logsConnections: Bool
    /// By slot: whom the connection is counted for.
    private var addresses: ContiguousArray<AddressKey> = []
    /// By slot: when the connection was taken from its listener, in monotonic seconds, rounded up: it isn't told to be older than it is.
    private var openedAt: ContiguousArray<UInt32> = []

    init(index: Int, shared: GatewayShared, _ eventLoop: EventLoop, _ mailbox: LoopMailbox, _ ticketKeys: TicketKeys) {
        self.index = index
        self.shared = shared
        self.eventLoop = eventLoop
        self.mailbox = mailbox
        sealer = TicketSealer(ticketKeys)
        logsConnections = shared.logger.logLevel <= .debug
    }

    /// A connection is up, from this address.
    func note(_ address: AddressKey, of id: ConnectionID) {
        while addresses.count <= Int(id.slot) {
            addresses.append(.none)
            openedAt.append(0)
        }
        addresses[Int(id.slot)] = address
        openedAt[Int(id.slot)] = UInt32(truncatingIfNeeded: (now + 999) / 1000)
    }

    /// Where the connection comes from, and since when, in milliseconds since 1970.
    func origin(of connection: ConnectionHandle) -> (address: AddressKey, since: UInt64) {
        let slot = Int(connection.slot)
        let seconds = UInt64(max(0, Int32(bitPattern: UInt32(truncatingIfNeeded: now / 1000) &- openedAt[slot])))
        return (addresses[slot], (wallSeconds - min(wallSeconds, seconds)) * 1000)
    }

    /// The connection costs the loop more than it brings: for the log.
    func noteOverhead(of id: ConnectionID) { shared.addressLog.noteOverhead(addresses[Int(id.slot)], now: eventLoop.now) }

    func replaceTicketKeys(_ keys: TicketKeys) { sealer.replaceKeys(keys) }

    private func id(_ handle: ConnectionHandle) -> ConnectionID { ConnectionID(slot: handle.slot, generation: handle.generation) }

    // MARK: - ConnectionPort

    var now: UInt64 { eventLoop.now }

    var wallSeconds: UInt64 { shared.load.wallSeconds(atMonotonic: now) }

    func send(_ connection: ConnectionHandle, _ bytes: Span<UInt8>) { eventLoop.send(id(connection), bytes) }

    func close(_ connection: ConnectionHandle) { eventLoop.close(id(connection), flush: true) }

    func setDeadline(_ connection: ConnectionHandle, afterMilliseconds milliseconds: UInt32) {
        eventLoop.setDeadline(id(connection), afterMilliseconds: milliseconds)
    }

    func hasPeerEnded(_ connection: ConnectionHandle) -> Bool { eventLoop.hasPeerEnded(id(connection)) }

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

    func openTicket(_ sealed: Span<UInt8>) throws(TicketError) -> Ticket { try sealer.open(sealed) }

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

    func willClose(_ connection: ConnectionHandle, _ session: SessionID, _ code: CloseCode) {
        shared.refusalLog.note(code, now: now)
        logEnd("closing a connection", of: connection, session, ["code": "\(code)"])
    }

    // MARK: - The log

    /// Says at the debug level that a connection has come to its end, and whose it was.
    func logEnd(
        _ message: String, of connection: ConnectionHandle, _ session: SessionID, _ metadata: @autoclosure () -> [String: String]
    ) {
        guard logsConnections else { return }
        var metadata = metadata()
        metadata["connection"] = "\(index).\(connection.slot).\(connection.generation)"
        metadata["address"] = shared.names.address(addresses[Int(connection.slot)])
        // Before WELCOME nobody knows whose it is.
        guard session.rawValue != 0, shared.names.namesUsers, shared.closingNotes.add() else {
            return shared.logger.debug("\(message)", metadata: metadata.mapValues { "\($0)" })
        }
        let note = ClosingNote(
            message: message, metadata: metadata, user: session.userNumber, names: shared.names, waiting: shared.closingNotes)
        shared.core.post(.closing(note))
    }

    /// The same of one that never was up.
    func logEnd(_ message: String, of address: AddressKey, _ metadata: @autoclosure () -> [String: String]) {
        guard logsConnections else { return }
        var metadata = metadata()
        metadata["address"] = shared.names.address(address)
        shared.logger.debug("\(message)", metadata: metadata.mapValues { "\($0)" })
    }
}

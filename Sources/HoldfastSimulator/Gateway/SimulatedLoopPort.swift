import HoldfastClient
import HoldfastConnection
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// One event loop of the simulated gateway: the real table of connections over simulated sockets and timers.
final class SimulatedLoopPort: ConnectionPort {
    private struct Socket {
        var handle = ConnectionHandle.none
        var link: Link?
        /// What came and wasn't consumed.
        var unread: [UInt8] = []
        var isPaused = false
        var isClosing = false
        var deadlineStamp: UInt64 = 0
        var address: UInt32 = 0
        var generation: UInt32 = 0
        var state = ConnectionMachine.State.awaitingPreface
    }

    unowned let run: GatewayRun
    let index: Int
    private var sockets: [Socket] = []
    private var free: [Int] = []
    private var stamps: UInt64 = 0
    private var keys: TicketKeys
    /// Effects on their way from the core, in order.
    private var effects: [EffectBatch] = []

    init(_ run: GatewayRun, index: Int, keys: TicketKeys) {
        self.run = run
        self.index = index
        self.keys = keys
    }

    private var owner: TableOwner { run.tables[index] }

    var connectionCount: Int { sockets.count - free.count }

    // MARK: - Events

    func accept(_ link: Link) {
        let slot = free.popLast() ?? sockets.count
        if slot == sockets.count { sockets.append(Socket()) }
        let generation = (sockets[slot].generation + 1) & 0xFF_FFFF
        let handle = ConnectionHandle(loop: index, generation: generation, slot: UInt32(slot))
        sockets[slot] = Socket(handle: handle, link: link, address: link.phone.address, generation: generation)
        link.handle = handle
        link.port = self
        owner.table.opened(handle)
        iterationEnded(slot)
    }

    func received(_ link: Link, _ bytes: [UInt8]) {
        guard let slot = slot(of: link.handle) else { return }
        sockets[slot].unread += bytes
        read(slot)
    }

    private func read(_ slot: Int) {
        guard !sockets[slot].isPaused, !sockets[slot].isClosing, !sockets[slot].unread.isEmpty else { return }
        let bytes = sockets[slot].unread
        let consumed = owner.table.received(sockets[slot].handle, bytes.span)
        sockets[slot].unread.removeFirst(consumed)
        iterationEnded(slot)
    }

    /// The other side has closed, or the network says so.
    func ended(_ link: Link) {
        guard let slot = slot(of: link.handle) else { return }
        release(slot)
        iterationEnded(nil)
    }

    func take(_ batch: EffectBatch) {
        effects.append(batch)
        run.after(run.world.random.within(0...2)) { [unowned self] in
            guard !effects.isEmpty else { return }
            owner.table.take(effects.removeFirst(), spare: CommandBatch(door: index))
            for slot in sockets.indices where sockets[slot].handle != .none { note(slot) }
            iterationEnded(nil)
        }
    }

    func replaceKeys(_ keys: TicketKeys) { self.keys = keys }

    func drain(_ milliseconds: UInt32) {
        owner.table.drain(milliseconds)
        for slot in sockets.indices where sockets[slot].handle != .none { note(slot) }
        iterationEnded(nil)
    }

    func closeAll() {
        owner.table.closeAll()
        iterationEnded(nil)
    }

    /// Hands on what the connections have for the core, as an event loop does at the end of each round.
    private func iterationEnded(_ slot: Int?) {
        if let slot { note(slot) }
        if owner.table.openingsWaiting > 0 { run.world.coverage.count(.openingWaited) }
        if let batch = owner.table.takeCommands() { run.post(.commands(batch, done: nil)) }
    }

    private func note(_ slot: Int) {
        guard sockets[slot].handle != .none else { return }
        let state = owner.table.machines[slot].state
        run.world.coverage.connection(sockets[slot].state, state)
        sockets[slot].state = state
    }

    private func slot(of handle: ConnectionHandle) -> Int? {
        let slot = Int(handle.slot)
        return handle != .none && slot < sockets.count && sockets[slot].handle == handle ? slot : nil
    }

    private func release(_ slot: Int) {
        let handle = sockets[slot].handle
        note(slot)
        run.world.coverage.connection(sockets[slot].state, .closing)
        sockets[slot].link?.handle = .none
        sockets[slot].link?.port = nil
        owner.table.closed(handle)
        sockets[slot].handle = .none
        sockets[slot].link = nil
        sockets[slot].unread = []
        free.append(slot)
    }

    // MARK: - ConnectionPort

    var now: UInt64 { run.monotonic }

    var wallSeconds: UInt64 { load.wallSeconds(atMonotonic: run.monotonic) }

    func send(_ connection: ConnectionHandle, _ bytes: Span<UInt8>) {
        guard let slot = slot(of: connection), let link = sockets[slot].link else { return }
        var copy: [UInt8] = []
        copy.append(copying: bytes)
        run.network.send(link, .down, .bytes(copy))
    }

    func close(_ connection: ConnectionHandle) {
        guard let slot = slot(of: connection), !sockets[slot].isClosing else { return }
        sockets[slot].isClosing = true
        if let link = sockets[slot].link { run.network.send(link, .down, .end(.closedByPeer)) }
        run.after(run.world.random.within(0...20)) { [unowned self] in
            guard let slot = self.slot(of: connection) else { return }
            release(slot)
            iterationEnded(nil)
        }
    }

    func setDeadline(_ connection: ConnectionHandle, afterMilliseconds milliseconds: UInt32) {
        guard let slot = slot(of: connection) else { return }
        stamps += 1
        let stamp = stamps
        sockets[slot].deadlineStamp = stamp
        run.after(UInt64(milliseconds)) { [unowned self] in
            guard let slot = self.slot(of: connection), sockets[slot].deadlineStamp == stamp, !sockets[slot].isClosing else { return }
            owner.table.deadlineReached(connection)
            iterationEnded(slot)
        }
    }

    func hasPeerEnded(_ connection: ConnectionHandle) -> Bool {
        guard let slot = slot(of: connection), let link = sockets[slot].link else { return true }
        #if PLANTED_BUGS
            if PlantedBug.fencedForGood.isActive { return false }
        #endif
        // Behind bytes that weren't read yet; while the process stood still it may have come long ago.
        let hasEnded = link.up.items.contains { item in
            if case .end = item.item { item.arrival <= run.world.time } else { false }
        }
        if hasEnded { run.world.coverage.count(.openingAbandoned) }
        return hasEnded
    }

    func pauseReading(_ connection: ConnectionHandle) {
        if let slot = slot(of: connection) { sockets[slot].isPaused = true }
    }

    func resumeReading(_ connection: ConnectionHandle) {
        guard let slot = slot(of: connection) else { return }
        sockets[slot].isPaused = false
        run.after(0) { [unowned self] in
            if let slot = self.slot(of: connection) { read(slot) }
        }
    }

    func admit(_ connection: ConnectionHandle) -> CloseCode? {
        guard let slot = slot(of: connection) else { return .internalError }
        switch run.admission.admit(UInt64(sockets[slot].address)) {
        case .gatewayFull:
            run.world.coverage.count(.admissionRefused)
            return .gatewayFull
        case .tooManyConnections:
            run.world.coverage.count(.admissionRefused)
            return .tooManyConnections
        case nil: return nil
        }
    }

    func release(_ connection: ConnectionHandle) {
        if let slot = slot(of: connection) { run.admission.release(UInt64(sockets[slot].address)) }
    }

    func checkToken(_ token: [UInt8], of connection: ConnectionHandle) -> Bool {
        run.after(run.world.random.within(1...60)) { [unowned self] in
            owner.table.tokenChecked(connection, SimulatedToken.check(token, wallSeconds: wallSeconds))
            iterationEnded(slot(of: connection))
        }
        return true
    }

    func openTicket(_ sealed: Span<UInt8>) throws(TicketError) -> Ticket {
        try SimulatedTicket.open(sealed, keys)
    }

    func sealTicket(_ ticket: Ticket) -> [UInt8] { SimulatedTicket.seal(ticket, keys) }

    var load: GatewayLoad { run.load }

    func isShedding(_ report: StormControl.Report) {
        run.world.note("the gateway sheds load: \(report.deferred) are to come back, \(report.waiting) wait")
        run.world.coverage.count(.openingDeferred)
    }

    func random(in range: ClosedRange<UInt32>) -> UInt32 {
        UInt32(run.world.random.within(UInt64(range.lowerBound)...UInt64(range.upperBound)))
    }

    func willClose(_ connection: ConnectionHandle, _ session: SessionID, _ code: CloseCode) {
        run.world.note("the gateway closes \(slot(of: connection).flatMap { sockets[$0].link?.number } ?? 0): \(code)")
    }
}

/// Has the table of a loop, which has the port: not the port itself, or they would keep each other for ever.
final class TableOwner {
    var table: ConnectionTable

    init(_ port: SimulatedLoopPort, _ profile: Profile) {
        table = ConnectionTable(
            index: port.index, settings: profile.connection, credits: profile.commandsMax, bytes: profile.commandBytesMax, port: port)
    }
}

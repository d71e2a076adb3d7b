internal import CLinux
internal import Glibc

/// Deadlines: one of the delegate (or of the connection's set-up or end), and one for output that the peer doesn't take.
extension EventLoop {
    /// Calls `deadlineReached` once after this time, unless it is set again; 0 cancels. Up to 64 ms late, never early.
    ///
    /// Setting it further ahead, as each heartbeat does, is one store.
    package func setDeadline(_ id: ConnectionID, afterMilliseconds milliseconds: UInt32) {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id), unsafe connection.pointee.state == .open else { return }
        unsafe setDeadline(id.slot, connection, milliseconds)
    }

    /// As above, in any state of the connection.
    @inline(__always)
    func setDeadline(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ milliseconds: UInt32) {
        guard milliseconds > 0 else {
            // The wheel forgets it by itself.
            unsafe connection.pointee.deadline = TimerWheel.never
            return
        }
        let due = tick(after: milliseconds)
        unsafe connection.pointee.deadline = due
        unsafe armNoLater(than: due, slot, connection)
    }

    /// Begins to watch whether the peer takes its output.
    func beginStallWindow(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ output: ByteBlock) {
        output.window = (unsafe state.pointee.tick, 0)
        unsafe armNoLater(than: tick(after: configuration.stallTimeoutMilliseconds), slot, connection)
    }

    /// How long it is at least from one `ticked` to the next, and no longer while the loop isn't late.
    package static let tickMilliseconds: UInt64 = 100

    /// Handles what is due, and `ticked`.
    func runTimers(_ delegate: any EventLoopDelegate) {
        let tick = unsafe state.pointee.tick
        if unsafe tick > state.pointee.wheel.current {
            unsafe state.pointee.wheel.advance(to: tick)
            while let slot = unsafe state.pointee.wheel.popDue() {
                unsafe due(slot, state.pointee.slab.slots + Int(slot), tick, delegate)
            }
        }
        let now = unsafe state.pointee.now
        guard unsafe now >= state.pointee.nextTicked else { return }
        unsafe state.pointee.nextTicked = now + Self.tickMilliseconds
        if unsafe state.pointee.acceptsAgainAt != 0, unsafe now >= state.pointee.acceptsAgainAt { resumeAccepting(delegate) }
        delegate.ticked(now)
    }

    private func due(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ tick: UInt32, _ delegate: any EventLoopDelegate
    ) {
        let generation = unsafe connection.pointee.generation
        if unsafe connection.pointee.deadline <= tick {
            if unsafe isLate(connection.pointee.deadline, at: tick) {
                unsafe connection.pointee.deadline = tick + ticks(Self.graceMilliseconds)
            } else {
                unsafe connection.pointee.deadline = TimerWheel.never
                let state = unsafe connection.pointee.state
                unsafe handleWaiting(slot, connection, delegate)
                // What waited may have brought the connection on, or given it another deadline.
                if unsafe connection.pointee.deadline == TimerWheel.never && connection.pointee.state == state {
                    unsafe deadlinePassed(slot, connection, delegate)
                }
            }
        }
        // What was called may have closed it; then nothing is left to wait for.
        guard unsafe connection.pointee.generation == generation else { return }
        var next = unsafe connection.pointee.deadline
        if let output = unsafe connection.pointee.output {
            let end = output.window.start + ticks(configuration.stallTimeoutMilliseconds)
            if end > tick {
                next = min(next, end)
            } else if unsafe hasProgressed(slot, connection, isLate(end, at: tick)) {
                next = min(next, tick + ticks(configuration.stallTimeoutMilliseconds))
            } else {
                unsafe state.pointee.statistics.slowConsumerCount += 1
                unsafe beginClosing(slot, connection, .slowConsumer)
                return
            }
        }
        if next != TimerWheel.never { unsafe armNoLater(than: next, slot, connection) }
    }

    /// Whether a deadline is reached so late that the loop, the process or the machine must have stood still meanwhile. Then it says nothing about
    /// the peer, whose bytes wait in the socket or, after a pause of the whole machine, on the way.
    private func isLate(_ due: UInt32, at tick: UInt32) -> Bool { tick - due > ticks(Self.lateMilliseconds) }

    private static let lateMilliseconds: UInt32 = 1_000
    /// What a deadline that is reached late is put off by.
    private static let graceMilliseconds: UInt32 = 2_000

    /// Handles what has come for a connection and was not read yet: a deadline counts only after that. It may be a lot after a pause that ended just
    /// before the deadline, and epoll names a few hundred connections at a time.
    private func handleWaiting(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate
    ) {
        switch unsafe connection.pointee.state {
        case .open:
            // Kept bytes are shown at the start of the next iteration.
            if unsafe connection.pointee.flags.contains(.inResumedList) { unsafe connection.pointee.deadline = state.pointee.tick + 1 }
            // By then the largest frame is whole. Who sends as fast as this reads doesn't put the deadline off for ever.
            for _ in 0...configuration.keptBytesMax / configuration.readBytesMax + 1 {
                let before = unsafe state.pointee.statistics.receivedBytes
                guard unsafe connection.pointee.state == .open && !connection.pointee.flags.contains(.paused) else { return }
                unsafe ready(slot, connection, EPOLLIN.rawValue, delegate)
                if unsafe state.pointee.statistics.receivedBytes == before { return }
            }
        case .proxyHeader, .draining:
            unsafe ready(slot, connection, EPOLLIN.rawValue, delegate)
            // The handshake's time begins when the loop could see what it waits for.
            if unsafe connection.pointee.state == .handshaking { unsafe extendHandshake(slot, connection) }
        case .connecting:
            if clinux_poll_now(unsafe connection.pointee.descriptor, POLLOUT) != 0 { unsafe connectReady(slot, connection, delegate) }
            if unsafe connection.pointee.state == .handshaking { unsafe extendHandshake(slot, connection) }
        case .handshaking:
            // A step costs a millisecond and has its own turn (`HandshakeQueue`); the deadline waits for it, once. After a step in this moment it is the
            // peer who needs time.
            guard unsafe !connection.pointee.flags.contains(.isExtended) else { return }
            let hasJustRead = unsafe connection.pointee.lastTraffic == state.pointee.tick
            guard hasJustRead || clinux_poll_now(unsafe connection.pointee.descriptor, POLLIN) != 0 else { return }
            unsafe extendHandshake(slot, connection)
        case .closing:
            guard unsafe connection.pointee.output != nil else { return }
            unsafe writable(slot, connection)
            if unsafe connection.pointee.output == nil { unsafe setDeadline(slot, connection, configuration.flushTimeoutMilliseconds) }
        case .free:
            break
        }
    }

    private func extendHandshake(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        guard let pending = unsafe connection.pointee.pending else { return }
        unsafe connection.pointee.flags.insert(.isExtended)
        let listener = unsafe pending.pointee.listener
        let milliseconds =
            listener >= 0 ? listeners[listener].configuration.handshakeTimeoutMilliseconds : configuration.connectTimeoutMilliseconds
        unsafe setDeadline(slot, connection, milliseconds)
    }

    /// At the end of a window of the stall check: whether the peer has taken enough of its output, in which case the next window begins. What
    /// the kernel takes now counts: the loop may have had no time to write.
    private func hasProgressed(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ isLate: Bool) -> Bool {
        unsafe writable(slot, connection)
        guard let output = unsafe connection.pointee.output else { return true }
        guard isLate || Int(output.window.count) >= configuration.stallProgressBytesMin else { return false }
        output.window = (unsafe state.pointee.tick, 0)
        return true
    }

    private func deadlinePassed(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate
    ) {
        switch unsafe connection.pointee.state {
        case .open:
            delegate.deadlineReached(unsafe connection.pointee.id(slot))
        case .proxyHeader, .handshaking, .connecting:
            if unsafe connection.pointee.state == .proxyHeader { unsafe proxyHeaderTimedOut(connection, delegate) }
            if unsafe !connection.pointee.flags.contains(.outgoing) {
                unsafe state.pointee.statistics.timedOutHandshakeCount += 1
            }
            unsafe failSetup(slot, connection, .timedOut)
        case .closing, .draining:
            unsafe connection.pointee.flags.remove(.flushes)
            unsafe enlistClosing(slot, connection)
        case .free:
            break
        }
    }

    @inline(__always)
    private func armNoLater(than due: UInt32, _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        if unsafe connection.pointee.timer.armed > due { unsafe state.pointee.wheel.arm(slot, at: due) }
    }

    private func tick(after milliseconds: UInt32) -> UInt32 {
        let due = unsafe state.pointee.now - state.pointee.origin + UInt64(milliseconds) + TimerWheel.tickMilliseconds - 1
        return UInt32(truncatingIfNeeded: due / TimerWheel.tickMilliseconds)
    }

    private func ticks(_ milliseconds: UInt32) -> UInt32 {
        (milliseconds + UInt32(TimerWheel.tickMilliseconds) - 1) / UInt32(TimerWheel.tickMilliseconds)
    }
}

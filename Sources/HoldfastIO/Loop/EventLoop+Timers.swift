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
        unsafe state.pointee.nextTicked = now + 100
        if unsafe state.pointee.acceptsAgainAt != 0, unsafe now >= state.pointee.acceptsAgainAt { resumeAccepting(delegate) }
        delegate.ticked(now)
    }

    private func due(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ tick: UInt32, _ delegate: any EventLoopDelegate
    ) {
        let generation = unsafe connection.pointee.generation
        if unsafe connection.pointee.deadline <= tick {
            unsafe connection.pointee.deadline = TimerWheel.never
            unsafe deadlinePassed(slot, connection, delegate)
        }
        // What was called may have closed it; then nothing is left to wait for.
        guard unsafe connection.pointee.generation == generation else { return }
        var next = unsafe connection.pointee.deadline
        if let output = unsafe connection.pointee.output {
            let window = output.window
            let end = window.start + ticks(configuration.stallTimeoutMilliseconds)
            if end > tick {
                next = min(next, end)
            } else if Int(window.count) >= configuration.stallProgressBytesMin {
                output.window = (tick, 0)
                next = min(next, tick + ticks(configuration.stallTimeoutMilliseconds))
            } else {
                unsafe state.pointee.statistics.slowConsumerCount += 1
                unsafe beginClosing(slot, connection, .slowConsumer)
                return
            }
        }
        if next != TimerWheel.never { unsafe armNoLater(than: next, slot, connection) }
    }

    private func deadlinePassed(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate
    ) {
        switch unsafe connection.pointee.state {
        case .open:
            delegate.deadlineReached(unsafe connection.pointee.id(slot))
        case .proxyHeader, .handshaking, .connecting:
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

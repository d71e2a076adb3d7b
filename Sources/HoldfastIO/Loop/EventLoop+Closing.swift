internal import CLinux
internal import Glibc

/// The ends of connections. All of them are gathered in a list and done at the end of the iteration, so that a delegate is
/// never called from inside its own call, and an id stays good until `closed`.
extension EventLoop {
    /// Ends a connection; `closed` follows at the end of the iteration or later.
    /// - Parameters:
    ///   - flush: write what was sent first, within `flushTimeoutMilliseconds`; else it is thrown away.
    ///   - reset: end it with a reset, so that the peer hears of it at once and no state stays in the kernel.
    package func close(_ id: ConnectionID, flush: Bool, reset: Bool = false) {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id) else { return }
        switch unsafe connection.pointee.state {
        case .open:
            if reset { unsafe connection.pointee.flags.insert(.resets) }
            unsafe beginClosing(id.slot, connection, .requested, flushes: flush)
        case .closing, .draining:
            // A second call can only make it quicker.
            guard !flush else { return }
            if reset { unsafe connection.pointee.flags.insert(.resets) }
            unsafe connection.pointee.flags.remove(.flushes)
            unsafe enlistClosing(id.slot, connection)
        case .connecting, .handshaking, .proxyHeader:
            unsafe failSetup(id.slot, connection, .cancelled)
        case .free:
            break
        }
    }

    /// From here on the connection only ends.
    func beginClosing(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ reason: DisconnectReason, flushes: Bool = false
    ) {
        if unsafe connection.pointee.state == .closing || connection.pointee.state == .draining {
            // The first reason counts. A failure while it flushes ends the waiting.
            if !flushes { unsafe connection.pointee.flags.remove(.flushes) }
        } else {
            unsafe connection.pointee.state = .closing
            unsafe connection.pointee.reason = reason
            unsafe connection.pointee.deadline = TimerWheel.never
            if flushes {
                unsafe connection.pointee.flags.insert(.flushes)
                unsafe setDeadline(slot, connection, configuration.flushTimeoutMilliseconds)
            }
        }
        unsafe enlistClosing(slot, connection)
    }

    /// Ends a connection that isn't up yet.
    func failSetup(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ error: ConnectError) {
        if let pending = unsafe connection.pointee.pending, unsafe pending.pointee.error == nil { unsafe pending.pointee.error = error }
        unsafe beginClosing(slot, connection, .requested)
    }

    /// Has the end of the iteration look at the connection.
    func enlistClosing(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        // One in the resumed list is found there, since both lists use the same link.
        guard unsafe connection.pointee.flags.isDisjoint(with: [.inClosingList, .inResumedList]) else { return }
        unsafe connection.pointee.flags.insert(.inClosingList)
        unsafe connection.pointee.next = state.pointee.firstClosing
        unsafe state.pointee.firstClosing = slot
    }

    /// Writes out everything that was sent and ends what is to end, until neither is left.
    func finishIteration(_ delegate: any EventLoopDelegate) {
        repeat {
            flushArena()
            while unsafe state.pointee.firstClosing != ConnectionSlab.none {
                let slot = unsafe state.pointee.firstClosing
                let connection = unsafe state.pointee.slab.slots + Int(slot)
                unsafe state.pointee.firstClosing = connection.pointee.next
                unsafe connection.pointee.flags.remove(.inClosingList)
                unsafe goOnClosing(slot, connection, delegate)
            }
        } while unsafe state.pointee.arena.segmentCount > 0
    }

    /// The next step to the end: wait for the output, end our side, or free everything.
    private func goOnClosing(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate
    ) {
        guard unsafe connection.pointee.flags.contains(.flushes) else {
            unsafe destroy(slot, connection, delegate)
            return
        }
        // Comes back here when it is written, or when the deadline passes.
        guard unsafe connection.pointee.output == nil, unsafe connection.pointee.state == .closing else { return }
        if let tls = unsafe connection.pointee.tls {
            tls.end()
            unsafe writeTransit(slot, connection)
            // If it couldn't be written at all, the connection is in the list again by now.
            guard unsafe connection.pointee.output == nil, unsafe !connection.pointee.flags.contains(.inClosingList) else { return }
        }
        let descriptor = unsafe connection.pointee.descriptor
        let isOver = unsafe !connection.pointee.flags.isDisjoint(with: [.peerEnded, .resets])
        if isOver || shutdown(descriptor, Int32(SHUT_WR)) != 0 {
            unsafe destroy(slot, connection, delegate)
            return
        }
        // Closing now, with bytes of the peer unread, would reset the connection, and could take away what was just sent.
        unsafe connection.pointee.state = .draining
        unsafe connection.pointee.flags.remove(.paused)
        unsafe updateInterest(slot, connection)
    }

    /// Reads what a peer still sends while it is closed, to its end.
    func drain(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        let count = unsafe recv(
            connection.pointee.descriptor, state.pointee.cipherBuffer, configuration.readBytesMax, 0)
        if count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)) { return }
        unsafe connection.pointee.flags.remove(.flushes)
        unsafe enlistClosing(slot, connection)
    }

    /// Frees everything of a connection and reports its end.
    func destroy(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: (any EventLoopDelegate)?) {
        let id = unsafe connection.pointee.id(slot)
        let (flags, reason) = unsafe (connection.pointee.flags, connection.pointee.reason)
        assert(flags.isDisjoint(with: [.inClosingList, .inResumedList]), "a list would name a free slot")
        unsafe releaseSocket(connection)
        unsafe connection.pointee.kept?.free()
        unsafe connection.pointee.output?.free()
        unsafe connection.pointee.tls?.free()
        unsafe state.pointee.wheel.disarm(slot)
        let segment = unsafe connection.pointee.segment
        if segment != OutputArena.noSegment { unsafe state.pointee.arena.segments[Int(segment)].slot = OutputArena.none }
        var failure: (ConnectionInfo, ConnectError)?
        if let pending = unsafe connection.pointee.pending {
            unsafe failure = (info(of: connection, pending), pending.pointee.error ?? .cancelled)
            unsafe freePending(connection)
        }
        unsafe state.pointee.slab.release(slot)
        if flags.contains(.opened) {
            delegate?.closed(id, reason)
        } else if flags.contains(.outgoing), let (info, error) = failure {
            delegate?.connectFailed(id, info, error)
        } else {
            unsafe state.pointee.statistics.failedHandshakeCount += 1
            if let (info, error) = failure { delegate?.setupFailed(info.peer, error) }
        }
    }

    /// Ends all connections, at the end of the loop.
    func destroyAll(_ delegate: (any EventLoopDelegate)?) {
        var slot: UInt32 = 0
        // By index: what the delegate is told must not lead to new connections, but if it does they are found, too.
        while unsafe slot < state.pointee.slab.highWater {
            let connection = unsafe state.pointee.slab.slots + Int(slot)
            if unsafe connection.pointee.state != .free {
                if unsafe connection.pointee.state != .closing && connection.pointee.state != .draining {
                    unsafe connection.pointee.reason = .loopStopped
                }
                unsafe connection.pointee.flags.subtract([.inClosingList, .inResumedList])
                unsafe destroy(slot, connection, delegate)
            }
            slot += 1
        }
        unsafe state.pointee.firstClosing = ConnectionSlab.none
        unsafe state.pointee.firstResumed = ConnectionSlab.none
    }

    private func releaseSocket(_ connection: UnsafeMutablePointer<Connection>) {
        let descriptor = unsafe connection.pointee.descriptor
        if unsafe connection.pointee.flags.contains(.resets) {
            var linger = linger(l_onoff: 1, l_linger: 0)
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        }
        // Takes it out of epoll as well.
        CLinux.close(descriptor)
    }
}

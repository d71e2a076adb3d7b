internal import CLinux
internal import Glibc

/// From the delegate to the socket.
extension EventLoop {
    /// Sends bytes: they are collected, and written at the end of the iteration with everything else that the connection was sent.
    ///
    /// A peer that leaves more than `unsentBytesMax` unread is closed with `.slowConsumer`. Does nothing for a connection that isn't
    /// open.
    package func send(_ id: ConnectionID, _ bytes: Span<UInt8>) {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id), unsafe connection.pointee.state == .open else { return }
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress, buffer.count > 0 else { return }
            if unsafe connection.pointee.output == nil,
                unsafe state.pointee.arena.append(
                    base, count: buffer.count, slot: id.slot, segment: &connection.pointee.segment)
            {
                return
            }
            unsafe sendSlow(id.slot, connection, base, buffer.count)
        }
    }

    /// Changes the keys of this side of a TLS connection so many times, each with a record of its own: what a hostile peer does.
    package func updateKeys(_ id: ConnectionID, count: Int) {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id), unsafe connection.pointee.state == .open,
            let tls = unsafe connection.pointee.tls
        else { return }
        for _ in 0..<count {
            tls.updateKeys()
            if unsafe state.pointee.transit.pointee.outgoingCount >= TLSTransit.outgoingThreshold {
                unsafe writeTransit(id.slot, connection)
            }
        }
        unsafe writeTransit(id.slot, connection)
    }

    /// Bytes that were sent and that the kernel didn't take yet, this iteration's included. (With TLS in part as they are encrypted.)
    package func unsentCount(_ id: ConnectionID) -> Int {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id) else { return 0 }
        return unsafe (connection.pointee.output?.count ?? 0) + collectedCount(connection)
    }

    /// Whether the id names a connection that is up and isn't being closed.
    package func isOpen(_ id: ConnectionID) -> Bool {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id) else { return false }
        return unsafe connection.pointee.state == .open
    }

    private func collectedCount(_ connection: UnsafeMutablePointer<Connection>) -> Int {
        let segment = unsafe connection.pointee.segment
        return segment == OutputArena.noSegment ? 0 : unsafe Int(state.pointee.arena.segments[Int(segment)].count)
    }

    // The arena is full, or the kernel has left something.
    private func sendSlow(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) {
        if let output = unsafe connection.pointee.output {
            guard unsafe output.count + collectedCount(connection) + count <= configuration.unsentBytesMax else {
                unsafe isTooSlow(slot, connection)
                return
            }
            if unsafe connection.pointee.tls == nil {
                unsafe appendOutput(slot, connection, bytes, count)
                return
            }
        }
        // In pieces that an empty arena can hold.
        var done = 0
        while done < count, unsafe connection.pointee.state == .open {
            let piece = min(count - done, OutputArena.byteCapacity)
            let isAdded = unsafe state.pointee.arena.append(
                bytes + done, count: piece, slot: slot, segment: &connection.pointee.segment)
            if isAdded { done += piece } else { flushArena() }
        }
    }

    /// Writes out what was collected. Calls no delegate.
    func flushArena() {
        let count = unsafe state.pointee.arena.segmentCount
        for index in 0..<count {
            let segment = unsafe state.pointee.arena.segments[index]
            guard segment.slot != OutputArena.none else { continue }
            let connection = unsafe state.pointee.slab.slots + Int(segment.slot)
            unsafe connection.pointee.segment = OutputArena.noSegment
            let isWanted = unsafe connection.pointee.state == .open || connection.pointee.flags.contains(.flushes)
            guard isWanted else { continue }
            let bytes = unsafe state.pointee.arena.bytes + Int(segment.offset)
            if let tls = unsafe connection.pointee.tls {
                unsafe encrypt(segment.slot, connection, tls, bytes, Int(segment.count))
            } else {
                unsafe writeOut(segment.slot, connection, bytes, Int(segment.count))
            }
        }
        unsafe state.pointee.arena.removeAll()
    }

    private func encrypt(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ tls: TLSEngine, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) {
        var done = 0
        while done < count {
            guard let taken = unsafe tls.write(bytes + done, count: min(count - done, 16 * 1024)) else {
                unsafe beginClosing(slot, connection, .tlsFailed)
                break
            }
            done += taken
            if unsafe state.pointee.transit.pointee.outgoingCount >= TLSTransit.outgoingThreshold {
                unsafe writeTransit(slot, connection)
            }
        }
        unsafe writeTransit(slot, connection)
    }

    /// Writes out the ciphertext in the transit.
    func writeTransit(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        let transit = unsafe state.pointee.transit
        let count = unsafe transit.pointee.outgoingCount
        guard count > 0 else { return }
        unsafe writeOut(slot, connection, transit.pointee.outgoing, count)
        unsafe transit.pointee.removeOutgoing()
    }

    /// Gives bytes to the kernel; what it doesn't take waits in the connection's output.
    @inline(__always)
    private func writeOut(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) {
        if unsafe connection.pointee.output == nil {
            let written = unsafe CLinux.send(connection.pointee.descriptor, bytes, count, Int32(MSG_NOSIGNAL))
            if written == count {
                unsafe state.pointee.statistics.sentBytes += UInt64(count)
                return
            }
            unsafe writeRest(slot, connection, bytes, count, written)
        } else {
            unsafe appendOutput(slot, connection, bytes, count)
        }
    }

    private func writeRest(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ bytes: UnsafePointer<UInt8>, _ count: Int, _ written: Int
    ) {
        if written < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS {
            unsafe writeFailed(slot, connection)
            return
        }
        let taken = max(0, written)
        unsafe state.pointee.statistics.sentBytes += UInt64(taken)
        unsafe appendOutput(slot, connection, bytes + taken, count - taken)
    }

    // The bound on what a peer leaves unread is checked here, in one place for plaintext and TLS.
    private func appendOutput(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) {
        guard unsafe (connection.pointee.output?.count ?? 0) + count <= configuration.unsentBytesMax else {
            unsafe isTooSlow(slot, connection)
            return
        }
        if unsafe connection.pointee.output != nil {
            unsafe connection.pointee.output?.append(bytes, count: count)
            return
        }
        let output = unsafe ByteBlock(copying: bytes, count: count)
        unsafe connection.pointee.output = output
        unsafe connection.pointee.flags.insert(.awaitsWritable)
        unsafe updateInterest(slot, connection)
        unsafe beginStallWindow(slot, connection, output)
    }

    /// Writes on, since the kernel has room again.
    func writable(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        guard var output = unsafe connection.pointee.output else { return }
        let written = unsafe CLinux.send(
            connection.pointee.descriptor, output.bytes, output.count, Int32(MSG_NOSIGNAL))
        if written < 0 {
            if errno != EAGAIN && errno != EINTR && errno != ENOBUFS { unsafe writeFailed(slot, connection) }
            return
        }
        unsafe state.pointee.statistics.sentBytes += UInt64(written)
        if written < output.count {
            output.removeFirst(written)
            let window = output.window
            output.window = (window.start, UInt32(clamping: UInt64(window.count) + UInt64(written)))
            return
        }
        output.free()
        unsafe connection.pointee.output = nil
        unsafe connection.pointee.flags.remove(.awaitsWritable)
        if unsafe connection.pointee.state == .closing {
            unsafe enlistClosing(slot, connection)
        } else {
            unsafe updateInterest(slot, connection)
        }
    }

    /// Tells epoll what the connection waits for.
    func updateInterest(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        var events: UInt32 = 0
        switch unsafe connection.pointee.state {
        case .connecting: events = EPOLLOUT.rawValue
        case .open, .handshaking, .proxyHeader, .draining:
            if unsafe !connection.pointee.flags.contains(.paused) { events = EPOLLIN.rawValue }
        // What comes in isn't read any more, so it mustn't be reported.
        case .closing, .free: break
        }
        if unsafe connection.pointee.flags.contains(.awaitsWritable) { events |= EPOLLOUT.rawValue }
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: connection.pointee.id(slot).rawValue))
        let status = unsafe epoll_ctl(state.pointee.epoll, EPOLL_CTL_MOD, connection.pointee.descriptor, &event)
        precondition(status == 0, "epoll doesn't know a descriptor that the loop gave it")
    }

    private func isTooSlow(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        unsafe state.pointee.statistics.slowConsumerCount += 1
        unsafe beginClosing(slot, connection, .slowConsumer)
    }

    private func writeFailed(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
        let code = errno
        if unsafe connection.pointee.flags.contains(.opened) {
            unsafe beginClosing(slot, connection, .reset)
        } else {
            unsafe failSetup(slot, connection, .system(code))
        }
    }
}

internal import CLinux
internal import Glibc

/// From the socket to the delegate.
extension EventLoop {
    /// Stops reading from the connection, and so, once the kernel's buffers are full, the peer's sending. What `received` doesn't
    /// consume from here on is kept, all of it.
    package func pauseReading(_ id: ConnectionID) {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id), unsafe connection.pointee.state == .open,
            unsafe !connection.pointee.flags.contains(.paused)
        else { return }
        unsafe connection.pointee.flags.insert(.paused)
        unsafe updateInterest(id.slot, connection)
    }

    /// Reads again. Bytes that were kept are shown first, at the start of the next iteration.
    package func resumeReading(_ id: ConnectionID) {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id), unsafe connection.pointee.state == .open,
            unsafe connection.pointee.flags.contains(.paused)
        else { return }
        unsafe connection.pointee.flags.remove(.paused)
        unsafe updateInterest(id.slot, connection)
        guard unsafe connection.pointee.kept != nil,
            unsafe connection.pointee.flags.isDisjoint(with: [.inClosingList, .inResumedList])
        else { return }
        unsafe connection.pointee.flags.insert(.inResumedList)
        unsafe connection.pointee.next = state.pointee.firstResumed
        unsafe state.pointee.firstResumed = id.slot
    }

    /// Whether the peer has ended its side, or the connection is broken or gone: also where that lies in the socket behind bytes that weren't
    /// read yet. Costs a call of the system.
    package func hasPeerEnded(_ id: ConnectionID) -> Bool {
        assertOnLoop()
        guard let connection = unsafe state.pointee.slab.find(id), unsafe connection.pointee.state == .open else { return true }
        if unsafe connection.pointee.flags.contains(.peerEnded) { return true }
        return clinux_has_peer_ended(unsafe connection.pointee.descriptor) != 0
    }

    /// Handles what epoll reports of a connection.
    @inline(__always)
    func ready(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ events: UInt32, _ delegate: any EventLoopDelegate
    ) {
        if unsafe events == EPOLLIN.rawValue && connection.pointee.state == .open && connection.pointee.tls == nil {
            unsafe readPlain(slot, connection, events, delegate)
        } else {
            unsafe readySlow(slot, connection, events, delegate)
        }
    }

    private func readySlow(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ events: UInt32, _ delegate: any EventLoopDelegate
    ) {
        let failed = events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        switch unsafe connection.pointee.state {
        case .free:
            return
        case .connecting:
            unsafe connectReady(slot, connection, delegate)
        case .proxyHeader:
            unsafe readProxyHeader(slot, connection, delegate)
        case .draining:
            unsafe drain(slot, connection)
        case .open, .handshaking, .closing:
            if events & EPOLLOUT.rawValue != 0 { unsafe writable(slot, connection) }
            if unsafe connection.pointee.state == .closing {
                if failed { unsafe beginClosing(slot, connection, .reset) }
            } else if unsafe connection.pointee.state == .handshaking {
                if failed || events & EPOLLIN.rawValue != 0 { unsafe handshakeReady(slot, connection, failed, delegate) }
            } else if unsafe connection.pointee.flags.contains(.paused) {
                if failed { unsafe beginClosing(slot, connection, .reset) }
            } else if unsafe connection.pointee.tls != nil {
                if failed || events & EPOLLIN.rawValue != 0 { unsafe readTLS(slot, connection, events, delegate) }
            } else if failed || events & EPOLLIN.rawValue != 0 {
                unsafe readPlain(slot, connection, events, delegate)
            }
        }
    }

    @inline(__always)
    private func readPlain(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ events: UInt32, _ delegate: any EventLoopDelegate
    ) {
        // An event from before a pause in this iteration, or with kept bytes that have to be shown before: epoll says it again.
        guard unsafe connection.pointee.flags.isDisjoint(with: [.paused, .inResumedList, .isFresh]) else {
            return unsafe readFirst(slot, connection, events, delegate)
        }
        let keptCount = unsafe connection.pointee.kept?.count ?? 0
        let base = unsafe state.pointee.readBuffer
        let count = unsafe recv(connection.pointee.descriptor, base + keptCount, configuration.readBytesMax, 0)
        guard count > 0 else {
            unsafe readNothing(slot, connection, count, events)
            return
        }
        unsafe state.pointee.statistics.receivedBytes += UInt64(count)
        if keptCount > 0 {
            guard unsafe bearsRead(slot, connection, count, behind: keptCount, delegate) else { return }
            unsafe takeKept(connection)
        }
        unsafe connection.pointee.lastTraffic = state.pointee.tick
        unsafe deliver(slot, connection, keptCount + count, delegate)
    }

    /// The same for the first bytes of an accepted connection.
    private func readFirst(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ events: UInt32, _ delegate: any EventLoopDelegate
    ) {
        guard unsafe connection.pointee.flags.isDisjoint(with: [.paused, .inResumedList]) else { return }
        let keptCount = unsafe connection.pointee.kept?.count ?? 0
        let base = unsafe state.pointee.readBuffer
        let count = unsafe recv(connection.pointee.descriptor, base + keptCount, configuration.readBytesMax, 0)
        guard count > 0 else { return unsafe readNothing(slot, connection, count, events) }
        unsafe state.pointee.statistics.receivedBytes += UInt64(count)
        unsafe connection.pointee.lastTraffic = state.pointee.tick
        if keptCount > 0 { unsafe takeKept(connection) }
        unsafe showFirst(slot, connection, keptCount + count, delegate)
    }

    /// Shows the first bytes, unless they are a PROXY header where none belongs. While that can't be told, they are kept.
    private func showFirst(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ count: Int, _ delegate: any EventLoopDelegate
    ) {
        let base = unsafe state.pointee.readBuffer
        if unsafe isUnexpectedProxyHeader(base, count: count, connection, delegate) {
            return unsafe beginClosing(slot, connection, .unexpectedProxyHeader)
        }
        if unsafe ProxyHeader.signature(UnsafeBufferPointer(start: base, count: count).span) == .partial {
            unsafe connection.pointee.kept = unsafe ByteBlock(copying: base, count: count)
            return
        }
        unsafe connection.pointee.flags.remove(.isFresh)
        unsafe deliver(slot, connection, count, delegate)
    }

    private func readTLS(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ events: UInt32, _ delegate: any EventLoopDelegate
    ) {
        guard unsafe connection.pointee.flags.isDisjoint(with: [.paused, .inResumedList]) else { return }
        let buffer = unsafe state.pointee.cipherBuffer
        let count = unsafe recv(connection.pointee.descriptor, buffer, configuration.readBytesMax, 0)
        guard count > 0 else {
            unsafe readNothing(slot, connection, count, events)
            return
        }
        unsafe state.pointee.statistics.receivedBytes += UInt64(count)
        unsafe connection.pointee.overhead.leak(ticks: state.pointee.tick - connection.pointee.lastTraffic)
        unsafe connection.pointee.lastTraffic = state.pointee.tick
        let transit = unsafe state.pointee.transit
        unsafe transit.pointee.feed(buffer, count: count)
        defer { unsafe transit.pointee.forgetIncoming() }
        unsafe decrypt(slot, connection, delegate)
    }

    /// Decrypts what the transit was fed, and shows it.
    func decrypt(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate) {
        guard let tls = unsafe connection.pointee.tls else { return }
        let keptCount = unsafe connection.pointee.kept?.count ?? 0
        let capacity = unsafe state.pointee.readCapacity - keptCount
        let reading = unsafe tls.read(
            into: state.pointee.readBuffer + keptCount, capacity: capacity,
            emptyRecordsMax: connection.pointee.overhead.emptyRecordsLeft, transit: state.pointee.transit)
        // Answers of the protocol itself (key updates, alerts).
        unsafe writeTransit(slot, connection)
        // Known before the bytes are shown: an opening whose peer has ended isn't carried out.
        if reading.ended || reading.failed { unsafe connection.pointee.flags.insert(.peerEnded) }
        if reading.count > 0, unsafe connection.pointee.state == .open {
            if keptCount > 0 {
                guard unsafe bearsRead(slot, connection, reading.count, behind: keptCount, delegate) else { return }
                unsafe takeKept(connection)
            }
            if unsafe connection.pointee.flags.contains(.isFresh) {
                unsafe showFirst(slot, connection, keptCount + reading.count, delegate)
            } else {
                unsafe deliver(slot, connection, keptCount + reading.count, delegate)
            }
        }
        let isBorne = unsafe connection.pointee.overhead.add(
            emptyRecords: reading.emptyRecords, dataRecords: reading.dataRecords, byteCount: reading.count)
        if reading.failed {
            unsafe beginClosing(slot, connection, .tlsFailed)
        } else if reading.isFlooded || !isBorne {
            unsafe isTooCostly(slot, connection, delegate)
        } else if reading.ended {
            unsafe beginClosing(slot, connection, .peerClosed, flushes: true)
        }
    }

    /// Whether a read behind kept bytes, which are copied and shown once more with it, is within what a peer may cost. A frame whose bytes come one by one
    /// costs as much as thousands.
    private func bearsRead(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ count: Int, behind keptCount: Int,
        _ delegate: any EventLoopDelegate
    ) -> Bool {
        // With TLS nothing has run out since the read began; in plaintext, what runs out between other reads is forgone.
        unsafe connection.pointee.overhead.leak(ticks: state.pointee.tick - connection.pointee.lastTraffic)
        if unsafe connection.pointee.overhead.add(readBytes: count, behind: keptCount) { return true }
        unsafe isTooCostly(slot, connection, delegate)
        return false
    }

    /// The delegate may say why it ends.
    private func isTooCostly(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate) {
        guard unsafe connection.pointee.state == .open else { return }
        unsafe state.pointee.statistics.costlyCount += 1
        delegate.overheadExceeded(unsafe connection.pointee.id(slot))
        if unsafe connection.pointee.state == .open { unsafe beginClosing(slot, connection, .overheadExceeded) }
    }

    /// Shows the bytes at the front of the read buffer, and keeps what isn't consumed.
    @inline(__always)
    private func deliver(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ count: Int, _ delegate: any EventLoopDelegate
    ) {
        let base = unsafe state.pointee.readBuffer
        let bytes = unsafe UnsafeBufferPointer(start: base, count: count)
        let consumed = unsafe delegate.received(connection.pointee.id(slot), bytes.span)
        precondition(consumed >= 0 && consumed <= count, "received must return how many of the bytes it consumed")
        if consumed == count { return }
        unsafe keep(slot, connection, base + consumed, count - consumed)
    }

    private func keep(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ rest: UnsafePointer<UInt8>, _ count: Int
    ) {
        // It can't be gone, ends are gathered; but it may be about to end.
        guard unsafe connection.pointee.state == .open else { return }
        if count > configuration.keptBytesMax, unsafe !connection.pointee.flags.contains(.paused) {
            unsafe beginClosing(slot, connection, .keptBytesExceeded)
            return
        }
        unsafe connection.pointee.kept = unsafe ByteBlock(copying: rest, count: count)
    }

    // Moves the kept bytes to the front of the read buffer.
    private func takeKept(_ connection: UnsafeMutablePointer<Connection>) {
        guard let kept = unsafe connection.pointee.kept else { return }
        unsafe memcpy(state.pointee.readBuffer, kept.bytes, kept.count)
        kept.free()
        unsafe connection.pointee.kept = nil
    }

    /// Shows the kept bytes of the connections that read again.
    func showKeptBytes(_ delegate: any EventLoopDelegate) {
        // The list as it is now: one that is paused and resumed again meanwhile waits for the next iteration.
        var slot = unsafe state.pointee.firstResumed
        unsafe state.pointee.firstResumed = ConnectionSlab.none
        while slot != ConnectionSlab.none {
            let connection = unsafe state.pointee.slab.slots + Int(slot)
            let next = unsafe connection.pointee.next
            unsafe connection.pointee.flags.remove(.inResumedList)
            if unsafe connection.pointee.state == .closing {
                unsafe enlistClosing(slot, connection)
            } else if let kept = unsafe connection.pointee.kept, unsafe !connection.pointee.flags.contains(.paused) {
                let count = kept.count
                unsafe takeKept(connection)
                unsafe deliver(slot, connection, count, delegate)
            }
            slot = next
        }
    }

    private func readNothing(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ count: Int, _ events: UInt32
    ) {
        if count == 0 {
            // What was sent to a peer that only ended its own side still goes out.
            unsafe connection.pointee.flags.insert(.peerEnded)
            unsafe beginClosing(slot, connection, .peerClosed, flushes: true)
        } else if errno == EAGAIN || errno == EINTR {
            // An error that reading doesn't show would be reported again and again.
            if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { unsafe beginClosing(slot, connection, .reset) }
        } else {
            unsafe beginClosing(slot, connection, .reset)
        }
    }
}

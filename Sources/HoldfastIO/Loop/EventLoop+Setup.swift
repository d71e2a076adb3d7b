internal import CLinux
internal import Glibc

/// Between a socket and `opened`: connecting, the TLS handshake. (The PROXY header has a file of its own.)
extension EventLoop {
    /// Begins a connection; `opened` or `connectFailed` follows.
    /// - Parameters:
    ///   - source: the local address to use, its port 0 for any. Its ports are chosen together with the target, so that one
    ///     address serves as many connections as there are ports for each target.
    ///   - tls: nil for plaintext.
    ///   - userData: comes back in `ConnectionInfo`.
    /// - Throws: if there is no descriptor or no slot, or the source can't be used.
    package func connect(
        to address: SocketAddress, from source: SocketAddress? = nil, tls: TLSClientOptions? = nil, userData: UInt64 = 0
    ) throws(IOError) -> ConnectionID {
        assertOnLoop()
        let descriptor = try Self.makeSocket(address.family)
        var isOwned = false
        defer { if !isOwned { CLinux.close(descriptor) } }
        Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if let source {
            Self.set(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
            let status = unsafe source.withSockaddr { unsafe bind(descriptor, $0, $1) }
            guard status == 0 else { throw IOError("bind \(source)", errno: errno) }
        }
        let session = try tls.map { (options) throws(IOError) in unsafe Transfer(try options.context.makeSession(options)) }
        let flags: Connection.Flags = tls == nil ? [.outgoing] : [.outgoing, .tls]
        let slot = unsafe state.pointee.slab.allocate(
            descriptor: descriptor, state: .connecting, flags: flags, tick: state.pointee.tick)
        guard let slot else {
            throw IOError("connect to \(address)", reason: "\(configuration.connectionCountMax) connections are open, the most allowed")
        }
        isOwned = true
        let connection = unsafe state.pointee.slab.slots + Int(slot)
        unsafe addPending(connection, PendingConnection(peer: address, userData: userData))
        if let ssl = unsafe session?.pointer { unsafe connection.pointee.tls = unsafe TLSEngine(ssl: ssl, transit: state.pointee.transit) }
        let status = unsafe address.withSockaddr { unsafe CLinux.connect(descriptor, $0, $1) }
        let code = status == 0 ? 0 : errno
        let id = unsafe connection.pointee.id(slot)
        if code != 0 && code != EINPROGRESS {
            unsafe failSetup(slot, connection, Self.connectError(code))
            return id
        }
        do {
            try watch(descriptor, EPOLLOUT.rawValue, data: id.rawValue, add: true)
        } catch {
            unsafe failSetup(slot, connection, .system(error.code))
            return id
        }
        unsafe setDeadline(slot, connection, configuration.connectTimeoutMilliseconds)
        return id
    }

    /// The kernel has answered a connect.
    func connectReady(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate) {
        var code: Int32 = 0
        var count = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(connection.pointee.descriptor, SOL_SOCKET, SO_ERROR, &code, &count)
        guard code == 0 else {
            unsafe failSetup(slot, connection, Self.connectError(code))
            return
        }
        guard unsafe connection.pointee.flags.contains(.tls) else {
            unsafe open(slot, connection, delegate)
            return
        }
        unsafe connection.pointee.state = .handshaking
        unsafe updateInterest(slot, connection)
        unsafe goOnHandshaking(slot, connection, delegate)
    }

    /// Bytes, or the end, have come during a handshake.
    func handshakeReady(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ failed: Bool, _ delegate: any EventLoopDelegate
    ) {
        guard unsafe state.pointee.handshakeSteps < configuration.handshakeStepCountMax else {
            unsafe postponeHandshake(slot, connection, failed)
            return
        }
        let buffer = unsafe state.pointee.cipherBuffer
        let count = unsafe recv(connection.pointee.descriptor, buffer, configuration.readBytesMax, 0)
        guard count > 0 else {
            let isTransient = count < 0 && (errno == EAGAIN || errno == EINTR)
            if !isTransient || failed { unsafe failSetup(slot, connection, .closedEarly) }
            return
        }
        unsafe state.pointee.statistics.receivedBytes += UInt64(count)
        unsafe connection.pointee.lastTraffic = state.pointee.tick
        if unsafe connection.pointee.tls == nil {
            if unsafe isUnexpectedProxyHeader(buffer, count: count, connection, delegate) {
                return unsafe failSetup(slot, connection, .closedEarly)
            }
            guard let pending = unsafe connection.pointee.pending, let ssl = unsafe pending.pointee.serverContext?.makeSession(),
                let engine = unsafe TLSEngine(ssl: ssl, transit: state.pointee.transit)
            else {
                unsafe failSetup(slot, connection, .system(ENOMEM))
                return
            }
            unsafe connection.pointee.tls = engine
        }
        let transit = unsafe state.pointee.transit
        unsafe transit.pointee.feed(buffer, count: count)
        unsafe goOnHandshaking(slot, connection, delegate)
    }

    /// A storm of handshakes waits for the next iterations, in its order. Its sockets aren't watched meanwhile, but for their end.
    private func postponeHandshake(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ failed: Bool) {
        guard !failed,
            (try? watch(unsafe connection.pointee.descriptor, 0, data: unsafe connection.pointee.id(slot).rawValue, add: false)) != nil
        else { return unsafe failSetup(slot, connection, .closedEarly) }
        unsafe state.pointee.handshakeQueue.append(connection.pointee.id(slot), isBegun: connection.pointee.tls != nil)
    }

    /// Does as many of the steps that wait as one iteration may.
    func goOnWithHandshakes(_ delegate: any EventLoopDelegate) {
        unsafe state.pointee.handshakeQueue.measure(now: state.pointee.now)
        while unsafe state.pointee.handshakeSteps < configuration.handshakeStepCountMax,
            let id = unsafe state.pointee.handshakeQueue.pop()
        {
            // It may have reached its deadline, or its peer may be gone.
            guard let connection = unsafe state.pointee.slab.find(id), unsafe connection.pointee.state == .handshaking else { continue }
            unsafe updateInterest(id.slot, connection)
            unsafe handshakeReady(id.slot, connection, false, delegate)
        }
    }

    /// TLS handshakes whose first step waits for its turn.
    var handshakesWaiting: Int { unsafe state.pointee.handshakeQueue.freshCount }

    /// Whether so many handshakes wait that the peers of further ones would have given up.
    var isHandshakeBacklogged: Bool {
        let milliseconds = configuration.handshakeBacklogMilliseconds
        return unsafe milliseconds > 0 && !state.pointee.handshakeQueue.hasRoom(milliseconds: milliseconds)
    }

    private func goOnHandshaking(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate
    ) {
        guard let tls = unsafe connection.pointee.tls else { return }
        defer { unsafe state.pointee.transit.pointee.forgetIncoming() }
        unsafe state.pointee.handshakeSteps += 1
        let recordsMax = unsafe connection.pointee.overhead.emptyRecordsLeft
        let step = unsafe tls.handshake(recordsMax: recordsMax, transit: state.pointee.transit)
        let begun = unsafe recordsMax - state.pointee.transit.pointee.recordsLeft
        // Not more than are left. A handshake has a handful.
        _ = unsafe connection.pointee.overhead.add(emptyRecords: begun, dataRecords: 0, byteCount: 0)
        unsafe writeTransit(slot, connection)
        switch step {
        case .needsMore:
            if unsafe state.pointee.transit.pointee.incomingCount > 0 {
                unsafe state.pointee.statistics.costlyCount += 1
                unsafe failSetup(slot, connection, .tls("too many records"))
            }
        case .failed(let text):
            unsafe failSetup(slot, connection, .tls(text))
        case .done(let isResumed):
            guard unsafe connection.pointee.state == .handshaking else { return }
            unsafe state.pointee.statistics.finishedHandshakeCount += 1
            if isResumed { unsafe state.pointee.statistics.resumedHandshakeCount += 1 }
            unsafe open(slot, connection, delegate)
            // The peer's first message may have come along with the end of its handshake.
            if unsafe state.pointee.transit.pointee.incomingCount > 0, unsafe connection.pointee.state == .open {
                unsafe decrypt(slot, connection, delegate)
            }
        }
    }

    /// The connection is up.
    func open(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate) {
        guard let pending = unsafe connection.pointee.pending else { return }
        let wasConnecting = unsafe connection.pointee.state == .connecting
        let info = unsafe self.info(of: connection, pending)
        unsafe freePending(connection)
        unsafe open(slot, connection, info, delegate)
        if wasConnecting { unsafe updateInterest(slot, connection) }
    }

    /// The same for a connection that needs nothing before.
    func open(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ info: ConnectionInfo, _ delegate: any EventLoopDelegate
    ) {
        unsafe connection.pointee.state = .open
        unsafe connection.pointee.flags.insert(info.isOutgoing ? .opened : [.opened, .isFresh])
        unsafe connection.pointee.deadline = TimerWheel.never
        unsafe connection.pointee.lastTraffic = state.pointee.tick
        delegate.opened(unsafe connection.pointee.id(slot), info)
    }

    /// Gives the connection what it needs until it is up.
    func addPending(_ connection: UnsafeMutablePointer<Connection>, _ value: PendingConnection) {
        let pending = UnsafeMutablePointer<PendingConnection>.allocate(capacity: 1)
        unsafe pending.initialize(to: value)
        unsafe connection.pointee.pending = unsafe pending
        unsafe countPending(connection, 1)
    }

    private func countPending(_ connection: UnsafeMutablePointer<Connection>, _ change: Int) {
        if unsafe connection.pointee.flags.contains(.tls) {
            unsafe state.pointee.statistics.pendingTLSCount += change
        } else {
            unsafe state.pointee.statistics.pendingPlainCount += change
        }
    }

    /// Whether one more TLS handshake may begin from there.
    func hasRoomForHandshake(_ peer: SocketAddress) -> Bool {
        handshakes[peer.limitKey, default: 0] < configuration.handshakesPerAddressMax
    }

    /// The TLS handshake of an accepted connection begins; it ends with what is pending.
    func countHandshake(_ connection: UnsafeMutablePointer<Connection>) {
        guard let pending = unsafe connection.pointee.pending else { return }
        let key = unsafe pending.pointee.peer.limitKey
        handshakes[key, default: 0] += 1
        unsafe pending.pointee.handshakeKey = key
    }

    /// Takes it away again.
    func freePending(_ connection: UnsafeMutablePointer<Connection>) {
        if let key = unsafe connection.pointee.pending?.pointee.handshakeKey, let count = handshakes[key] {
            handshakes[key] = count > 1 ? count - 1 : nil
        }
        if unsafe connection.pointee.pending != nil { unsafe countPending(connection, -1) }
        unsafe connection.pointee.pending?.deinitialize(count: 1)
        unsafe connection.pointee.pending?.deallocate()
        unsafe connection.pointee.pending = nil
    }

    /// What is reported of a connection.
    func info(
        of connection: UnsafeMutablePointer<Connection>, _ pending: UnsafeMutablePointer<PendingConnection>
    ) -> ConnectionInfo {
        let flags = unsafe connection.pointee.flags
        return unsafe ConnectionInfo(
            peer: pending.pointee.peer, isTLS: flags.contains(.tls), isOutgoing: flags.contains(.outgoing),
            listener: pending.pointee.listener, userData: pending.pointee.userData)
    }

    /// A nonblocking stream socket.
    static func makeSocket(_ family: Int32) throws(IOError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw IOError("create a socket", errno: errno) }
        return descriptor
    }

    /// Sets an option that is a number.
    @discardableResult
    static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
        var value = value
        return unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    private static func connectError(_ code: Int32) -> ConnectError {
        switch code {
        case ECONNREFUSED: .refused
        case ETIMEDOUT: .timedOut
        default: .system(code)
        }
    }
}

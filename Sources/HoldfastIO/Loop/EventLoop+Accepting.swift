internal import CLinux
internal import Glibc

/// A listening socket of a loop.
struct Listener {
    var descriptor: Int32
    var configuration: ListenerConfiguration
    /// How many connections are taken at one event. It doubles while one iteration after the other finds more than that, and falls to what there
    /// was once nobody is left: one who comes alone doesn't cost a second call that finds nobody.
    var quota = 1
    /// The last iteration in which the whole quota was used.
    var fullIteration: UInt64 = 0

    /// As many were taken as the quota says; perhaps others wait.
    mutating func filledQuota(iteration: UInt64, countMax: Int) {
        if fullIteration &+ 1 == iteration { quota = min(2 * quota, countMax) }
        fullIteration = iteration
    }

    /// So many were taken, and then nobody was left.
    mutating func foundNobody(after count: Int) { quota = max(1, count) }
}

/// From listeners to connections, and what happens when there are no descriptors left.
extension EventLoop {
    /// Listens. Several loops may listen on one address, the kernel spreads connections over them (SO_REUSEPORT): the first takes it, and fails
    /// if another process has it; the others join.
    /// - Returns: the address with the real port, which the next loop can be given if this one was given port 0.
    package func listen(_ configuration: ListenerConfiguration) throws(IOError) -> SocketAddress {
        assertOnLoop()
        let address = configuration.address
        let descriptor = try Self.makeSocket(address.family)
        do {
            let bound = try Self.bindListener(descriptor, configuration)
            let data = EventSource.listener << EventSource.shift | UInt64(listeners.count)
            try watch(descriptor, EPOLLIN.rawValue, data: data, add: true)
            listeners.append(Listener(descriptor: descriptor, configuration: configuration))
            return bound
        } catch {
            CLinux.close(descriptor)
            throw error
        }
    }

    /// Accepts nothing any more; what is connected stays. Connections that the kernel took and the loop didn't are reset.
    package func stopListening() {
        assertOnLoop()
        closeListeners()
    }

    /// Closes the listening sockets. They stay in the list, since its order counts.
    func closeListeners() {
        for index in listeners.indices where listeners[index].descriptor >= 0 {
            CLinux.close(listeners[index].descriptor)
            listeners[index].descriptor = -1
        }
    }

    private static func bindListener(_ descriptor: Int32, _ configuration: ListenerConfiguration) throws(IOError) -> SocketAddress {
        let address = configuration.address
        set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if configuration.joins { try share(descriptor, address) }
        if !address.isIPv4 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.isUnspecified ? 0 : 1) }
        if configuration.isFree {
            set(descriptor, address.isIPv4 ? Int32(IPPROTO_IP) : Int32(IPPROTO_IPV6), address.isIPv4 ? IP_FREEBIND : IPV6_FREEBIND, 1)
        }
        // Inherited by what is accepted, which saves a call for each.
        set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let status = unsafe address.withSockaddr { unsafe bind(descriptor, $0, $1) }
        guard status == 0 else { throw IOError("bind \(address)", errno: errno) }
        try listen(on: descriptor, configuration)
        // Only now: of two processes that want the address, bound without this, one can't listen. (A look beforehand whether it is free would
        // let both pass.)
        if !configuration.joins { try share(descriptor, address) }
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let named = unsafe withUnsafeMutablePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(descriptor, $0, &count) }
        }
        guard named == 0, let bound = SocketAddress(storage) else { throw IOError("name the socket of \(address)", errno: errno) }
        return bound
    }

    /// Where two processes begin to listen in the same moment, the system may refuse both: each waits another while then and tries again.
    private static func listen(on descriptor: Int32, _ configuration: ListenerConfiguration) throws(IOError) {
        for attempt in 1... {
            if CLinux.listen(descriptor, configuration.backlog) == 0 { return }
            let code = errno
            guard code == EADDRINUSE, attempt < listenAttemptsMax else { throw IOError("listen on \(configuration.address)", errno: code) }
            usleep(UInt32.random(in: 1_000...20_000))
        }
    }

    private static let listenAttemptsMax = 4

    private static func share(_ descriptor: Int32, _ address: SocketAddress) throws(IOError) {
        guard set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) else { throw IOError("share port of \(address)", errno: errno) }
    }

    /// Takes connections from a listener, a bounded number.
    func accept(from index: Int, _ delegate: any EventLoopDelegate) {
        let listener = listeners[index]
        guard listener.descriptor >= 0 else { return }
        for count in 0..<listener.quota {
            var peer: SocketAddress?
            let descriptor = Self.acceptOne(listener.descriptor, &peer)
            if descriptor >= 0 {
                begin(descriptor, peer, index, listener.configuration, delegate)
                continue
            }
            switch errno {
            case EAGAIN:
                listeners[index].foundNobody(after: count)
                return
            case EMFILE, ENFILE:
                guard acceptWithReserve(listener, index, delegate) else { return }
            case ENOBUFS, ENOMEM:
                pauseAccepting()
                return
            default:
                // The connection failed while it waited (ECONNABORTED and others of the network): the next one may be good.
                continue
            }
        }
        unsafe listeners[index].filledQuota(iteration: state.pointee.iteration, countMax: configuration.acceptCountMax)
    }

    private static func acceptOne(_ listener: Int32, _ peer: inout SocketAddress?) -> Int32 {
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = unsafe withUnsafeMutablePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe clinux_accept4(listener, $0, &count, flags) }
        }
        if descriptor >= 0 { peer = SocketAddress(storage) }
        return descriptor
    }

    private func begin(
        _ descriptor: Int32, _ peer: SocketAddress?, _ listener: Int, _ settings: ListenerConfiguration,
        _ delegate: any EventLoopDelegate
    ) {
        unsafe state.pointee.statistics.acceptedCount += 1
        guard let peer else {
            CLinux.close(descriptor)
            return
        }
        let isProxied = settings.proxyProtocolFrom.contains { $0.contains(peer) }
        if settings.tls != nil && !isProxied {
            if isHandshakeBacklogged { return shed(descriptor) }
            if !hasRoomForHandshake(peer) { return refuse(descriptor, settings) }
        }
        let first: Connection.State = isProxied ? .proxyHeader : .handshaking
        let flags: Connection.Flags = settings.tls == nil ? [] : [.tls]
        var slot = unsafe state.pointee.slab.allocate(descriptor: descriptor, state: first, flags: flags, tick: state.pointee.tick)
        if slot == nil, reclaim(delegate) {
            unsafe slot = state.pointee.slab.allocate(descriptor: descriptor, state: first, flags: flags, tick: state.pointee.tick)
        }
        guard let slot else {
            refuse(descriptor, settings)
            return
        }
        let connection = unsafe state.pointee.slab.slots + Int(slot)
        let isOpen = settings.tls == nil && !isProxied
        if !isOpen { unsafe addPending(connection, PendingConnection(peer: peer, listener: listener, serverContext: settings.tls)) }
        do {
            try watch(descriptor, EPOLLIN.rawValue, data: unsafe connection.pointee.id(slot).rawValue, add: true)
        } catch {
            unsafe failSetup(slot, connection, .system(error.code))
            return
        }
        if settings.tls != nil && !isProxied { unsafe countHandshake(connection) }
        if isOpen {
            let info = ConnectionInfo(peer: peer, isTLS: false, isOutgoing: false, listener: listener, userData: 0)
            unsafe open(slot, connection, info, delegate)
        } else {
            unsafe setDeadline(slot, connection, settings.handshakeTimeoutMilliseconds)
        }
    }

    /// There are no descriptors: takes the next connection by means of the reserve, and closes a silent one for it or turns it away.
    ///
    /// In this order, since the kernel says that there are no descriptors before it looks whether anybody waits.
    /// - Returns: whether accepting may go on in this iteration.
    private func acceptWithReserve(_ listener: Listener, _ index: Int, _ delegate: any EventLoopDelegate) -> Bool {
        if unsafe state.pointee.reserve < 0 { unsafe state.pointee.reserve = LoopState.openReserve() }
        guard unsafe state.pointee.reserve >= 0 else {
            pauseAccepting()
            return false
        }
        unsafe CLinux.close(state.pointee.reserve)
        var peer: SocketAddress?
        let descriptor = Self.acceptOne(listener.descriptor, &peer)
        let isNobodyThere = descriptor < 0 && errno == EAGAIN
        var isKept = false
        if descriptor >= 0 {
            isKept = reclaim(delegate)
            if !isKept {
                unsafe state.pointee.statistics.acceptedCount += 1
                refuse(descriptor, listener.configuration)
            }
        }
        unsafe state.pointee.reserve = LoopState.openReserve()
        if isKept { begin(descriptor, peer, index, listener.configuration, delegate) }
        // Another loop or thread was quicker. Level-triggered events would come again at once, so they are turned off for a moment.
        if unsafe state.pointee.reserve < 0 { pauseAccepting() }
        return unsafe !isNobodyThere && state.pointee.reserve >= 0
    }

    /// Says no, if it can be said in plaintext, in a way that survives the close.
    private func refuse(_ descriptor: Int32, _ settings: ListenerConfiguration) {
        unsafe state.pointee.statistics.refusedCount += 1
        if settings.tls == nil, !configuration.refusalBytes.isEmpty {
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            unsafe configuration.refusalBytes.withUnsafeBufferPointer {
                _ = unsafe CLinux.send(descriptor, $0.baseAddress, $0.count, flags)
            }
            shutdown(descriptor, Int32(SHUT_WR))
            // Unread bytes would turn the close into a reset, which can overtake what was just said.
            _ = unsafe recv(descriptor, state.pointee.cipherBuffer, configuration.readBytesMax, 0)
        }
        CLinux.close(descriptor)
    }

    /// Closes without a word, of which nothing could be verified before the handshake: the peer comes back as after a lost network, by itself
    /// and each at another moment.
    private func shed(_ descriptor: Int32) {
        unsafe state.pointee.statistics.shedHandshakeCount += 1
        CLinux.close(descriptor)
    }

    /// Closes the connection that has been silent for longest, of those a bounded search finds.
    private func reclaim(_ delegate: any EventLoopDelegate) -> Bool {
        let searched = 4096
        let highWater = unsafe state.pointee.slab.highWater
        let silence = configuration.reclaimSilenceMilliseconds / UInt32(TimerWheel.tickMilliseconds)
        let now = unsafe state.pointee.tick
        guard highWater > 0, now > silence else { return false }
        var oldest = now - silence
        var found: UInt32?
        for _ in 0..<min(searched, Int(highWater)) {
            let slot = unsafe state.pointee.reclaimCursor % highWater
            unsafe state.pointee.reclaimCursor = (slot + 1) % highWater
            let connection = unsafe state.pointee.slab.slots + Int(slot)
            let isEligible =
                unsafe connection.pointee.state == .open
                && connection.pointee.flags.isDisjoint(with: [.outgoing, .inClosingList, .inResumedList])
            // One whose bytes lie in the socket isn't silent: it is the loop that stood still.
            if isEligible, unsafe connection.pointee.lastTraffic < oldest,
                clinux_poll_now(unsafe connection.pointee.descriptor, POLLIN) == 0
            {
                unsafe oldest = connection.pointee.lastTraffic
                found = slot
            }
        }
        guard let found else { return false }
        let connection = unsafe state.pointee.slab.slots + Int(found)
        unsafe connection.pointee.reason = .reclaimed
        unsafe state.pointee.statistics.reclaimedCount += 1
        // At once, not at the end of the iteration: its descriptor is what is needed.
        unsafe destroy(found, connection, delegate)
        return true
    }

    private func pauseAccepting() {
        // Until the next call of ticked.
        unsafe state.pointee.acceptsAgainAt = state.pointee.now + 1
        setListenersWatched(false)
    }

    /// Listens again after a pause. If there is no reserve, one silent connection is closed for it.
    func resumeAccepting(_ delegate: any EventLoopDelegate) {
        unsafe state.pointee.acceptsAgainAt = 0
        if unsafe state.pointee.reserve < 0 { unsafe state.pointee.reserve = LoopState.openReserve() }
        if unsafe state.pointee.reserve < 0, reclaim(delegate) { unsafe state.pointee.reserve = LoopState.openReserve() }
        setListenersWatched(true)
    }

    private func setListenersWatched(_ isWatched: Bool) {
        for (index, listener) in listeners.enumerated() where listener.descriptor >= 0 {
            let data = EventSource.listener << EventSource.shift | UInt64(index)
            // Changing what is watched needs no memory: it can't fail for a descriptor that is watched.
            try? watch(listener.descriptor, isWatched ? EPOLLIN.rawValue : 0, data: data, add: false)
        }
    }
}

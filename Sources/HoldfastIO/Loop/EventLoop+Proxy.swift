internal import CLinux
internal import Glibc

/// Why an accepted connection was not served, where an operator can do something about it.
package enum ProxyRefusal: Equatable, Sendable {
    /// It begins with a PROXY header, and its address isn't one of those that do.
    case unexpected
    /// Its address is one of those that begin with a PROXY header, and it doesn't begin with a good one.
    case bad(ProxyHeader.Failure)
}

/// The PROXY header in front of a connection: where it is expected, and where it isn't.
extension EventLoop {
    /// Takes as much as belongs to the header out of the socket, and not a byte more.
    func readProxyHeader(_ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate) {
        guard let pending = unsafe connection.pointee.pending else { return }
        let descriptor = unsafe connection.pointee.descriptor
        let buffer = unsafe state.pointee.cipherBuffer
        let known = unsafe pending.pointee.proxyBytes.count
        // Looked at before it is taken: a line says nowhere how long it is, and what follows it is not the header's.
        let room = min(configuration.readBytesMax, ProxyHeader.byteCountMax - known)
        let count = unsafe recv(descriptor, buffer, room, Int32(MSG_PEEK))
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
        guard count > 0 else {
            // Whoever only looks whether somebody listens says nothing, and leaves nothing to say.
            if known > 0 { report(.bad(.cut), of: descriptor, delegate) }
            unsafe failSetup(slot, connection, .closedEarly)
            return
        }
        unsafe pending.pointee.proxyBytes.append(contentsOf: UnsafeBufferPointer(start: buffer, count: count))
        do {
            switch try unsafe ProxyHeader.parse(pending.pointee.proxyBytes.span) {
            case .needsMore:
                discard(count, from: descriptor)
            case .done(let source, let byteCount):
                discard(byteCount - known, from: descriptor)
                unsafe proxyHeaderRead(slot, connection, pending, source, delegate)
            }
        } catch {
            report(.bad(error), of: descriptor, delegate)
            unsafe failSetup(slot, connection, .closedEarly)
        }
    }

    private func proxyHeaderRead(
        _ slot: UInt32, _ connection: UnsafeMutablePointer<Connection>, _ pending: UnsafeMutablePointer<PendingConnection>,
        _ source: SocketAddress?, _ delegate: any EventLoopDelegate
    ) {
        unsafe pending.pointee.proxyBytes = []
        if let source { unsafe pending.pointee.peer = source }
        guard unsafe connection.pointee.flags.contains(.tls) else { return unsafe open(slot, connection, delegate) }
        guard unsafe hasRoomForHandshake(pending.pointee.peer) else { return unsafe failSetup(slot, connection, .closedEarly) }
        unsafe countHandshake(connection)
        unsafe connection.pointee.state = .handshaking
    }

    /// Takes bytes out of the socket that were looked at before.
    private func discard(_ count: Int, from descriptor: Int32) {
        _ = unsafe recv(descriptor, state.pointee.cipherBuffer, count, 0)
    }

    /// The time for the header is over.
    func proxyHeaderTimedOut(_ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate) {
        guard let pending = unsafe connection.pointee.pending, unsafe !pending.pointee.proxyBytes.isEmpty else { return }
        report(.bad(.cut), of: unsafe connection.pointee.descriptor, delegate)
    }

    /// Whether these first bytes of an accepted connection are those of a PROXY header, which has no place there. The connection is closed without
    /// a word then: what would be said reaches not the proxy but the client behind it, which has done nothing wrong and comes back.
    func isUnexpectedProxyHeader(
        _ bytes: UnsafePointer<UInt8>, count: Int, _ connection: UnsafeMutablePointer<Connection>, _ delegate: any EventLoopDelegate
    ) -> Bool {
        let signature = unsafe ProxyHeader.signature(UnsafeBufferPointer(start: bytes, count: count).span)
        guard signature == .version1 || signature == .version2 else { return false }
        report(.unexpected, of: unsafe connection.pointee.descriptor, delegate)
        return true
    }

    /// The socket's peer, not whom a header names: it is the proxy that something has to be done about.
    private func report(_ refusal: ProxyRefusal, of descriptor: Int32, _ delegate: any EventLoopDelegate) {
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = unsafe withUnsafeMutablePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getpeername(descriptor, $0, &count) }
        }
        // It may be gone already.
        if status == 0, let peer = SocketAddress(storage) { delegate.refused(peer, refusal) }
    }
}

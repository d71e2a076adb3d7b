import Testing

@testable import HoldfastIO

/// A loop that stood still, for as long as it may be: what lies in the sockets counts before any deadline.
@Suite struct PauseTests {
    private let clock = MovedClock()

    private func makeServer(_ change: (inout EventLoopConfiguration) -> Void = { _ in }) throws -> LoopHarness {
        try LoopHarness {
            $0.clock = clock.read
            change(&$0)
        }
    }

    /// Asks again until it is so.
    private func waitUntil(_ isSo: () throws -> Bool) throws {
        for _ in 0..<100_000 { if try isSo() { return } }
        Issue.record("it never came to that")
    }

    /// Waits for the end of the first turn that sees the clock as it is: what is performed comes before a turn's timers.
    private func finishTurn(_ server: LoopHarness) throws { for _ in 0..<3 { try server.perform { _ in } } }

    private func deadlineCount(_ server: LoopHarness) -> Int { server.recorded.count { if case .deadline = $0 { true } else { false } } }

    // More connections than one call of epoll_wait names. The pause ends just before the deadline, at it, and long after it.
    @Test(arguments: [900, 1_100, 50_000] as [UInt64])
    func `what lies in the sockets of many connections is read before their deadlines count`(_ pause: UInt64) throws {
        let server = try makeServer()
        server.onOpened = { loop, id in loop.setDeadline(id, afterMilliseconds: 1_000) }
        server.onReceived = { loop, id, bytes in
            loop.setDeadline(id, afterMilliseconds: 600_000)
            return bytes.count
        }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let sockets = try (0..<600).map { _ in try RawSocket(to: address) }
        try server.waitForOpened(599)
        try clock.pause(server, milliseconds: pause) { for socket in sockets { try socket.write([1]) } }
        _ = try server.waitForBytes(600)
        try clock.pause(server, milliseconds: 100) {}
        _ = try server.waitForTicks(1)
        #expect(deadlineCount(server) == 0)
    }

    @Test func `who is silent after a pause has a moment more, and then its deadline counts`() throws {
        let server = try makeServer()
        server.onOpened = { loop, id in loop.setDeadline(id, afterMilliseconds: 1_000) }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let id = try server.waitForOpened()
        // The last one is less late than another pause would be.
        for (milliseconds, count) in [(3_600_000, 0), (900, 0), (900, 0), (900, 1)] as [(UInt64, Int)] {
            try clock.pause(server, milliseconds: milliseconds) {}
            try finishTurn(server)
            #expect(deadlineCount(server) == count)
        }
        #expect(server.recorded.contains(.deadline(id)))
        withExtendedLifetime(socket) {}
    }

    @Test func `a PROXY header that lies in the socket counts before its deadline, and so does the connection's end`() throws {
        let server = try makeServer()
        let address = try server.listen(proxyFrom: [AddressRange(parsing: "127.0.0.1")], timeout: 1_000)
        try server.start()
        defer { server.stop() }
        let sockets = try (0..<300).map { _ in try RawSocket(to: address) }
        for socket in sockets { try socket.write([0x0D]) }
        try waitUntil { try server.perform { $0.statistics.acceptedCount == 300 } }
        try clock.pause(server, milliseconds: 1_100) {
            for socket in sockets { try socket.write(Array(ProxyHeaderTests.header(0x21, 0x11, ProxyHeaderTests.ipv4).dropFirst())) }
        }
        try server.waitForOpened(299)
        #expect(try server.perform { $0.statistics.timedOutHandshakeCount } == 0)
    }

    @Test func `a handshake whose next message lies in the socket is gone on with`() throws {
        let fixture = try TLSFixture()
        let server = try makeServer { $0.handshakeStepCountMax = 1 }
        let address = try server.listen(tls: fixture.server(), timeout: 1_000)
        try server.start()
        defer { server.stop() }
        let hello = try clientHello(fixture)
        let sockets = try (0..<20).map { _ in try RawSocket(to: address) }
        try waitUntil { try server.perform { $0.statistics.acceptedCount == 20 } }
        try clock.pause(server, milliseconds: 1_100) { for socket in sockets { try socket.write(hello) } }
        // The beginning of a ServerHello's record.
        for socket in sockets { #expect(socket.read(1) == [22]) }
        #expect(try server.perform { $0.statistics.timedOutHandshakeCount } == 0)
    }

    @Test func `a handshake is waited for once, also if the loop never comes to it`() throws {
        let fixture = try TLSFixture()
        let server = try makeServer { $0.handshakeStepCountMax = 0 }
        let address = try server.listen(tls: fixture.server(), timeout: 1_000)
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write(clientHello(fixture))
        try waitUntil { try server.perform { $0.handshakesWaiting == 1 } }
        for (milliseconds, count) in [(1_100, 0), (500, 0), (600, 1)] as [(UInt64, UInt64)] {
            try clock.pause(server, milliseconds: milliseconds) {}
            try finishTurn(server)
            #expect(try server.perform { $0.statistics.timedOutHandshakeCount } == count)
        }
        #expect(socket.isEnded())
    }

    @Test func `a peer that has read everything isn't stalled because the loop didn't write`() throws {
        let server = try makeServer {
            $0.unsentBytesMax = 64 << 20
            $0.stallTimeoutMilliseconds = 1_000
        }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        // Before it come more events than one call of epoll_wait names.
        let others = try (0..<300).map { _ in try RawSocket(to: address) }
        try server.waitForOpened(299)
        let socket = try RawSocket(to: address, receiveBuffer: 4096)
        let id = try server.waitForOpened(300)
        let bytes = [UInt8](repeating: 1, count: 16 << 20)
        try server.perform { $0.send(id, bytes.span) }
        let unsent = try server.perform { $0.unsentCount(id) }
        try #require(unsent > 0)
        // All that the kernel has taken so far.
        try clock.pause(server, milliseconds: 1_100) {
            for other in others { try other.write([1]) }
            #expect(socket.read(bytes.count - unsent).count == bytes.count - unsent)
        }
        #expect(socket.read(unsent).count == unsent)
        #expect(try server.perform { $0.isOpen(id) && $0.statistics.slowConsumerCount == 0 })
    }

    @Test func `answers of other threads come after what the sockets say`() throws {
        let server = try makeServer()
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try server.waitForOpened()
        var hasReceived = false
        try clock.pause(server, milliseconds: 0) {
            server.post { _ in hasReceived = server.recorded.contains { if case .received = $0 { true } else { false } } }
            try socket.write([1])
        }
        _ = try server.waitForBytes(1)
        #expect(try server.perform { _ in hasReceived })
    }
}

/// Whether a connection's peer has ended, asked from inside the call that shows its bytes.
@Suite struct PeerEndTests {
    /// What `hasPeerEnded` said when the first bytes were shown.
    private func seen(
        tls: TLSServerContext? = nil, readBytesMax: Int = 64 * 1024, _ act: (LoopHarness, SocketAddress) throws -> Void
    ) throws -> Bool {
        let server = try LoopHarness { $0.readBytesMax = readBytesMax }
        var answers: [Bool] = []
        server.onReceived = { loop, id, bytes in
            answers.append(loop.hasPeerEnded(id))
            return bytes.count
        }
        let address = try server.listen(tls: tls)
        try server.start()
        defer { server.stop() }
        try act(server, address)
        _ = try server.waitForBytes(1)
        return try server.perform { _ in answers.first == true }
    }

    /// Holds the loop in place while `body` runs, so that all of it lies in the socket when the loop reads.
    private func whileStopped(_ server: LoopHarness, _ body: () throws -> Void) throws {
        try MovedClock().pause(server, milliseconds: 0, body)
    }

    @Test func `a peer that is there has not ended`() throws {
        let isSeen = try seen { server, address in
            let socket = try RawSocket(to: address)
            try socket.write([1])
            _ = try server.waitForBytes(1)
        }
        #expect(!isSeen)
    }

    @Test(arguments: [64 * 1024, 4096])
    func `an end behind bytes is known before they are read`(_ readBytesMax: Int) throws {
        let isSeen = try seen(readBytesMax: readBytesMax) { server, address in
            let socket = try RawSocket(to: address)
            try server.waitForOpened()
            try whileStopped(server) {
                try socket.write([UInt8](repeating: 1, count: 20_000))
                socket.endWriting()
            }
            _ = try server.waitForBytes(20_000)
        }
        #expect(isSeen)
    }

    @Test func `TLS's own end counts without the socket's`() throws {
        let fixture = try TLSFixture()
        let isSeen = try seen(tls: fixture.server()) { server, address in
            let client = try RawTLSClient(RawSocket(to: address))
            try server.waitForOpened()
            try whileStopped(server) {
                try #require(client.write([1]))
                client.end()
            }
            _ = try server.waitForBytes(1)
            withExtendedLifetime(client) {}
        }
        #expect(isSeen)
    }

    @Test func `a connection that is gone has ended`() throws {
        let server = try LoopHarness()
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        var socket: RawSocket? = try RawSocket(to: address)
        let id = try server.waitForOpened()
        #expect(try server.perform { $0.hasPeerEnded(id) } == false)
        // Asked in the same turn, before the loop hears of the reset.
        var isEnded = false
        socket?.resetOnClose()
        try server.perform { loop in
            socket = nil
            isEnded = loop.hasPeerEnded(id)
        }
        #expect(isEnded)
        _ = try server.waitForClosed(id)
        #expect(try server.perform { $0.hasPeerEnded(id) })
    }
}

import Testing

@testable import HoldfastIO

/// Listeners behind a proxy.
@Suite struct ProxyListenerTests {
    private func start(_ ranges: [String], timeout: UInt32 = 10_000) throws -> (LoopHarness, SocketAddress) {
        let server = try LoopHarness()
        server.onReceived = echo
        let address = try server.listen(proxyFrom: ranges.map { try AddressRange(parsing: $0) }, timeout: timeout)
        try server.start()
        return (server, address)
    }

    @Test func `the header's source is the peer, and what follows it is shown`() throws {
        let (server, address) = try start(["127.0.0.0/8"])
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write(ProxyHeaderTests.header(0x21, 0x11, ProxyHeaderTests.ipv4) + [7, 8])
        #expect(socket.read(2) == [7, 8])
        let id = try server.waitForOpened()
        #expect(server.info(of: id)?.peer.description == "203.0.113.9:12345")
    }

    @Test func `a header in pieces is read`() throws {
        let (server, address) = try start(["127.0.0.1"])
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        for byte in ProxyHeaderTests.header(0x21, 0x21, ProxyHeaderTests.ipv6) { try socket.write([byte]) }
        let id = try server.waitForOpened()
        #expect(server.info(of: id)?.peer.description == "[2001:db8::7]:258")
    }

    @Test(arguments: ["PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "no header at all"])
    func `a configured address must send a header of version 2`(_ text: String) throws {
        let (server, address) = try start(["127.0.0.1"])
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write(Array(text.utf8))
        #expect(socket.isEnded())
        #expect(try server.perform { $0.statistics.failedHandshakeCount } == 1)
        #expect(!server.recorded.contains { if case .opened = $0 { true } else { false } })
    }

    @Test func `from another address a header is just bytes`() throws {
        let (server, address) = try start(["10.0.0.0/8"])
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let header = ProxyHeaderTests.header(0x21, 0x11, ProxyHeaderTests.ipv4)
        try socket.write(header)
        #expect(socket.read(header.count) == header)
        let id = try server.waitForOpened()
        #expect(server.info(of: id)?.peer.host == "127.0.0.1")
    }

    @Test func `a proxy that says nothing is dropped at the deadline`() throws {
        let (server, address) = try start(["127.0.0.1"], timeout: 100)
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write([0x0D])
        #expect(socket.isEnded())
        #expect(try server.perform { $0.statistics.timedOutHandshakeCount } == 1)
    }
}

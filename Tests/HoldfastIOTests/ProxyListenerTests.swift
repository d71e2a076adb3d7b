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

    private func refusals(_ server: LoopHarness) -> [LoopEvent] {
        server.recorded.filter { if case .refused = $0 { true } else { false } }
    }

    @Test func `a line of version 1 is read, and what follows it is shown`() throws {
        let (server, address) = try start(["127.0.0.1"])
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write(Array("PROXY TCP4 203.0.113.9 10.0.0.1 12345 7403\r\nPROXI".utf8))
        #expect(socket.read(5) == Array("PROXI".utf8))
        #expect(server.info(of: try server.waitForOpened())?.peer.description == "203.0.113.9:12345")
        let byByte = try RawSocket(to: address)
        for byte in Array("PROXY UNKNOWN\r\n".utf8) + [9] { try byByte.write([byte]) }
        #expect(byByte.read(1) == [9])
        #expect(server.info(of: try server.waitForOpened(1))?.peer.host == "127.0.0.1")
        #expect(refusals(server).isEmpty)
    }

    @Test func `TLS begins behind the header`() throws {
        let fixture = try TLSFixture()
        let server = try LoopHarness()
        server.onReceived = echo
        let address = try server.listen(tls: fixture.server(), proxyFrom: [AddressRange(parsing: "127.0.0.1")])
        try server.start()
        defer { server.stop() }
        for header in [
            Array("PROXY TCP4 203.0.113.9 10.0.0.1 12345 7403\r\n".utf8), ProxyHeaderTests.header(0x21, 0x11, ProxyHeaderTests.ipv4),
        ] {
            let socket = try RawSocket(to: address)
            try socket.write(header)
            let client = try RawTLSClient(socket)
            #expect(client.write([5]) && client.read(1) == [5])
        }
        #expect(server.info(of: try server.waitForOpened(1))?.peer.description == "203.0.113.9:12345")
    }

    @Test(arguments: [("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", ProxyHeader.Failure.malformed), ("no header at all", .missing)])
    func `a configured address must send a header`(_ text: String, _ failure: ProxyHeader.Failure) throws {
        let (server, address) = try start(["127.0.0.1"])
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write(Array(text.utf8))
        #expect(socket.isEnded())
        #expect(try server.perform { $0.statistics.failedHandshakeCount } == 1)
        #expect(!server.recorded.contains { if case .opened = $0 { true } else { false } })
        #expect(refusals(server) == [.refused("127.0.0.1", .bad(failure))])
    }

    @Test func `a header that isn't whole is told, a connection without a word isn't`() throws {
        let (server, address) = try start(["127.0.0.1"])
        defer { server.stop() }
        let silent = try RawSocket(to: address)
        silent.endWriting()
        #expect(silent.isEnded())
        let cut = try RawSocket(to: address)
        try cut.write(Array("PROXY TCP4".utf8))
        cut.endWriting()
        #expect(cut.isEnded())
        #expect(refusals(server) == [.refused("127.0.0.1", .bad(.cut))])
    }

    @Test(arguments: [Array("PROXY UNKNOWN\r\n".utf8), ProxyHeaderTests.header(0x21, 0x11, ProxyHeaderTests.ipv4)], [false, true])
    func `from another address a header ends the connection, and nothing is said`(_ header: [UInt8], _ isTLS: Bool) throws {
        let fixture = try TLSFixture()
        let server = try LoopHarness()
        server.onReceived = echo
        let address = try server.listen(tls: isTLS ? fixture.server() : nil, proxyFrom: [AddressRange(parsing: "10.0.0.0/8")])
        try server.start()
        defer { server.stop() }
        // In one piece, and where that can be waited for in two.
        for pieces in isTLS ? [[header]] : [[header], [Array(header[..<3]), Array(header[3...])]] {
            let socket = try RawSocket(to: address)
            for piece in pieces {
                try socket.write(piece)
                _ = try server.waitForTicks(1)
            }
            #expect(socket.read(1).isEmpty && socket.isEnded())
        }
        #expect(Set(refusals(server).map { "\($0)" }).count == 1)
        #expect(refusals(server).first == .refused("127.0.0.1", .unexpected))
        #expect(!server.recorded.contains { if case .received = $0 { true } else { false } })
    }

    @Test func `a second header is one too many`() throws {
        let (server, address) = try start(["127.0.0.1"])
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let header = ProxyHeaderTests.header(0x21, 0x11, ProxyHeaderTests.ipv4)
        try socket.write(header + header)
        #expect(socket.isEnded())
        #expect(try server.waitForClosed() == .unexpectedProxyHeader)
        #expect(refusals(server) == [.refused("127.0.0.1", .unexpected)])
    }

    @Test func `what only begins like a header is shown as it came`() throws {
        let (server, address) = try start(["10.0.0.0/8"])
        defer { server.stop() }
        for text in ["POST", "\r\n\r\nx"] {
            let socket = try RawSocket(to: address)
            try socket.write([Array(text.utf8)[0]])
            _ = try server.waitForTicks(1)
            try socket.write(Array(text.utf8.dropFirst()))
            #expect(socket.read(text.utf8.count) == Array(text.utf8))
        }
    }

    @Test func `a proxy that says nothing is dropped at the deadline`() throws {
        let (server, address) = try start(["127.0.0.1"], timeout: 100)
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write([0x0D])
        #expect(socket.isEnded())
        #expect(try server.perform { $0.statistics.timedOutHandshakeCount } == 1)
        #expect(refusals(server) == [.refused("127.0.0.1", .bad(.cut))])
    }
}

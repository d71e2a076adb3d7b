import COpenSSL
import Dispatch
import Foundation
import Synchronization
import Testing

@testable import HoldfastIO

/// TLS through loops and sockets.
@Suite struct TLSConnectionTests {
    private func start(
        _ context: TLSServerContext, timeout: UInt32 = 10_000, _ change: (inout EventLoopConfiguration) -> Void = { _ in }
    ) throws -> (LoopHarness, SocketAddress) {
        let server = try LoopHarness(change)
        server.onReceived = echo
        let address = try server.listen(tls: context, timeout: timeout)
        try server.start()
        return (server, address)
    }

    private func connect(
        _ client: LoopHarness, _ address: SocketAddress, _ context: TLSClientContext, name: String = "localhost"
    ) throws -> ConnectionID {
        try client.perform { try $0.connect(to: address, tls: TLSClientOptions(context: context, serverName: name)) }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a full handshake, then resumption, then bytes of any size`(_ name: String) throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server()) { $0.unsentBytesMax = 16 << 20 }
        defer { server.stop() }
        let client = try LoopHarness { $0.unsentBytesMax = 16 << 20 }
        try client.start()
        defer { client.stop() }
        let context = try fixture.client()
        for round in 0..<2 {
            let id = try connect(client, address, context, name: name)
            #expect(try client.waitForOpened(round) == id)
            #expect(client.info(of: id)?.isTLS == true)
            var sent: [UInt8] = []
            for size in [1, 5, 16_384, 16_385, 100_000, 1_000_000] {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 / 7) }
                sent += bytes
                try client.perform { $0.send(id, bytes.span) }
                #expect(try client.waitForBytes(sent.count, of: id) == sent)
            }
            try client.perform { $0.close(id, flush: true) }
            #expect(try client.waitForClosed(id) == .requested)
            #expect(try server.waitForClosed(server.waitForOpened(round)) == .peerClosed)
            #expect(try server.perform { $0.statistics.resumedHandshakeCount } == UInt64(round))
            #expect(context.session(for: name) != nil)
        }
    }

    @Test func `a certificate for another name, or that nobody trusts, is refused`() throws {
        let fixture = try TLSFixture(names: ["localhost"])
        let (server, address) = try start(fixture.server())
        defer { server.stop() }
        // One loop for all: what a refused handshake has left unread must not reach the next one.
        let client = try LoopHarness()
        try client.start()
        defer { client.stop() }
        let refusals = [
            (try fixture.client(), "other.example", "hostname mismatch"), (try fixture.client(), "127.0.0.1", "IP address mismatch"),
            (try TLSClientContext(), "localhost", "self-signed certificate"),
            (try TLSFixture(names: ["localhost"]).client(), "localhost", "self-signed certificate"),
        ]
        for (index, (context, name, reason)) in refusals.enumerated() {
            _ = try connect(client, address, context, name: name)
            #expect(try client.waitForFailure(index) == .tls("certificate: \(reason)"))
        }
        let id = try connect(client, address, fixture.client(), name: "localhost")
        #expect(try client.waitForOpened(0) == id)
        #expect(!server.recorded.contains { if case .received = $0 { true } else { false } })
    }

    @Test func `the server selects the protocol that both speak`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server(alpn: ["holdfast/1"]))
        defer { server.stop() }
        for (offered, isAccepted) in [(["holdfast/1"], true), (["h2", "holdfast/1"], true), ([], true), (["h2"], false)] {
            let client = try LoopHarness()
            try client.start()
            defer { client.stop() }
            _ = try connect(client, address, fixture.client(alpn: offered))
            if isAccepted {
                try client.waitForOpened()
            } else {
                guard case .tls(let reason) = try client.waitForFailure() else {
                    Issue.record("not refused by TLS")
                    continue
                }
                #expect(reason == "tlsv1 alert no application protocol")
            }
        }
    }

    @Test func `TLS 1_2 is refused, and spoken only if configured`() throws {
        let fixture = try TLSFixture()
        for (minimum, isSpoken) in [(TLSVersion.tls13, false), (.tls12, true)] {
            let (server, address) = try start(fixture.server(minimumVersion: minimum))
            defer { server.stop() }
            let old = try RawTLSClient(RawSocket(to: address), maximumVersion: TLS1_2_VERSION)
            #expect(old.isUp == isSpoken)
            if isSpoken {
                #expect(old.version == "TLSv1.2")
                #expect(old.write([1, 2, 3]))
                #expect(old.read(3) == [1, 2, 3])
            } else {
                #expect(try server.perform { $0.statistics.failedHandshakeCount } == 1)
            }
            let new = try RawTLSClient(RawSocket(to: address))
            #expect(new.isUp && new.version == "TLSv1.3")
        }
    }

    @Test(arguments: [[], [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]] as [[UInt8]])
    func `a handshake that doesn't come to its end is dropped at the deadline`(_ first: [UInt8]) throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server(), timeout: 100)
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        if !first.isEmpty { try socket.write(first) }
        #expect(socket.isEnded())
        #expect(try server.perform { $0.statistics.timedOutHandshakeCount } == 1)
        #expect(try server.perform { $0.connectionCount } == 0)
    }

    @Test func `handshakes of one address are limited, and those that ended don't count`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server()) { $0.handshakesPerAddressMax = 2 }
        defer { server.stop() }
        // Up, one after the other: more than the limit.
        let up = try (0..<4).map { _ in try RawTLSClient(RawSocket(to: address)) }
        #expect(up.count { $0.isUp } == 4)
        var waiting = try (0..<2).map { _ in try RawSocket(to: address) }
        let third = try RawSocket(to: address)
        #expect(third.isEnded())
        #expect(try server.perform { $0.statistics.refusedCount } == 1)
        waiting.removeLast()
        while try server.perform({ $0.statistics.failedHandshakeCount }) < 1 { _ = try server.waitForTicks(1) }
        let next = try RawTLSClient(RawSocket(to: address))
        #expect(next.isUp)
        withExtendedLifetime((up, waiting)) {}
    }

    @Test func `more handshakes than one iteration takes are all done, one step at a time`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server()) { $0.handshakeStepCountMax = 1 }
        defer { server.stop() }
        // One that is gone while it waits for its turn.
        try RawSocket(to: address).write([0x16, 0x03, 0x01])
        let up = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 20) { _ in
            guard let client = try? RawTLSClient(RawSocket(to: address)) else { return }
            if client.isUp { up.withLock { $0 += 1 } }
        }
        #expect(up.withLock { $0 } == 20)
    }

    @Test func `where more handshakes wait than the loop can do, further connections end before theirs`() throws {
        let fixture = try TLSFixture()
        // No step is ever done: what has sent something waits.
        let (server, address) = try start(fixture.server()) {
            $0.handshakeStepCountMax = 0
            $0.handshakeBacklogMilliseconds = 5
        }
        defer { server.stop() }
        // 200 a second is what is thought at first: one in 5 ms.
        let waiting = try (0..<3).map { _ in try RawSocket(to: address) }
        while try server.perform({ $0.connectionCount }) < 3 { _ = try server.waitForTicks(1) }
        for socket in waiting { try socket.write([0x16]) }
        while try server.perform({ $0.handshakesWaiting }) < 3 { _ = try server.waitForTicks(1) }
        let further = try RawSocket(to: address)
        #expect(further.isEnded())
        #expect(try server.perform { $0.statistics.shedHandshakeCount } == 1)
        #expect(try server.perform { $0.connectionCount } == 3)
        withExtendedLifetime(waiting) {}
    }

    @Test func `what isn't TLS ends the connection`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server())
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        _ = socket.read(100)
        #expect(socket.isEnded())
        #expect(try server.perform { $0.statistics.failedHandshakeCount } == 1)
    }

    @Test func `a record that doesn't verify ends the connection, and no other`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server())
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let client = try RawTLSClient(socket)
        let other = try RawTLSClient(RawSocket(to: address))
        #expect(client.write([1]) && client.read(1) == [1])
        let id = try server.wait { events in events.compactMap { if case .received(let id, _) = $0 { id } else { nil } }.first }
        try socket.write([0x17, 0x03, 0x03, 0x00, 0x20] + [UInt8](repeating: 0x55, count: 32))
        #expect(try server.waitForClosed(id) == .tlsFailed)
        #expect(other.write([2]) && other.read(1) == [2])
    }

    @Test func `the peer's notice of its end is its end`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server())
        defer { server.stop() }
        let client = try RawTLSClient(RawSocket(to: address))
        #expect(client.write([1, 2]))
        client.end()
        #expect(client.read(2) == [1, 2])
        #expect(try server.waitForClosed() == .peerClosed)
    }

    @Test func `closing with flush a connection that the peer has reset closes it once`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server())
        defer { server.stop() }
        var socket: RawSocket? = try RawSocket(to: address)
        var client: RawTLSClient? = try socket.map { try RawTLSClient($0) }
        let id = try server.waitForOpened()
        socket?.resetOnClose()
        socket = nil
        try server.perform { loop in
            // In one iteration: the loop doesn't know of the reset before it writes its notice.
            client = nil
            loop.close(id, flush: true)
        }
        #expect(try server.waitForClosed() == .requested)
        _ = try server.waitForTicks(1)
        #expect(server.recorded.filter { if case .closed = $0 { true } else { false } }.count == 1)
        #expect(client == nil)
        #expect(try server.perform { $0.connectionCount } == 0)
    }

    @Test func `a change of keys is followed`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server())
        defer { server.stop() }
        let client = try RawTLSClient(RawSocket(to: address))
        for round in 0..<5 as Range<UInt8> {
            client.updateKeys()
            #expect(client.write([round]) && client.read(1) == [round])
        }
    }

    @Test func `a certificate is changed for new connections, old ones and tickets stay good`() throws {
        let fixture = try TLSFixture()
        let context = try fixture.server()
        let (server, address) = try start(context)
        defer { server.stop() }
        let client = try LoopHarness()
        try client.start()
        defer { client.stop() }
        let before = try fixture.client()
        let first = try connect(client, address, before)
        try client.waitForOpened(0)
        let one: [UInt8] = [1]
        try client.perform { $0.send(first, one.span) }
        #expect(try client.waitForBytes(1, of: first) == one)

        try fixture.renew(names: ["localhost"])
        try context.reload()
        let second = try connect(client, address, fixture.client())
        #expect(try client.waitForOpened(1) == second)
        let third = try connect(client, address, before)
        #expect(try client.waitForOpened(2) == third)
        #expect(try server.perform { $0.statistics.resumedHandshakeCount } == 1)
        try client.perform { $0.send(first, one.span) }
        #expect(try client.waitForBytes(2, of: first) == [1, 1])
    }

    @Test func `files that are no good leave the old certificate in use`() throws {
        let fixture = try TLSFixture()
        let context = try fixture.server()
        try "no PEM".write(toFile: fixture.certificateFile, atomically: true, encoding: .utf8)
        #expect(throws: IOError.self) { try context.reload() }
        #expect(throws: IOError.self) { try fixture.server() }
        #expect(throws: IOError.self) { try fixture.client() }
        let (server, address) = try start(context)
        defer { server.stop() }
        #expect(try RawTLSClient(RawSocket(to: address)).isUp)
    }

    @Test func `an encrypted key and a pipe are errors, and nobody is asked for a password`() throws {
        let fixture = try TLSFixture()
        // openssl pkcs8 -topk8 -v2 aes-128-cbc -passout pass:secret
        try encryptedKey.write(toFile: fixture.keyFile, atomically: true, encoding: .utf8)
        let error = #expect(throws: IOError.self) { try fixture.server() }
        #expect(error?.reason.hasSuffix("it must be a PEM file with the certificate's key, not encrypted") == true)
        // What the library asks with by default; the one without questions answers at once.
        let asks = unsafe UI_get_default_method() != UI_null()
        #expect(!asks)
        try FileManager.default.removeItem(atPath: fixture.keyFile)
        let made = unsafe mkfifo(fixture.keyFile, 0o600)
        #expect(made == 0)
        let pipe = #expect(throws: IOError.self) { try fixture.server() }
        #expect(pipe?.reason == "not a regular file; it must be a PEM file")
    }

    @Test func `pausing keeps what was decrypted, in order`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server())
        defer { server.stop() }
        let client = try RawTLSClient(RawSocket(to: address))
        let id = try server.waitForOpened()
        try server.perform { _ in
            server.onReceived = { loop, id, bytes in
                loop.pauseReading(id)
                return min(1000, bytes.count)
            }
        }
        let all = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 / 100) }
        #expect(client.write(all))
        var count = 0
        while count < all.count {
            let shown = try server.waitForBytes(count + 1)
            #expect(shown == Array(all[..<shown.count]))
            count = shown.count
            try server.perform { $0.resumeReading(id) }
        }
        #expect(try server.waitForBytes(50_000) == all)
    }

    @Test func `a peer that doesn't read is bounded over TLS, too`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(fixture.server()) { $0.unsentBytesMax = 200_000 }
        defer { server.stop() }
        let client = try RawTLSClient(RawSocket(to: address, receiveBuffer: 4096))
        let id = try server.waitForOpened()
        let piece = [UInt8](repeating: 1, count: 20_000)
        for _ in 0..<5000 {
            let isOpen = try server.perform { loop in
                loop.send(id, piece.span)
                return loop.isOpen(id)
            }
            if !isOpen { break }
        }
        #expect(try server.waitForClosed(id) == .slowConsumer)
        withExtendedLifetime(client) {}
    }
}

extension TLSConnectionTests {
    @Test func `a name that can't be one is refused by connect itself`() throws {
        let client = try LoopHarness()
        try client.start()
        defer { client.stop() }
        let fixture = try TLSFixture()
        let address = SocketAddress(ipv4: 0x7F00_0001, port: 1)
        let context = try fixture.client()
        #expect(throws: IOError.self) { _ = try connect(client, address, context, name: "a\u{0}b") }
        #expect(try client.perform { $0.connectionCount } == 0)
    }
}

/// A P-256 key, encrypted.
private let encryptedKey = """
    -----BEGIN ENCRYPTED PRIVATE KEY-----
    MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjF8rqsu1v2cwICCAAw
    DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEIU4rpNVszLw1RNM+U7fwPYEgZBR
    WF1gXFDrgLMbib7Jxc+UnBpNXZcrFbdxMDBdRZJSPavKPQV5B3bEq7Uah4SJFYm5
    YAk6B2lJS74gU0+B/NwOuKsuuAxKptfuYcpTdbVhcY5Jao+ptpJGmkq/Jx7j8zmH
    8kncwv3TTru/zaNNed5DTkJuHt7WrqW6A7xBZh1BvX80RFsT40WALSO28C8E4Ro=
    -----END ENCRYPTED PRIVATE KEY-----
    """

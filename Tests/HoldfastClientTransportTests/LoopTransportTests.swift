import Foundation
import HoldfastClient
import HoldfastClientTransport
import HoldfastIO
import Testing

@Suite(.timeLimit(.minutes(1))) struct LoopTransportTests {
    @Test func `bytes go both ways in plaintext, and the end is told`() async throws {
        let server = try EchoServer()
        defer { server.stop() }
        let (events, connection) = try open(ClientEndpoint(host: "127.0.0.1", port: server.port))
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == "opened")
        connection.write(Array("hello".utf8))
        #expect(await iterator.next() == "received hello")
        connection.write(Array("bye!".utf8))
        #expect(await iterator.next() == "received bye!")
        #expect(await iterator.next() == "closed closedByPeer")
    }

    @Test func `TLS checks the name and the trust`() async throws {
        let (certificate, key) = try makeSelfSignedCertificate(names: ["gateway.test"], days: 2)
        let directory = NSTemporaryDirectory() + "holdfast-transport-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Data(certificate.utf8).write(to: URL(fileURLWithPath: directory + "/certificate"))
        try Data(key.utf8).write(to: URL(fileURLWithPath: directory + "/key"))
        let server = try EchoServer(certificate: directory + "/certificate", key: directory + "/key")
        defer { server.stop() }

        let right = ClientEndpoint.TLSOptions(serverName: "gateway.test", trustFile: directory + "/certificate")
        let (events, connection) = try open(ClientEndpoint(host: "127.0.0.1", port: server.port, tls: right))
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == "opened")
        connection.write(Array("secret".utf8))
        #expect(await iterator.next() == "received secret")
        connection.close()

        let wrongName = ClientEndpoint.TLSOptions(serverName: "other.test", trustFile: directory + "/certificate")
        let wrongTrust = ClientEndpoint.TLSOptions(serverName: "gateway.test", trustFile: nil)
        for tls in [wrongName, wrongTrust] {
            let (events, connection) = try open(ClientEndpoint(host: "127.0.0.1", port: server.port, tls: tls))
            var iterator = events.makeAsyncIterator()
            #expect(await iterator.next() == "closed untrusted")
            connection.close()
        }
    }

    @Test func `what can't be reached is told`() async throws {
        let port = try EchoServer.freePort()
        let (events, connection) = try open(ClientEndpoint(host: "127.0.0.1", port: port))
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == "closed unreachable")
        connection.close()
        let missing = ClientEndpoint.TLSOptions(serverName: "a", trustFile: "/nowhere/at/all")
        let (failing, other) = try open(ClientEndpoint(host: "127.0.0.1", port: port, tls: missing))
        iterator = failing.makeAsyncIterator()
        #expect(await iterator.next() == "closed unreachable")
        other.close()
    }

    /// Opens a connection whose events come as text; the transport lives as long as the connection.
    private func open(_ endpoint: ClientEndpoint) throws -> (AsyncStream<String>, any ClientTransportConnection) {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        let connection = try LoopTransport().open(endpoint) { event in
            switch event {
            case .opened: continuation.yield("opened")
            case .received(let bytes): continuation.yield("received \(String(decoding: bytes, as: UTF8.self))")
            case .closed(.untrusted): continuation.yield("closed untrusted")
            case .closed(.unreachable): continuation.yield("closed unreachable")
            case .closed(let failure): continuation.yield("closed \(failure)")
            }
        }
        return (stream, connection)
    }
}

/// Sends back what comes, and closes after "bye!".
private final class EchoServer: EventLoopDelegate, Sendable {
    let port: UInt16
    private let loop: EventLoop

    init(certificate: String? = nil, key: String = "") throws {
        loop = try EventLoop()
        let tls = try certificate.map { try TLSServerContext(certificateChainFile: $0, keyFile: key, alpn: ["holdfast/1"]) }
        port = try loop.listen(ListenerConfiguration(address: SocketAddress(parsing: "127.0.0.1:0"), tls: tls)).port
        loop.delegate = self
        _ = try loop.start()
    }

    /// To be called at the end: the loop keeps its delegate alive while it runs.
    func stop() { loop.stop() }

    /// A port that nobody listens on.
    static func freePort() throws -> UInt16 {
        let loop = try EventLoop()
        return try loop.listen(ListenerConfiguration(address: SocketAddress(parsing: "127.0.0.1:0"))).port
    }

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {}
    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {}
    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        loop.send(id, bytes)
        if bytes.count >= 4 && bytes[bytes.count - 1] == UInt8(ascii: "!") { loop.close(id, flush: true) }
        return bytes.count
    }
    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {}
    func deadlineReached(_ id: ConnectionID) {}
    func woken() {}
    func ticked(_ now: UInt64) {}
    func iterationEnded() {}
}

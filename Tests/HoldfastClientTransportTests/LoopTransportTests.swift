import Dispatch
import Foundation
import HoldfastClient
import HoldfastClientTransport
import HoldfastIO
import Synchronization
import TestTraits
import Testing

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct LoopTransportTests {
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

    @Test func `what lies in the socket is told before whoever asked for it goes on`() async throws {
        let server = try EchoServer(toAll: true)
        defer { server.stop() }
        let endpoint = ClientEndpoint(host: "127.0.0.1", port: server.port)
        let transport = try LoopTransport()
        let log = Mutex<[String]>([])
        let (held, goesOn) = (AsyncStream.makeStream(of: Void.self), DispatchSemaphore(value: 0))
        let (opened, done) = (AsyncStream.makeStream(of: Void.self), AsyncStream.makeStream(of: Void.self))
        let stopped = transport.open(endpoint) { event in
            if case .opened = event { opened.continuation.yield() }
            guard case .received(let bytes) = event else { return }
            log.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
            guard bytes == Array("first".utf8) else { return }
            // The loop's thread stands still, as the whole process would.
            held.continuation.yield()
            goesOn.wait()
        }
        for await _ in opened.stream { break }
        let (events, other) = try open(endpoint)
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == "opened")
        other.write(Array("first".utf8))
        for await _ in held.stream { break }
        #expect(await iterator.next() == "received first")
        other.write(Array("second".utf8))
        // The server sends to the older connection first.
        #expect(await iterator.next() == "received second")
        transport.afterEvents {
            log.withLock { $0.append("after") }
            done.continuation.yield()
        }
        goesOn.signal()
        for await _ in done.stream { break }
        #expect(log.withLock { $0 } == ["first", "second", "after"])
        for connection in [stopped, other] { connection.close() }
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
    private let toAll: Bool
    private let peers = Mutex<[ConnectionID]>([])

    /// - Parameter toAll: whether what comes goes to all connections, the oldest first.
    init(certificate: String? = nil, key: String = "", toAll: Bool = false) throws {
        self.toAll = toAll
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

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) { peers.withLock { $0.append(id) } }
    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {}
    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        for peer in toAll ? peers.withLock({ $0 }) : [id] { loop.send(peer, bytes) }
        if bytes.count >= 4 && bytes[bytes.count - 1] == UInt8(ascii: "!") { loop.close(id, flush: true) }
        return bytes.count
    }
    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {}
    func deadlineReached(_ id: ConnectionID) {}
    func woken() {}
    func ticked(_ now: UInt64) {}
    func iterationEnded() {}
}

import COpenSSL
import Testing

@testable import HoldfastIO

/// Peers that make the loop work without bringing anything.
@Suite struct CostlyPeerTests {
    /// A server for whom no time passes, so that nothing runs out however slow the machine is.
    private func start(tls: TLSServerContext? = nil, _ consumed: @escaping ([UInt8]) -> Int = { $0.count }) throws -> (
        LoopHarness, SocketAddress
    ) {
        let server = try LoopHarness { $0.clock = { 1_000 } }
        server.onReceived = { _, _, bytes in consumed(bytes) }
        let address = try server.listen(tls: tls)
        try server.start()
        return (server, address)
    }

    private func costlyCount(_ server: LoopHarness) -> Int { server.recorded.count { if case .costly = $0 { true } else { false } } }

    @Test func `key updates without end are ended, and the delegate is asked first`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(tls: fixture.server())
        defer { server.stop() }
        let client = try RawTLSClient(RawSocket(to: address))
        let id = try server.waitForOpened()
        #expect(client.floodKeys(50) && client.write([1, 2, 3]))
        #expect(try server.waitForBytes(3) == [1, 2, 3])
        #expect(costlyCount(server) == 0)
        _ = client.floodKeys(5_000)
        #expect(try server.waitForClosed(id) == .overheadExceeded)
        #expect(costlyCount(server) == 1)
        #expect(try server.perform { $0.statistics.costlyCount } == 1)
    }

    @Test func `the delegate can say why it ends`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(tls: fixture.server())
        server.onCostly = { loop, id in
            loop.send(id, [7, 8, 9].span)
            loop.close(id, flush: true)
        }
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let client = try RawTLSClient(socket)
        let id = try server.waitForOpened()
        _ = client.floodKeys(300)
        #expect(client.read(3) == [7, 8, 9])
        socket.endWriting()
        #expect(try server.waitForClosed(id) == .requested)
    }

    @Test func `a flood does no more work than it is allowed, however much of it lies in the socket`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(tls: fixture.server())
        defer { server.stop() }
        let client = try RawTLSClient(RawSocket(to: address))
        let id = try server.waitForOpened()
        try MovedClock().pause(server, milliseconds: 0) { #expect(client.floodKeys(2_000)) }
        #expect(try server.waitForClosed(id) == .overheadExceeded)
    }

    @Test func `tiny records with data are borne by the thousand`() throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(tls: fixture.server())
        defer { server.stop() }
        let client = try RawTLSClient(RawSocket(to: address))
        for _ in 0..<20_000 { try #require(client.write([1])) }
        _ = try server.waitForBytes(20_000)
        #expect(costlyCount(server) == 0)
    }

    @Test(arguments: [(20, false), (200, true)])
    func `a handshake in too many records is ended`(_ pieces: Int, _ isEnded: Bool) throws {
        let fixture = try TLSFixture()
        let (server, address) = try start(tls: fixture.server())
        defer { server.stop() }
        let hello = Array(try clientHello(fixture).dropFirst(5))
        let size = (hello.count + pieces - 1) / pieces
        var records: [UInt8] = []
        for start in stride(from: 0, to: hello.count, by: size) {
            let piece = hello[start..<min(hello.count, start + size)]
            records += [22, 3, 1, 0, UInt8(piece.count)] + piece
        }
        let socket = try RawSocket(to: address)
        try socket.write(records)
        let first = socket.read(1)
        #expect(isEnded ? first.isEmpty : first == [22])
        #expect(try server.perform { $0.statistics.costlyCount } == (isEnded ? 1 : 0))
    }

    @Test(arguments: [false, true])
    func `a long frame that comes byte by byte is ended`(_ isTLS: Bool) throws {
        let fixture = try TLSFixture()
        // Nothing is whole before the end.
        let (server, address) = try start(tls: isTLS ? fixture.server() : nil) { $0.count >= 60_000 ? $0.count : 0 }
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let client = isTLS ? try RawTLSClient(socket) : nil
        func write(_ bytes: [UInt8]) -> Bool { client.map { $0.write(bytes) } ?? ((try? socket.write(bytes)) != nil) }
        let id = try server.waitForOpened()
        #expect(write([UInt8](repeating: 1, count: 50_000)))
        var seen = 0
        while seen < 3_000 {
            // Each is read by itself.
            let before = seen
            seen = try server.wait { events in shownCount(events) > before ? shownCount(events) : nil }
            if !write([1]) { break }
        }
        #expect(try server.waitForClosed(id) == .overheadExceeded)
    }

    /// How often bytes were shown; more than any count when the connection is closed.
    private func shownCount(_ events: [LoopEvent]) -> Int {
        var shown = 0
        for event in events {
            switch event {
            case .received: shown += 1
            case .closed, .costly: return .max
            default: break
            }
        }
        return shown
    }
}

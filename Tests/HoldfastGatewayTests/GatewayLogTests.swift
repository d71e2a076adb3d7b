import HoldfastIO
import HoldfastWire
import TestTraits
import Testing

@testable import HoldfastGateway

/// What the log says of connections that end, and of whom.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct GatewayLogTests {
    @Test(arguments: [Configuration.LogUsers.none, .hash, .name])
    func `a closing names its user as the configuration says`(_ form: Configuration.LogUsers) async throws {
        let lines = LogLines()
        let gateway = try await TestGateway(logger: lines.logger) { $0.logUsers = form }
        let (first, welcome) = try await gateway.connect("alice")
        let hash = LogNames(data: gateway.data + "/data")?.user(Array("alice".utf8))
        let (user, address) =
            switch form {
            case .none: ("", "")
            case .hash: (" user=\(try #require(hash))", " address=127.0.0.0/24")
            case .name: (" user=alice", " address=127.0.0.1")
            }
        // Another connection of the session takes its place.
        func state(_ welcome: ServerFrame.Welcome) -> PresentedState {
            PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        }
        let (second, again) = try await gateway.connect("alice", state: state(welcome))
        let closing = lines.wait { $0.hasPrefix("closing a connection") }
        #expect(closing.hasPrefix("closing a connection\(address) code=fenced connection="))
        #expect(closing.hasSuffix(user) && (form != .none || !closing.contains("user=")))
        #expect(lines.wait { $0.hasPrefix("a connection has ended") && $0.contains("reason=requested") }.hasSuffix(user))
        // The same of a user whose name only the disk has.
        func isEnd(_ line: String) -> Bool {
            line.hasPrefix("a connection has ended") && (line.contains("reason=peerClosed") || line.contains("reason=reset"))
        }
        second.disconnect()
        lines.wait(count: 1, for: isEnd)
        try await gateway.restart()
        let (third, _) = try gateway.resume(try #require(second.ticket), state(again))
        third.disconnect()
        lines.wait(count: 2, for: isEnd)
        #expect(lines.all.filter(isEnd).allSatisfy { $0.hasSuffix(user) })
        withExtendedLifetime(first) {}
        await gateway.stop()
        if form == .hash { #expect(!lines.all.contains { $0.contains("alice") || $0.contains("127.0.0.1") }) }
    }

    @Test func `a connection that never was up is named by its address, and what an operator can do is said once`() async throws {
        let lines = LogLines()
        let gateway = try await TestGateway(logger: lines.logger) { $0.tlsListen = ["127.0.0.1:0"] }
        for _ in 0..<3 {
            let socket = try RawClient(port: gateway.tlsPort)
            try socket.send { $0 += Array("GET / HTTP/1.1\r\n\r\n".utf8) }
            socket.disconnect()
        }
        lines.wait(count: 3) { $0.hasPrefix("a connection ended before it was up address=127.0.0.0/24") }
        #expect(lines.all.count { $0.hasPrefix("a TLS handshake failed: the client doesn't speak TLS") && $0.contains(" do=") } == 1)
        await gateway.stop()
    }
}

import Foundation
import HoldfastConnection
import HoldfastCore
import HoldfastIO
import HoldfastWire
import TestTraits
import Testing

@testable import HoldfastGateway

/// Who is let in, who isn't, and how everybody leaves.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct GatewayLoginTests {
    // REQ-AUTH-1, REQ-SESSION-3
    @Test func `a token that is no good is told why`() async throws {
        let gateway = try await TestGateway()
        let other = try await TokenIssuer(secret: [UInt8](repeating: 1, count: 32))
        let now = UInt64(Date().timeIntervalSince1970)
        let foreign = try await other.issue(user: "alice", now: now, lifetimeSeconds: 60)
        let old = try await gateway.token("alice", at: now - 100, lifetimeSeconds: 50)
        let cases: [([UInt8], CloseCode)] = [
            (Array("nonsense".utf8), .tokenInvalid), (Array(foreign.utf8), .tokenInvalid), (old, .tokenExpired),
            (Array("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwiZXhwIjo0MTAyNDQ0ODAwfQ.".utf8), .tokenAlgorithm),
            (try await gateway.token("alice", device: "tablet"), .deviceMismatch),
        ]
        for (token, code) in cases { #expect(try gateway.hello(token: token).closeCode() == code) }
        await gateway.stop()
    }

    // REQ-CAP-2
    @Test func `what HELLO announced is in its ticket, and in those of the connections that it opens`() async throws {
        let gateway = try await TestGateway()
        let client = try RawClient(port: gateway.port)
        let token = try await gateway.token("alice")
        try client.send {
            ClientFrameWriter.hello(
                isSendOnly: true, token: token.span, device: Array("phone".utf8).span, user: [UInt8]().span, state: nil,
                capabilities: Capabilities(rawValue: 0x15), to: &$0)
        }
        guard case .welcome(let welcome)? = try client.next() else { throw Unexpected(nil) }
        #expect(welcome.capabilities == .own)
        _ = try client.nextKeepingTicket()
        client.disconnect()
        let keys = try String(contentsOfFile: gateway.data + "/data/ticket-keys", encoding: .utf8)
        let sealer = TicketSealer(try #require(TicketKeys(fileText: keys)))
        func flags(of ticket: [UInt8]) throws -> Ticket.Flags { try sealer.open(ticket.span).flags }
        let ticket = try #require(client.ticket)
        #expect(try flags(of: ticket).announced == Capabilities(rawValue: 0x15))
        let state = PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        let (again, resumed) = try gateway.resume(ticket, state)
        #expect(resumed.outcome == .resumed)
        #expect(try flags(of: try #require(again.ticket)) == flags(of: ticket))
        again.disconnect()
        await gateway.stop()
    }

    // REQ-OPEN-8
    @Test func `another user's token is refused before anything of his is touched`() async throws {
        let gateway = try await TestGateway()
        let (phone, welcome) = try await gateway.connect("alice")
        let token = try await gateway.token("alice")
        let (text, code) = try gateway.hello(token: token, user: "carol").closed()
        #expect(code == .tokenInvalid)
        #expect(text.contains("another user"), "the text names the kind")
        // A prefix, and the name in other letters, are other users too.
        #expect(try gateway.hello(token: token, user: "alic").closeCode() == .tokenInvalid)
        #expect(try gateway.hello(token: token, user: "Alice").closeCode() == .tokenInvalid)
        let mismatch = try gateway.hello(token: try await gateway.token("alice", device: "tablet"), user: "alice").closed()
        #expect(mismatch.code == .deviceMismatch && mismatch.text.contains("another device"))
        // Alice's phone was not fenced, and its session is as it was.
        try phone.send { ClientFrameWriter.ping(to: &$0) }
        guard case .pong? = try phone.nextBesidesTicket() else { throw Unexpected(nil) }
        let state = PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        let (_, again) = try await gateway.connect("alice", state: state)
        #expect(again.outcome == .resumed && again.session == welcome.session)
        #expect(again.attach.rawValue == welcome.attach.rawValue + 1, "nobody entered in between")
        // Who doesn't say who he is isn't asked.
        guard case .welcome? = try gateway.hello(token: token, device: "other").next() else { throw Unexpected(nil) }
        await gateway.stop()
    }

    // REQ-OPEN-5, REQ-SESSION-8
    @Test func `a ticket that is no good is told why`() async throws {
        let gateway = try await TestGateway()
        let client = try RawClient(port: gateway.port)
        let state = PresentedState(session: .init(rawValue: 1), attach: .init(rawValue: 1), position: .zero, lastSequence: .none)
        let ticket = [UInt8](repeating: 7, count: 43)
        try client.send { ClientFrameWriter.resume(ticket: ticket.span, state: state, to: &$0) }
        #expect(try client.closeCode() == .ticketInvalid)
        await gateway.stop()
    }

    // REQ-OPEN-10
    @Test(arguments: [true, false])
    func `an opening whose client has gone is not carried out, and fences nobody`(_ stormControl: Bool) async throws {
        let gateway = try await TestGateway { $0.stormControl = stormControl }
        let (first, welcome) = try await gateway.connect("alice")
        let state = PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        let ticket = try #require(first.ticket)
        let (live, _) = try gateway.resume(ticket, state)
        let token = try await gateway.token("alice")
        let openings: [(inout [UInt8]) -> Void] = [
            { ClientFrameWriter.resume(ticket: ticket.span, state: state, to: &$0) },
            {
                ClientFrameWriter.hello(
                    isSendOnly: false, token: token.span, device: Array("phone".utf8).span, user: [UInt8]().span, state: state, to: &$0)
            },
        ]
        for opening in openings {
            let gone = try RawClient(port: gateway.port, sendsPreface: false)
            try gone.sendAndEnd {
                Preface.append(to: &$0)
                opening(&$0)
            }
            #expect(try gone.next() == nil, "nothing is said to a client that has ended its side")
        }
        try live.send { ClientFrameWriter.ping(to: &$0) }
        #expect(try live.nextBesidesTicket() == .pong)
        await gateway.stop()
    }

    // REQ-OPEN-9
    @Test func `a balancer's check is answered before any opening, and counted`() async throws {
        let gateway = try await TestGateway { $0.controlFramesBurstMax = 100 }
        let check = try RawClient(port: gateway.port, sendsPreface: false)
        try check.send { $0 += [0x8C, 0x48, 0x46, 0x44, 0x01] }
        #expect(try check.next() == .pong)
        #expect(check.bytes == [0x02])
        let token = try await gateway.token("alice")
        let device = Array("phone".utf8)
        try check.send {
            ClientFrameWriter.hello(
                isSendOnly: false, token: token.span, device: device.span, user: [UInt8]().span, state: nil, to: &$0)
        }
        guard case .welcome? = try check.next() else { throw Unexpected(nil) }
        let flood = try RawClient(port: gateway.port)
        try flood.send { $0 += [UInt8](repeating: FrameKind.ping, count: 101) }
        #expect(try flood.closeCode() == .rateLimited)
        await gateway.stop()
    }

    // REQ-CLOSE-1
    @Test func `a PROXY header that nobody expects ends the connection without CLOSED`() async throws {
        let gateway = try await TestGateway { $0.proxyProtocolFrom = ["10.0.0.0/8"] }
        let client = try RawClient(port: gateway.port, sendsPreface: false)
        try client.send { $0 += Array("PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n".utf8) }
        #expect(try client.next() == nil)
        #expect(client.bytes.isEmpty)
        await gateway.stop()
    }

    // REQ-AUTH-3, REQ-OPEN-7
    @Test func `a fresh token on a resumed connection is checked against the session's user`() async throws {
        let gateway = try await TestGateway()
        let (first, welcome) = try await gateway.connect("alice")
        let state = PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        let (client, _) = try gateway.resume(try #require(first.ticket), state)
        let token = try await gateway.token("alice", lifetimeSeconds: 500)
        try client.send { ClientFrameWriter.authenticate(token: token.span, to: &$0) }
        let answer = try client.next()
        guard case .authenticated(let seconds)? = answer else { throw Unexpected(answer) }
        #expect(495...500 ~= seconds)
        guard case .ticket? = try client.next() else { throw Unexpected(nil) }
        let device = try await gateway.token("alice", device: "phone")
        try client.send { ClientFrameWriter.authenticate(token: device.span, to: &$0) }
        guard case .authenticated? = try client.nextBesidesTicket() else { throw Unexpected(nil) }
        let stranger = try await gateway.token("mallory")
        try client.send { ClientFrameWriter.authenticate(token: stranger.span, to: &$0) }
        #expect(try client.closeCode() == .tokenInvalid)
        await gateway.stop()
    }

    // REQ-AUTH-2
    @Test func `a token that ends is announced, and ends the connection`() async throws {
        let gateway = try await TestGateway { $0.tokenWarningSeconds = 60 }
        let client = try gateway.hello(token: try await gateway.token("alice", lifetimeSeconds: 4))
        guard case .welcome? = try client.next() else { throw Unexpected(nil) }
        // A change of the pace puts nothing off.
        try client.send { ClientFrameWriter.pace(seconds: 600, to: &$0) }
        let warning = try client.nextBesidesTicket()
        guard case .tokenExpiring(let seconds)? = warning else { throw Unexpected(warning) }
        #expect(seconds <= 2)
        #expect(try client.closeCode() == .tokenExpired)
        await gateway.stop()
    }

    // REQ-CLOSE-3, REQ-SESSION-8
    @Test func `a logout ends the session, and its ticket`() async throws {
        let gateway = try await TestGateway()
        let (client, welcome) = try await gateway.connect("alice")
        try client.send { ClientFrameWriter.close(.logout, to: &$0) }
        #expect(try client.closeCode() == .loggedOut)
        let state = PresentedState(session: welcome.session, attach: welcome.attach, position: welcome.cursor, lastSequence: .none)
        let ticket = try #require(client.ticket)
        let back = try RawClient(port: gateway.port)
        try back.send { ClientFrameWriter.resume(ticket: ticket.span, state: state, to: &$0) }
        let code = try back.closeCode()
        #expect(code == .ticketInvalid || code == .loggedOut)
        await gateway.stop()
    }

    // REQ-CLOSE-2, REQ-SESSION-1
    @Test func `CLOSE keep ends the connection without a word and leaves the session`() async throws {
        let gateway = try await TestGateway()
        let (client, welcome) = try await gateway.connect("alice")
        try client.send { ClientFrameWriter.close(.keep, to: &$0) }
        #expect(try client.next() == nil)
        let (_, again) = try await gateway.connect("alice")
        #expect(again.outcome == .resumed)
        #expect(again.session == welcome.session)
        await gateway.stop()
    }

    // REQ-OPEN-1
    @Test func `who says nothing is closed at the first frame's deadline`() async throws {
        let gateway = try await TestGateway { $0.firstFrameSeconds = 1 }
        let silent = try RawClient(port: gateway.port, sendsPreface: false)
        let trickling = try RawClient(port: gateway.port)
        try trickling.send { $0 += [0x10, 0x20, 1] }
        #expect(try silent.closeCode() == .firstFrameDeadline)
        #expect(try trickling.closeCode() == .firstFrameDeadline)
        await gateway.stop()
    }

    @Test func `limits of connections are told with a time to come back`() async throws {
        let gateway = try await TestGateway { $0.connectionsPerAddressMax = 2 }
        let (a, _) = try await gateway.connect("a")
        let (b, _) = try await gateway.connect("b")
        let c = try RawClient(port: gateway.port)
        let frame = try c.next()
        guard case .closed(let closed)? = frame else { throw Unexpected(frame) }
        #expect(closed.code == .tooManyConnections)
        #expect(5000...15000 ~= closed.retryAfterMilliseconds)
        a.disconnect()
        b.disconnect()
        await gateway.stop()
        try await gateway.restart { $0.connectionsMax = 1 }
        let (d, _) = try await gateway.connect("a")
        #expect(try RawClient(port: gateway.port).closeCode() == .gatewayFull)
        d.disconnect()
        await gateway.stop()
    }

    @Test func `TLS handshakes from one address are limited as well, before anybody is asked who he is`() async throws {
        let gateway = try await TestGateway {
            $0.tlsListen = ["127.0.0.1:0"]; $0.connectionsPerAddressMax = 2; $0.loops = 1
            // Beyond the client's patience: who is closed is closed by the limit.
            $0.handshakeSeconds = 300
        }
        let first = try RawClient(port: gateway.tlsPort, sendsPreface: false)
        let second = try RawClient(port: gateway.tlsPort, sendsPreface: false)
        // Connections of one listener are taken in their order.
        let third = try RawClient(port: gateway.tlsPort, sendsPreface: false)
        #expect(try third.next() == nil)
        withExtendedLifetime((first, second)) {}
        await gateway.stop()
    }

    // REQ-CLOSE-4
    @Test func `a drain lets nobody in, asks everybody to leave, and ends with 0`() async throws {
        let gateway = try await TestGateway {
            $0.drainSeconds = 30; $0.goAwayAddress = "other.example:7443"
        }
        let (leaves, _) = try await gateway.connect("leaves")
        let (stays, _) = try await gateway.connect("stays")
        gateway.gateway.beginDrain()
        for client in [leaves, stays] {
            let frame = try client.next()
            guard case .goAway(let delay, let address)? = frame else { throw Unexpected(frame) }
            #expect(delay <= 30_000)
            #expect(client.text(address) == "other.example:7443")
        }
        try leaves.send { ClientFrameWriter.close(.keep, to: &$0) }
        #expect(try leaves.next() == nil)
        // Each loop stops listening when it comes to it; until then whoever gets in is sent away.
        var attempts = 0
        while let late = try? RawClient(port: gateway.port) {
            let code = try? late.closeCode()
            #expect(code == nil || code == .goingAway)
            attempts += 1
            guard attempts < 10_000 else { throw Unexpected(nil) }
        }
        // The second call cuts the thirty seconds short.
        gateway.gateway.beginDrain()
        #expect(try stays.closeCode() == .goingAway)
        stays.disconnect()
        #expect(await gateway.gateway.waitUntilStopped() == 0)
    }

    // REQ-SEC-3
    @Test func `a first start makes its keys and says nothing of them to others`() async throws {
        let gateway = try await TestGateway {
            $0.tokenSecretFile = ""
            $0.tlsListen = ["127.0.0.1:0"]
        }
        let data = gateway.data + "/data"
        for (file, mode) in [("development.key", 0o600), ("ticket-keys", 0o600), ("tls/key.pem", 0o600), ("tls/cert.pem", 0o644)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: data + "/" + file)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == mode, "\(file)")
        }
        let secret = try #require(TokenSecret.read(TokenSecret.developmentKeyPath(data: data)))
        let issuer = try await TokenIssuer(secret: secret)
        let token = try await issuer.issue(user: "alice", now: UInt64(Date().timeIntervalSince1970), lifetimeSeconds: 60)
        let client = try gateway.hello(token: Array(token.utf8))
        guard case .welcome? = try client.next() else { throw Unexpected(nil) }
        client.disconnect()
        let before = try Data(contentsOf: URL(fileURLWithPath: data + "/development.key"))
        try await gateway.restart()
        #expect(try Data(contentsOf: URL(fileURLWithPath: data + "/development.key")) == before)
        await gateway.stop()
    }

    // REQ-SEC-1
    @Test func `over TLS the self-signed certificate is enough for who trusts it, and for its names only`() async throws {
        let gateway = try await TestGateway { $0.tlsListen = ["127.0.0.1:0"] }
        let address = try SocketAddress(parsing: "127.0.0.1:\(gateway.tlsPort)")
        let certificate = gateway.data + "/data/tls/cert.pem"
        let token = try await gateway.token("alice")
        for name in ["localhost", "127.0.0.1"] {
            let outcome = try await TLSProbe.run(address: address, certificate: certificate, serverName: name, token: token)
            #expect(outcome == .welcome(name == "localhost" ? .begun : .resumed))
        }
        let other = try await TLSProbe.run(address: address, certificate: certificate, serverName: "other.example", token: token)
        guard case .failed = other else { throw Unexpected(nil) }
        gateway.gateway.reloadCertificate()
        let again = try await TLSProbe.run(address: address, certificate: certificate, serverName: "localhost", token: token)
        #expect(again == .welcome(.resumed))
        let flood = try await TLSProbe.run(
            address: address, certificate: certificate, serverName: "localhost", token: token, floodsKeys: true)
        #expect(flood == .closed(.rateLimited))
        await gateway.stop()
    }

    @Test func `a start that can't be says why, with an exit code of its own`() async throws {
        let folder = try TemporaryFolder()
        var configuration = Configuration()
        configuration.data = folder.path
        configuration.tlsListen = []
        configuration.listen = ["127.0.0.1:0"]
        configuration.tokenSecretFile = folder.path + "/missing"
        await #expect(throws: GatewayError.self) { try await Gateway(configuration: configuration, logger: .silent).start() }
        do throws(GatewayError) {
            _ = try await Gateway(configuration: configuration, logger: .silent).start()
        } catch {
            #expect(error.exitCode == GatewayError.fileExitCode)
            #expect(error.description.contains("missing"))
        }
        configuration.listen = ["192.0.2.1:80"]
        do throws(GatewayError) {
            _ = try await Gateway(configuration: configuration, logger: .silent).start()
        } catch {
            #expect(error.description.contains("allowPlaintext"))
        }
    }
}

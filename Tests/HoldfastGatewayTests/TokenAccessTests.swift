import Foundation
import HoldfastCore
import HoldfastGateway
import HoldfastWire
import TestTraits
import Testing

/// What tokens allow, through a gateway.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct TokenAccessTests {
    private typealias Keys = KeySetFixtures

    private func welcome(_ client: RawClient) throws -> ServerFrame.Welcome {
        let frame = try client.next()
        guard case .welcome(let welcome)? = frame, case .ticket? = try client.nextKeepingTicket() else { throw Unexpected(frame) }
        return welcome
    }

    private func refusal(_ client: RawClient) throws -> RefusalCode {
        while let frame = try client.next() {
            if case .refused(let refused) = frame { return refused.code }
        }
        throw Unexpected(nil)
    }

    // REQ-AUTH-8, REQ-ATTACH-9
    @Test func `whom a token lets one write to holds for its ticket, too, also after a restart`() async throws {
        let gateway = try await TestGateway()
        let limited = try await gateway.token("alice", to: ["bob"])
        let client = try gateway.hello(token: limited)
        let first = try welcome(client)
        try client.sendTo("carl", "no", 1)
        #expect(try refusal(client) == .notAllowed)
        try client.sendTo("bob", "yes", 1)
        #expect(try client.waitForSent(1))
        client.disconnect()
        try await gateway.restart()
        let state = PresentedState(
            session: first.session, attach: AttachNumber(rawValue: first.attach.rawValue + 1), position: first.cursor,
            lastSequence: MessageSequence(rawValue: 1))
        let (back, resumed) = try gateway.resume(try #require(client.ticket), state)
        #expect(resumed.outcome == .resumed)
        try back.sendTo("carl", "no", 2)
        #expect(try refusal(back) == .notAllowed)
        // Another token of the user's, and what that says counts.
        let free = try await gateway.token("alice")
        try back.send { ClientFrameWriter.authenticate(token: free.span, to: &$0) }
        while let frame = try back.next() { if case .authenticated = frame { break } }
        try back.sendTo("carl", "yes", 2)
        #expect(try back.waitForSent(2))
        back.disconnect()
        await gateway.stop()
    }

    @Test func `a key set is read again while clients are served, and one that can't be used leaves the old keys`() async throws {
        let lines = LogLines()
        let folder = try TemporaryFolder()
        let path = folder.path + "/keys.json"
        func write(_ keys: [UInt8]) throws { try Data(keys).write(to: URL(fileURLWithPath: path)) }
        try write(Keys.set(Keys.secretKey))
        let gateway = try await TestGateway(logger: lines.logger) {
            $0.tokenSecretFile = ""
            $0.tokenKeySetFile = path
        }
        let client = try gateway.hello(token: Array(Keys.hs256Token.utf8))
        _ = try welcome(client)
        #expect(try gateway.hello(token: Array(Keys.edDSAToken.utf8)).closeCode() == .tokenAlgorithm)
        // Both, then the new one alone.
        try write(Keys.set(Keys.secretKey, Keys.curveKey))
        await gateway.gateway.reloadTokenKeys()
        for token in [Keys.hs256Token, Keys.edDSAToken] {
            _ = try welcome(gateway.hello(token: Array(token.utf8), device: "d\(token.utf8.count)"))
        }
        try write(Array("{\"keys\":[{}]}".utf8))
        await gateway.gateway.reloadTokenKeys()
        #expect(lines.all.contains { $0.contains("the old ones stay") && $0.contains(path) && $0.contains("key 1 has no kty") })
        _ = try welcome(gateway.hello(token: Array(Keys.edDSAToken.utf8), device: "other"))
        try write(Keys.set(Keys.curveKey))
        await gateway.gateway.reloadTokenKeys()
        #expect(try gateway.hello(token: Array(Keys.hs256Token.utf8)).closeCode() == .tokenAlgorithm)
        _ = try welcome(gateway.hello(token: Array(Keys.edDSAToken.utf8)))
        await gateway.stop()
    }

    @Test func `a token of another issuer, or for others, opens nothing`() async throws {
        for (issuer, audience, isGood) in [
            ("https://login.example.com", "chat", true), ("https://login.example.com", "others", false),
            ("https://other.example", "", false),
        ] {
            let gateway = try await TestGateway {
                $0.tokenIssuer = issuer
                $0.tokenAudience = audience
            }
            let client = try gateway.hello(token: Array(Keys.anonymousToken.utf8))
            if isGood { _ = try welcome(client) } else { #expect(try client.closeCode() == .tokenInvalid) }
            client.disconnect()
            await gateway.stop()
        }
    }
}

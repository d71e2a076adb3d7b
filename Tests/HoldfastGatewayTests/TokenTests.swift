import Foundation
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastGateway

@Suite struct TokenTests {
    private let secret = [UInt8]("a secret of tests, long enough for sure".utf8)
    private let now: UInt64 = 1_800_000_000

    @Test func `an issued token says what was put in`() async throws {
        let verifier = try await TokenVerifier(secret: secret, publicKeyPEM: nil)
        let issuer = try await TokenIssuer(secret: secret)
        let token = try await issuer.issue(user: "alice", device: "phone", role: .service, now: now, lifetimeSeconds: 60)
        let verified = try verifier.verify(Array(token.utf8), now: now)
        #expect(verified.user == "alice")
        #expect(verified.device == "phone")
        #expect(verified.role == .service)
        #expect(verified.expires == now + 60)
        #expect(verified.issuedAt == now)
    }

    @Test func `a token is good until its last second and not after`() async throws {
        let verifier = try await TokenVerifier(secret: secret, publicKeyPEM: nil)
        let token = Array(try await TokenIssuer(secret: secret).issue(user: "a", now: now, lifetimeSeconds: 60).utf8)
        #expect(throws: Never.self) { try verifier.verify(token, now: now + 59) }
        #expect(throws: TokenError.expired) { try verifier.verify(token, now: now + 60) }
    }

    @Test func `an issuer whose clock differs a little is allowed for, in both directions`() throws {
        let claims = TokenClaims(sub: "alice", exp: Double(now + 60), nbf: Double(now))
        func verify(at time: UInt64) throws(TokenError) -> VerifiedToken {
            try VerifiedToken(claims, now: time, rules: TokenRules(clockToleranceSeconds: 30))
        }
        #expect(try verify(at: now - 30).expires == now + 90)
        #expect(throws: TokenError.notYetValid) { try verify(at: now - 31) }
        #expect(throws: Never.self) { try verify(at: now + 89) }
        #expect(throws: TokenError.expired) { try verify(at: now + 90) }
    }

    @Test func `ES256 and EdDSA tokens are checked with their public keys`() async throws {
        let ecdsa = try await TokenVerifier(secret: nil, publicKeyPEM: TokenFixtures.es256PublicKey)
        #expect(try ecdsa.verify(Array(TokenFixtures.es256Token.utf8), now: now).user == "alice")
        #expect(throws: TokenError.algorithm) { try ecdsa.verify(Array(TokenFixtures.edDSAToken.utf8), now: now) }
        let edDSA = try await TokenVerifier(secret: secret, publicKeyPEM: TokenFixtures.edDSAPublicKey)
        #expect(try edDSA.verify(Array(TokenFixtures.edDSAToken.utf8), now: now).device == "phone")
        #expect(edDSA.algorithms == ["EdDSA", "HS256"])
    }

    // REQ-AUTH-1
    @Test func `a public key isn't taken for an HMAC secret`() async throws {
        let pem = [UInt8](TokenFixtures.es256PublicKey.utf8)
        let confused = Array(try await TokenIssuer(secret: pem).issue(user: "mallory", now: now, lifetimeSeconds: 60).utf8)
        let verifier = try await TokenVerifier(secret: nil, publicKeyPEM: TokenFixtures.es256PublicKey)
        #expect(throws: TokenError.algorithm) { try verifier.verify(confused, now: now) }
        let both = try await TokenVerifier(secret: secret, publicKeyPEM: TokenFixtures.es256PublicKey)
        #expect(throws: TokenError.signature) { try both.verify(confused, now: now) }
    }

    @Test func `a token of another key, and one that was changed, is no token`() async throws {
        let verifier = try await TokenVerifier(secret: secret, publicKeyPEM: nil)
        let other = try await TokenIssuer(secret: [UInt8](repeating: 7, count: 32)).issue(user: "a", now: now, lifetimeSeconds: 60)
        #expect(throws: TokenError.signature) { try verifier.verify(Array(other.utf8), now: now) }
        let good = Array(try await TokenIssuer(secret: secret).issue(user: "a", now: now, lifetimeSeconds: 60).utf8)
        var generator = SeededRandom(seed: 11)
        for _ in 0..<300 {
            var changed = good
            let index = Int.random(in: 0..<good.count, using: &generator)
            changed[index] ^= UInt8.random(in: 1...127, using: &generator)
            // The last character of a part has bits that mean nothing: what decodes to the same is the same token.
            guard Self.decoded(changed) != Self.decoded(good) else { continue }
            #expect(throws: TokenError.self) { try verifier.verify(changed, now: now) }
        }
    }

    @Test(arguments: [
        (#"{"alg":"none"}"#, TokenError.algorithm), (#"{"alg":"None"}"#, .algorithm), (#"{"alg":"HS512"}"#, .algorithm),
        (#"{"alg":"RS256"}"#, .algorithm), (#"{}"#, .algorithm), (#"{"alg":7}"#, .malformed), ("not json", .malformed),
        (#"{"alg":"HS256","crit":["x"]}"#, .malformed), (#"{"alg":"HS256"}"#, .signature),
    ])
    func `the header decides nothing but which key is used`(_ header: String, _ expected: TokenError) async throws {
        let verifier = try await TokenVerifier(secret: secret, publicKeyPEM: nil)
        let claims = #"{"sub":"mallory","exp":4102444800}"#
        for signature in ["", "AAAA"] {
            let token = Self.encoded(header) + "." + Self.encoded(claims) + "." + signature
            #expect(throws: expected) { try verifier.verify(Array(token.utf8), now: now) }
        }
    }

    @Test(arguments: ["", ".", "..", "...", "a.b", "a.b.c.d", "\u{0}", "€.€.€"])
    func `what isn't a token at all is malformed`(_ text: String) async throws {
        let verifier = try await TokenVerifier(secret: secret, publicKeyPEM: nil)
        #expect(throws: TokenError.malformed) { try verifier.verify(Array(text.utf8), now: now) }
    }

    @Test func `claims are checked against the time and the limits of names`() throws {
        func check(_ rules: TokenRules = TokenRules(), _ change: (inout TokenClaims) -> Void) -> TokenError? {
            var claims = TokenClaims(sub: "alice", exp: Double(now + 60), nbf: nil)
            change(&claims)
            do throws(TokenError) {
                _ = try VerifiedToken(claims, now: now, rules: rules)
                return nil
            } catch {
                return error
            }
        }
        #expect(check { _ in } == nil)
        #expect(check { $0.nbf = Double(now) } == nil)
        #expect(check { $0.nbf = Double(now + 1) } == .notYetValid)
        #expect(check { $0.exp = Double(now) } == .expired)
        // Milliseconds.
        #expect(check { $0.exp = Double(now + 60) * 1000 } == .malformed)
        #expect(check { $0.nbf = Double(now - 60) * 1000 } == .malformed)
        #expect(check { $0.exp = .infinity } == .malformed)
        #expect(check { $0.exp = .nan } == .malformed)
        #expect(check { $0.exp = -1 } == .malformed)
        #expect(check { $0.exp = 1e300 } == .malformed)
        #expect(check { $0.exp = 99_999_999_999 } == nil)
        #expect(check { $0.nbf = .nan } == .malformed)
        #expect(check { $0.iat = Double(now) + 0.5 } == nil)
        #expect(check { $0.iat = Double(now) * 1000 } == .malformed)
        #expect(check { $0.iat = -1 } == .malformed)
        #expect(check { $0.iat = .nan } == .malformed)
        #expect(check { $0.sub = "" } == .malformed)
        #expect(check { $0.sub = String(repeating: "x", count: 256) } == .malformed)
        #expect(check { $0.sub = "a\u{0}b" } == .malformed)
        #expect(check { $0.device = "" } == .malformed)
        #expect(check { $0.device = String(repeating: "x", count: 65) } == .malformed)
        #expect(check { $0.role = "king" } == .malformed)
        for role in TokenRole.allCases { #expect(check { $0.role = role.rawValue } == nil) }
        #expect(check { $0.to = ["alice", "team-*"] } == nil)
        for names in [[""], ["a\u{0}"], [String(repeating: "x", count: 256)], Array(repeating: "x", count: RecipientLimit.entriesMax + 1)] {
            #expect(check { $0.to = names } == .malformed, "a limit that isn't understood is none: \(names)")
        }

        let ours = TokenRules(issuer: "https://login.example.com", audience: "chat")
        func checkOurs(_ change: (inout TokenClaims) -> Void) -> TokenError? {
            check(ours) {
                $0.iss = "https://login.example.com"
                $0.aud = TokenAudience(["shop", "chat"])
                change(&$0)
            }
        }
        #expect(checkOurs { _ in } == nil)
        #expect(checkOurs { $0.iss = nil } == .issuer)
        #expect(checkOurs { $0.iss = "https://login.example.com/" } == .issuer)
        #expect(checkOurs { $0.aud = nil } == .audience)
        #expect(checkOurs { $0.aud = TokenAudience([]) } == .audience)
        #expect(checkOurs { $0.aud = TokenAudience(["Chat", "chat2"]) } == .audience)
        #expect(checkOurs { $0.exp = Double(now) } == .expired)
        #expect(TokenError.issuer.closeCode == .tokenInvalid && TokenError.audience.closeCode == .tokenInvalid)
        // What isn't asked for isn't looked at.
        #expect(check { $0.aud = TokenAudience(["others"]) } == nil)
    }

    @Test func `scopes are names with a space between them, of which others are for others`() async throws {
        let token = try VerifiedToken(
            TokenClaims(sub: "shop", exp: Double(now + 60), scope: "push openid push:as  read:all events"), now: now, rules: TokenRules())
        #expect(token.scopes == [.push, .pushAs, .events])
        #expect(token.scopes.claim == "push push:as events")
        #expect(try VerifiedToken(TokenClaims(sub: "shop", exp: Double(now + 60)), now: now, rules: TokenRules()).scopes.isEmpty)
        #expect(TokenScopes.all.map(\.name) == ["push", "push:as", "read", "operate", "events", "events:bodies"])
        #expect(TokenScopes(claim: TokenScopes.all.map(\.name).joined(separator: " ")).names.count == 6)
    }

    @Test(arguments: [(#""chat""#, ["chat"]), (#"["chat","shop"]"#, ["chat", "shop"]), ("[]", [])])
    func `an audience is a text or a list`(_ json: String, _ names: [String]) throws {
        #expect(try JSONDecoder().decode(TokenAudience.self, from: Data(json.utf8)).names == names)
    }

    @Test(arguments: ["7", "{}", #"["chat",7]"#, "true"]) func `an audience is nothing else`(_ json: String) {
        #expect(throws: (any Error).self) { try JSONDecoder().decode(TokenAudience.self, from: Data(json.utf8)) }
    }

    @Test func `a token without exp or sub is malformed`() async throws {
        // Signed by hand: the issuer always writes both.
        for claims in [#"{"sub":"alice"}"#, #"{"exp":4102444800}"#, #"{"sub":7,"exp":4102444800}"#, #"{"sub":"alice","exp":"never"}"#] {
            #expect(throws: (any Error).self) { try JSONDecoder().decode(TokenClaims.self, from: Data(claims.utf8)) }
        }
    }

    @Test func `keys that can't be used are refused`() async {
        await #expect(throws: TokenKeyError.secretTooShort(31)) {
            try await TokenVerifier(secret: [UInt8](repeating: 1, count: 31), publicKeyPEM: nil)
        }
        await #expect(throws: TokenKeyError.noKey) { try await TokenVerifier(secret: nil, publicKeyPEM: nil) }
        for pem in ["", "nonsense", TokenFixtures.rsaPublicKey] {
            await #expect(throws: TokenKeyError.publicKeyUnusable) { try await TokenVerifier(secret: nil, publicKeyPEM: pem) }
        }
    }

    private static func encoded(_ text: String) -> String {
        Data(text.utf8).base64EncodedString().replacingOccurrences(of: "=", with: "").replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
    }

    private static func decoded(_ token: [UInt8]) -> [Data?] {
        token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { part in
            var text = String(decoding: part, as: UTF8.self).replacingOccurrences(of: "-", with: "+").replacingOccurrences(
                of: "_", with: "/")
            while text.utf8.count % 4 != 0 { text += "=" }
            return Data(base64Encoded: text)
        }
    }
}

import Foundation
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastGateway

@Suite struct TokenKeySetTests {
    private typealias Keys = KeySetFixtures
    private let now: UInt64 = 1_800_000_000
    private let secret = [UInt8]("a secret of tests, long enough for sure".utf8)

    private func verifier(_ keys: [UInt8], secret: [UInt8]? = nil) async throws -> TokenVerifier {
        try await TokenVerifier(secret: secret, publicKeyPEM: nil, keySet: TokenKeySet(json: keys))
    }

    @Test func `tokens of another implementation are checked with the key that they name`() async throws {
        let verifier = try await verifier(Keys.set(Keys.secretKey, Keys.pointKey, Keys.curveKey))
        #expect(verifier.algorithms == ["ES256", "EdDSA", "HS256"])
        for token in [Keys.hs256Token, Keys.es256Token, Keys.edDSAToken] {
            let verified = try verifier.verify(Array(token.utf8), now: now)
            #expect(verified.user == "shop" && verified.role == .service && verified.issuedAt == 1_764_500_000)
            #expect(verified.scopes == [.push, .read])
            #expect(verified.to == RecipientLimit(["alice", "order-*"]))
        }
    }

    // REQ-AUTH-1
    @Test func `a key is used for its own algorithm and id only`() async throws {
        let all = try await verifier(Keys.set(Keys.secretKey, Keys.pointKey, Keys.curveKey))
        func check(_ token: String, _ verifier: TokenVerifier) -> TokenError? {
            do throws(TokenError) {
                _ = try verifier.verify(Array(token.utf8), now: now)
                return nil
            } catch {
                return error
            }
        }
        #expect(check(Keys.confusedToken, all) == .algorithm)
        #expect(check(Keys.unknownKeyToken, all) == .keyID)
        #expect(check(Keys.anonymousToken, all) == .keyID)
        let point = try await verifier(Keys.set(Keys.pointKey))
        #expect(check(Keys.es256Token, point) == nil)
        #expect(check(Keys.edDSAToken, point) == .algorithm)
        // The id of one key with the signature of another.
        let renamed = Keys.pointKey.replacingOccurrences(of: "login-2026-11", with: "login-2026-12")
        let swapped = try await verifier(Keys.set(renamed))
        #expect(check(Keys.edDSAToken, swapped) == .algorithm)
        #expect(TokenError.keyID.closeCode == .tokenInvalid)
    }

    @Test func `a key without an id goes on beside the set`() async throws {
        let both = try await verifier(Keys.set(Keys.pointKey), secret: secret)
        #expect(try both.verify(Array(Keys.anonymousToken.utf8), now: now).user == "shop")
        #expect(try both.verify(Array(Keys.unknownKeyToken.utf8), now: now).user == "shop")
        #expect(try both.verify(Array(Keys.es256Token.utf8), now: now).user == "shop")
        #expect(throws: TokenError.algorithm) { try both.verify(Array(Keys.confusedToken.utf8), now: now) }
    }

    @Test func `a new set takes the place of the old one`() async throws {
        let verifier = try await verifier(Keys.set(Keys.secretKey))
        #expect(throws: TokenError.algorithm) { try verifier.verify(Array(Keys.edDSAToken.utf8), now: now) }
        verifier.replace(try await TokenKeySet(json: Keys.set(Keys.secretKey, Keys.curveKey)))
        #expect(try verifier.verify(Array(Keys.edDSAToken.utf8), now: now).user == "shop")
        #expect(try verifier.verify(Array(Keys.hs256Token.utf8), now: now).user == "shop")
        verifier.replace(try await TokenKeySet(json: Keys.set(Keys.curveKey)))
        #expect(throws: TokenError.algorithm) { try verifier.verify(Array(Keys.hs256Token.utf8), now: now) }
    }

    /// RFC 7515 A.1 and A.3, RFC 8037 A.4: whole tokens with their keys.
    @Test(arguments: [
        (
            #"{"kty":"oct","kid":"a","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        ),
        (
            #"{"kty":"EC","kid":"a","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ),
        (
            #"{"kty":"OKP","kid":"a","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        ),
    ])
    func `the examples of the RFCs are signed by their keys`(_ key: String, _ token: String) async throws {
        let key = try #require(try await TokenKeySet(json: Keys.set(key))["a"])
        let parts = token.utf8.split(separator: UInt8(ascii: ".")).map { Array($0) }
        var signed = parts[0] + [UInt8(ascii: ".")] + parts[1]
        let signature = try #require(Base64URL.decoded(parts[2][...]))
        #expect(TokenVerifier.isGenuine(signature, of: signed[...], key.verifier))
        signed[0] ^= 1
        #expect(!TokenVerifier.isGenuine(signature, of: signed[...], key.verifier))
    }

    @Test func `keys of other kinds are passed over by name, and a set of nothing else is refused`() async throws {
        let others = [
            #"{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB","alg":"RS256"}"#, #"{"kty":"EC","kid":"p","crv":"P-384","x":"AA","y":"AA"}"#,
            #"{"kty":"OKP","kid":"x","crv":"X25519","x":"AA"}"#, #"{"kty":"oct","kid":"h","alg":"HS512","k":"AA"}"#,
            Keys.curveKey.replacingOccurrences(of: #""kty""#, with: #""use":"enc","kty""#),
            Keys.pointKey.replacingOccurrences(of: #""kty""#, with: #""key_ops":["encrypt"],"kty""#), #"{"kty":"new","x5t":7}"#,
        ]
        let set = try await TokenKeySet(json: Keys.set(others.joined(separator: ","), Keys.secretKey))
        #expect(set.ids == ["backend-1"] && set.ignored.count == others.count && set.hasSecret)
        #expect(set.ignored[0].contains("key 1") && set.ignored[0].contains("RSA") && set.ignored[3].contains("HS512"))
        await #expect(throws: TokenKeyError.self) { try await TokenKeySet(json: Keys.set(others.joined(separator: ","))) }
        #expect(try await !TokenKeySet(json: Keys.set(Keys.curveKey)).hasSecret)
    }

    @Test(arguments: [
        ("", "JWK Set"), ("[]", "JWK Set"), ("{}", "JWK Set"), (#"{"keys":[]}"#, "no key"), (#"{"keys":{}}"#, "JWK Set"),
        (#"{"keys":[7]}"#, "JWK Set"), (#"{"keys":[{"kid":"a"}]}"#, "key 1 (kid \"a\") has no kty"),
        (#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, "needs a kid"), (#"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}"#, "3 bytes"),
        (#"{"keys":[{"kty":"oct","kid":"a"}]}"#, "k must be there"), (#"{"keys":[{"kty":"oct","kid":"a","k":"!"}]}"#, "k must be there"),
        (#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"}]}"#, "point of P-256"),
        (#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AA"}]}"#, "32 bytes"),
        (#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AA","d":"AA"}]}"#, "private part"),
        (#"{"keys":[{"kty":"RSA","kid":"a","n":"AA","e":"AA","d":"AA"}]}"#, "private part"),
        (#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","k":"AA"}]}"#, "private part"),
        (#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","alg":"HS256","x":"AA","y":"AA"}]}"#, "is for ES256"),
    ])
    func `what is wrong with a set is said with the key it is wrong with`(_ json: String, _ problem: String) async {
        do throws(TokenKeyError) {
            _ = try await TokenKeySet(json: Array(json.utf8))
            Issue.record("it was taken: \(json)")
        } catch {
            #expect("\(error)".contains(problem), "\(error)")
        }
    }

    @Test func `a set is bounded, and an id is given once`() async {
        func refusal(_ json: [UInt8]) async -> String {
            do throws(TokenKeyError) {
                _ = try await TokenKeySet(json: json)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(await refusal(Keys.set(Keys.secretKey, Keys.secretKey)).contains("key 2 (kid \"backend-1\") has the kid of an earlier"))
        let many = (0...WrittenKeySet.keysMax).map { #"{"kty":"new","kid":"\#($0)"}"# }.joined(separator: ",")
        #expect(await refusal(Keys.set(many)).contains("33 keys"))
        #expect(await refusal([UInt8](repeating: 32, count: WrittenKeySet.bytesMax + 1)).contains("65537 bytes"))
    }

    @Test func `no bytes of a set or of a token trap`() async throws {
        let set = Keys.set(Keys.secretKey, Keys.pointKey, Keys.curveKey)
        let verifier = try await verifier(set)
        let token = Array(Keys.es256Token.utf8)
        var random = SeededRandom(seed: 3)
        for _ in 0..<400 {
            var (changedSet, changedToken) = (set, token)
            for _ in 0...random.below(4) {
                changedSet[random.below(set.count)] = UInt8(random.below(256))
                changedToken[random.below(token.count)] = UInt8(random.below(256))
            }
            _ = try? await TokenKeySet(json: random.chance(0.2) ? Array(changedSet.prefix(random.below(set.count))) : changedSet)
            _ = try? verifier.verify(changedToken, now: now)
        }
    }

    // MARK: The file

    private func configuration(_ folder: TemporaryFolder, _ keys: [UInt8]) throws -> Configuration {
        var configuration = Configuration()
        configuration.data = folder.path + "/data"
        configuration.tokenKeySetFile = folder.path + "/keys.json"
        configuration.tlsListen = []
        try FileManager.default.createDirectory(atPath: configuration.data, withIntermediateDirectories: true)
        try Data(keys).write(to: URL(fileURLWithPath: configuration.tokenKeySetFile))
        return configuration
    }

    @Test func `a start takes the set's keys, makes none of its own, and warns of secrets that all may read`() async throws {
        let folder = try TemporaryFolder()
        let configuration = try configuration(folder, Keys.set(Keys.secretKey, #"{"kty":"RSA","kid":"r","n":"AA","e":"AA"}"#))
        let lines = LogLines()
        let identity = try await Identity(configuration, wallSeconds: now, lines.logger)
        #expect(try identity.tokens.verify(Array(Keys.hs256Token.utf8), now: now).user == "shop")
        #expect(!FileManager.default.fileExists(atPath: TokenSecret.developmentKeyPath(data: configuration.data)))
        #expect(
            lines.all.contains { $0.contains("passed over") && $0.contains("key 1") == false && $0.contains("key 2 (kid \"r\"): kty RSA") })
        #expect(lines.all.contains { $0.contains("chmod 600 \(configuration.tokenKeySetFile)") })
        #expect(await IdentityReport.read(configuration, at: now).readableSecrets == [configuration.tokenKeySetFile])
        // Public keys may be read by all.
        try Data(Keys.set(Keys.pointKey)).write(to: URL(fileURLWithPath: configuration.tokenKeySetFile))
        #expect(await IdentityReport.read(configuration, at: now).readableSecrets == [])
    }

    @Test func `a set that can't be used stops a start, with the file's name`() async throws {
        let folder = try TemporaryFolder()
        var configuration = try configuration(folder, Array("{}".utf8))
        for isThere in [true, false] {
            if !isThere { configuration.tokenKeySetFile = folder.path + "/missing.json" }
            do {
                _ = try await Identity(configuration, wallSeconds: now, LogLines().logger)
                Issue.record("it started")
            } catch {
                #expect("\(error)".contains(configuration.tokenKeySetFile), "\(error)")
                #expect((error as? GatewayError)?.exitCode == GatewayError.fileExitCode)
            }
            #expect(await IdentityReport.read(configuration, at: now).tokenError?.contains(configuration.tokenKeySetFile) == true)
        }
    }
}

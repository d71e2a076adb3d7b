internal import Foundation
internal import JWTKit

/// Checks the tokens that come with `HELLO` and `AUTHENTICATE`.
///
/// Each configured algorithm has its one key. The algorithm that a token names only chooses among them: a token can't
/// make a public key be used as an HMAC secret, and `none` is not there to be chosen. A key id in the header is ignored.
package struct TokenVerifier: Sendable {
    private var keys: [String: any JWTAlgorithm] = [:]
    private let rules: TokenRules

    /// - Parameters:
    ///   - secret: of HS256 tokens, or nil when they aren't accepted.
    ///   - publicKeyPEM: P-256 for ES256 tokens or Ed25519 for EdDSA ones, or nil.
    package init(secret: [UInt8]?, publicKeyPEM: String?, rules: TokenRules = TokenRules()) async throws(TokenKeyError) {
        self.rules = rules
        if let secret {
            guard secret.count >= TokenSecret.bytesMin else { throw .secretTooShort(secret.count) }
            keys["HS256"] = try await Self.key { await $0.add(hmac: HMACKey(from: Data(secret)), digestAlgorithm: .sha256) }
        }
        if let publicKeyPEM {
            if let key = try? ES256PublicKey(pem: publicKeyPEM) {
                keys["ES256"] = try await Self.key { await $0.add(ecdsa: key) }
            } else if let key = try? EdDSA.PublicKey(pem: publicKeyPEM) {
                keys["EdDSA"] = try await Self.key { await $0.add(eddsa: key) }
            } else {
                throw .publicKeyUnusable
            }
        }
        guard !keys.isEmpty else { throw .noKey }
    }

    /// The library makes its algorithms through a collection; the one in it is taken out, so that checks need no actor.
    private static func key(
        _ add: (JWTKeyCollection) async -> JWTKeyCollection
    ) async throws(TokenKeyError) -> any JWTAlgorithm {
        do {
            return try await add(JWTKeyCollection()).getKey()
        } catch {
            throw .publicKeyUnusable
        }
    }

    /// The algorithms that are accepted.
    package var algorithms: [String] { keys.keys.sorted() }

    /// Checks `token` at `now`, in seconds since 1970.
    package func verify(_ token: [UInt8], now: UInt64) throws(TokenError) -> VerifiedToken {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        let header = try Self.decoded(TokenHeader.self, parts[0])
        guard let algorithm = header.alg, let key = keys[algorithm] else { throw .algorithm }
        // What `crit` lists must be understood (RFC 7515, 4.1.11), and nothing is.
        guard header.crit == nil, let signature = Self.base64URLDecoded(parts[2]) else { throw .malformed }
        let signed = token[..<parts[1].endIndex]
        // The crypto library also throws for a signature that has no valid form.
        guard let isGenuine = try? key.verify(signature, signs: signed), isGenuine else { throw .signature }
        return try VerifiedToken(Self.decoded(TokenClaims.self, parts[1]), now: now, rules: rules)
    }

    /// The user that a token names, unchecked: for whoever brings one, and must leave it to the gateway to believe it. nil when it can't be read.
    package static func uncheckedSubject(of token: some StringProtocol) -> String? {
        let parts = Array(token.utf8).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        return try? decoded(TokenSubject.self, parts[1]).sub
    }

    private static func decoded<Value: Decodable>(_: Value.Type, _ part: ArraySlice<UInt8>) throws(TokenError) -> Value {
        guard let json = base64URLDecoded(part) else { throw .malformed }
        do {
            return try JSONDecoder().decode(Value.self, from: json)
        } catch {
            throw .malformed
        }
    }

    private static func base64URLDecoded(_ text: ArraySlice<UInt8>) -> Data? {
        var base64 = text.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        while base64.count % 4 != 0 { base64.append(UInt8(ascii: "=")) }
        return Data(base64Encoded: Data(base64))
    }
}

/// Why the gateway can't check tokens with the keys that it was given.
package enum TokenKeyError: Error, Equatable, CustomStringConvertible, Sendable {
    case secretTooShort(Int)
    case publicKeyUnusable
    case noKey

    package var description: String {
        switch self {
        case .secretTooShort(let count): "the secret has \(count) bytes; at least \(TokenSecret.bytesMin) are needed"
        case .publicKeyUnusable: "not the PEM text of a P-256 (ES256) or Ed25519 (EdDSA) public key"
        case .noKey: "neither a secret nor a public key"
        }
    }
}

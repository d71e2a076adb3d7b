internal import Foundation
internal import JWTKit
internal import Logging
internal import Synchronization

/// Checks tokens: those that come with `HELLO` and `AUTHENTICATE`, and those of the control API. Any thread may ask.
///
/// Each configured algorithm has its one key, and a key set has others, each with an id and an algorithm of its own. What a token's header names
/// only chooses among them: a token can't make a public key be used as an HMAC secret, and `none` is not there to be chosen.
package final class TokenVerifier: Sendable {
    private let keys: [String: any JWTAlgorithm]
    private let keySet: Mutex<TokenKeySet?>
    private let rules: TokenRules

    /// - Parameters:
    ///   - secret: of HS256 tokens, or nil when they aren't accepted.
    ///   - publicKeyPEM: P-256 for ES256 tokens or Ed25519 for EdDSA ones, or nil.
    ///   - keySet: keys with ids, or nil.
    package init(
        secret: [UInt8]?, publicKeyPEM: String?, keySet: TokenKeySet? = nil, rules: TokenRules = TokenRules()
    ) async throws(TokenKeyError) {
        var keys: [String: any JWTAlgorithm] = [:]
        if let secret { keys["HS256"] = try await Self.verifier(secret: secret) }
        if let publicKeyPEM {
            if let key = try? ES256PublicKey(pem: publicKeyPEM) {
                keys["ES256"] = try await Self.verifier { await $0.add(ecdsa: key) }
            } else if let key = try? EdDSA.PublicKey(pem: publicKeyPEM) {
                keys["EdDSA"] = try await Self.verifier { await $0.add(eddsa: key) }
            } else {
                throw .publicKeyUnusable
            }
        }
        guard !keys.isEmpty || keySet != nil else { throw .noKey }
        self.keys = keys
        self.keySet = Mutex(keySet)
        self.rules = rules
    }

    /// Checks HS256 tokens.
    static func verifier(secret: [UInt8]) async throws(TokenKeyError) -> any JWTAlgorithm {
        guard secret.count >= TokenSecret.bytesMin else { throw .secretTooShort(secret.count) }
        return try await verifier { await $0.add(hmac: HMACKey(from: Data(secret)), digestAlgorithm: .sha256) }
    }

    /// The library makes its algorithms through a collection; the one in it is taken out, so that checks need no actor.
    static func verifier(_ add: (JWTKeyCollection) async -> JWTKeyCollection) async throws(TokenKeyError) -> any JWTAlgorithm {
        do {
            return try await add(JWTKeyCollection()).getKey()
        } catch {
            throw .publicKeyUnusable
        }
    }

    /// The algorithms that are accepted.
    package var algorithms: [String] { keySet.withLock { Set(keys.keys).union($0?.algorithms ?? []) }.sorted() }

    /// Whether who reads the key set's file can make tokens.
    var hasSecretKeySet: Bool { keySet.withLock { $0?.hasSecret == true } }

    /// Says in the log which keys of the key set are passed over.
    func sayIgnored(_ path: String, _ logger: Logger) {
        let ignored = keySet.withLock { $0?.ignored ?? [] }
        guard !ignored.isEmpty else { return }
        logger.notice("keys of the key set are passed over", metadata: ["file": "\(path)", "keys": "\(ignored.joined(separator: "; "))"])
    }

    /// Tokens are checked with these keys from now on, beside those that have no id.
    package func replace(_ newKeys: TokenKeySet) { keySet.withLock { $0 = newKeys } }

    /// Checks `token` at `now`, in seconds since 1970.
    package func verify(_ token: [UInt8], now: UInt64) throws(TokenError) -> VerifiedToken {
        let parts = try TokenParts(token)
        guard try Self.isGenuine(parts.signature, of: parts.signed, key(parts.header)) else { throw .signature }
        return try VerifiedToken(parts, now: now, rules: rules)
    }

    /// The crypto library also throws for a signature that has no valid form.
    static func isGenuine(_ signature: Data, of signed: ArraySlice<UInt8>, _ key: any JWTAlgorithm) -> Bool {
        (try? key.verify(signature, signs: signed)) == true
    }

    /// The key that a header chooses: the one with its id, which must be for its algorithm; else the one of its algorithm that has no id.
    private func key(_ header: TokenHeader) throws(TokenError) -> any JWTAlgorithm {
        guard let algorithm = header.alg else { throw .algorithm }
        // What `crit` lists must be understood (RFC 7515, 4.1.11), and nothing is.
        guard header.crit == nil else { throw .malformed }
        let (found, isKnown) = keySet.withLock { set in
            (header.kid.flatMap { set?[$0] }, set?.algorithms.contains(algorithm) == true)
        }
        if let found {
            guard found.algorithm == algorithm else { throw .algorithm }
            return found.verifier
        }
        guard let key = keys[algorithm] else { throw isKnown ? .keyID : .algorithm }
        return key
    }

    /// The user that a token names, unchecked: for whoever brings one, and must leave it to the gateway to believe it. nil when it can't be read.
    package static func uncheckedSubject(of token: some StringProtocol) -> String? {
        (try? TokenParts.subject(of: Array(token.utf8)))?.sub
    }
}

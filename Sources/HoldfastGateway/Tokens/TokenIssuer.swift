internal import Foundation
internal import HoldfastWire
internal import JWTKit

/// Signs tokens: for `holdfast token`, tests and load tests, where no issuer of the customer's is at hand.
package struct TokenIssuer: Sendable {
    /// What a gateway takes.
    package static let tokenBytesMax = WireLimits.tokenBytesMax

    private let keys: JWTKeyCollection
    private let keyID: String?

    /// Signs HS256 tokens.
    package init(secret: [UInt8], keyID: String? = nil) async throws(TokenKeyError) {
        guard secret.count >= TokenSecret.bytesMin else { throw .secretTooShort(secret.count) }
        keys = await JWTKeyCollection().add(hmac: HMACKey(from: Data(secret)), digestAlgorithm: .sha256)
        self.keyID = keyID
    }

    /// Signs with what a key file has: the PEM text of a private key, P-256 for ES256 or Ed25519 for EdDSA; else its bytes are the secret of HS256.
    /// - Parameter keyID: by which the gateway's key set knows the key; nil: the tokens name none.
    package init(keyFile: [UInt8], keyID: String? = nil) async throws(TokenKeyError) {
        let text = String(decoding: keyFile, as: UTF8.self)
        guard text.contains("-----BEGIN") else {
            self = try await TokenIssuer(secret: TokenSecret.withoutLineEnd(keyFile), keyID: keyID)
            return
        }
        if let key = try? ES256PrivateKey(pem: text) {
            keys = await JWTKeyCollection().add(ecdsa: key)
        } else if let key = try? EdDSA.PrivateKey(pem: text) {
            keys = await JWTKeyCollection().add(eddsa: key)
        } else {
            throw .privateKeyUnusable
        }
        self.keyID = keyID
    }

    /// A token for `user`, good for `lifetimeSeconds` from `now` (seconds since 1970).
    /// - Parameters:
    ///   - to: whom the user may write to, as `RecipientLimit` takes it; nil: everybody.
    ///   - issuer: who issues it; nil: it doesn't say.
    ///   - audience: whom it is for; nil: it doesn't say.
    package func issue(
        user: String, device: String? = nil, role: TokenRole = .user, scopes: TokenScopes = [], to: [String]? = nil,
        issuer: String? = nil, audience: String? = nil, now: UInt64, lifetimeSeconds: UInt64
    ) async throws -> String {
        let claims = TokenClaims(
            sub: user, exp: Double(now + lifetimeSeconds), iat: Double(now), iss: issuer, aud: audience.map { TokenAudience([$0]) },
            device: device, role: role.rawValue, scope: scopes.isEmpty ? nil : scopes.claim, to: to)
        return try await keys.sign(claims, header: keyID.map { JWTHeader(fields: ["kid": .string($0)]) } ?? JWTHeader())
    }
}

extension TokenClaims: JWTPayload {
    /// Only the signature is checked by the library; the rest is `VerifiedToken.init`'s, which is told the time.
    func verify(using algorithm: some JWTAlgorithm) {}
}

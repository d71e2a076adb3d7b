internal import Foundation
internal import JWTKit

/// Signs HS256 tokens with a secret: for `holdfast token`, tests and load tests, where no issuer of the customer's is at hand.
package struct TokenIssuer: Sendable {
    private let keys: JWTKeyCollection

    package init(secret: [UInt8]) async throws(TokenKeyError) {
        guard secret.count >= TokenSecret.bytesMin else { throw .secretTooShort(secret.count) }
        keys = await JWTKeyCollection().add(hmac: HMACKey(from: Data(secret)), digestAlgorithm: .sha256)
    }

    /// A token for `user`, good for `lifetimeSeconds` from `now` (seconds since 1970).
    package func issue(
        user: String, device: String? = nil, role: TokenRole = .user, scopes: TokenScopes = [], to: [String]? = nil, now: UInt64,
        lifetimeSeconds: UInt64
    ) async throws -> String {
        let claims = TokenClaims(
            sub: user, exp: Double(now + lifetimeSeconds), iat: Double(now), device: device, role: role.rawValue,
            scope: scopes.isEmpty ? nil : scopes.claim, to: to)
        return try await keys.sign(claims)
    }
}

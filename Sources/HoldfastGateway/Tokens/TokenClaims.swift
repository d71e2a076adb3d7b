internal import Foundation
internal import JWTKit

/// The claims of a token that the gateway looks at, as they are written in it; others are ignored.
struct TokenClaims: JWTPayload {
    /// The user's name.
    var sub: String
    /// Seconds since 1970; may have a fraction.
    var exp: Double
    var nbf: Double?
    /// When the token was issued.
    var iat: Double?
    var device: String?
    var role: String?

    /// Only the signature is checked by the library; the rest is `VerifiedToken.init`'s, which is told the time.
    func verify(using algorithm: some JWTAlgorithm) {}
}

/// The parts of a token's header that decide how it is checked.
struct TokenHeader: Decodable {
    var alg: String?
    /// Extensions that must be understood.
    var crit: [String]?
}

/// The one claim that those who bring a token look at.
struct TokenSubject: Decodable {
    /// The user's name.
    var sub: String
}

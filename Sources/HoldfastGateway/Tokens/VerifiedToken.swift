package import HoldfastWire

/// What a token may open.
package enum TokenRole: String, CaseIterable, Sendable {
    case user, service, `operator`
}

/// What a token whose signature is good says.
package struct VerifiedToken: Equatable, Sendable {
    package var user: String
    /// The only device that the token is good for, when it names one.
    package var device: String?
    package var role: TokenRole
    /// Seconds since 1970.
    package var expires: UInt64
    /// Seconds since 1970, rounded down; nil when the token doesn't say when it was issued.
    package var issuedAt: UInt64?

    /// Checks what the claims say against the time and the limits of names.
    /// - Parameter clockToleranceSeconds: by how much the issuer's clock may differ.
    init(_ claims: TokenClaims, now: UInt64, clockToleranceSeconds: Int) throws(TokenError) {
        guard claims.exp.isFinite, claims.exp > 0, claims.exp < Self.secondsMax else { throw .malformed }
        guard claims.exp + Double(clockToleranceSeconds) > Double(now) else { throw .expired }
        if let begins = claims.nbf {
            guard begins.isFinite, begins < Self.secondsMax else { throw .malformed }
            guard begins <= Double(now) + Double(clockToleranceSeconds) else { throw .notYetValid }
        }
        if let issued = claims.iat {
            guard issued.isFinite, issued >= 0, issued < Self.secondsMax else { throw .malformed }
            issuedAt = UInt64(issued)
        }
        guard WireLimits.isName(claims.sub, bytesMax: WireLimits.userBytesMax),
            claims.device.map({ WireLimits.isName($0, bytesMax: WireLimits.deviceBytesMax) }) ?? true
        else { throw .malformed }
        guard let role = TokenRole(rawValue: claims.role ?? TokenRole.user.rawValue) else { throw .malformed }
        user = claims.sub
        device = claims.device
        self.role = role
        // A date beyond what a u32 of seconds can say is as good as that one.
        expires = UInt64(min(claims.exp + Double(clockToleranceSeconds), Double(UInt32.max)))
    }

    /// The year 5138. Times are seconds (RFC 7519, NumericDate); an issuer that writes milliseconds would make tokens for ever.
    private static let secondsMax: Double = 100_000_000_000
}

/// Why a token doesn't open anything.
package enum TokenError: Error, Equatable, CaseIterable, Sendable {
    /// Not a token, or a claim is missing or has a wrong form.
    case malformed
    /// Signed by a key that isn't configured, or changed after it was signed.
    case signature
    /// Signed with an algorithm that isn't configured, `none` included.
    case algorithm
    case expired
    case notYetValid

    /// What the client is told.
    package var closeCode: CloseCode {
        switch self {
        case .malformed, .signature: .tokenInvalid
        case .algorithm: .tokenAlgorithm
        case .expired: .tokenExpired
        case .notYetValid: .tokenNotYetValid
        }
    }
}

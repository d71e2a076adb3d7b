package import HoldfastCore
package import HoldfastWire

/// What a token may open.
package enum TokenRole: String, CaseIterable, Sendable {
    case user, service, `operator`
}

/// What is demanded of a token whose signature is good.
package struct TokenRules: Equatable, Sendable {
    /// Who must have issued it (claim `iss`); empty: anybody.
    package var issuer = ""
    /// Whom it must be for (claim `aud`, one of several); empty: whom it is for isn't looked at.
    package var audience = ""
    /// By how much the issuer's clock may differ.
    package var clockToleranceSeconds = 0

    package init(issuer: String = "", audience: String = "", clockToleranceSeconds: Int = 0) {
        self.issuer = issuer
        self.audience = audience
        self.clockToleranceSeconds = clockToleranceSeconds
    }
}

/// What a token whose signature is good says.
package struct VerifiedToken: Equatable, Sendable {
    package var user: String
    /// The only device that the token is good for, when it names one.
    package var device: String?
    package var role: TokenRole
    /// What it allows at the control API.
    package var scopes: TokenScopes
    /// Whom its user may write to; nil: everybody.
    package var to: RecipientLimit?
    /// Seconds since 1970, rounded down; nil when the token doesn't say when it was issued.
    package var issuedAt: UInt64?
    /// Seconds since 1970.
    package var expires: UInt64

    /// Checks what the claims say against the time, the rules and the limits of names.
    init(_ claims: TokenClaims, now: UInt64, rules: TokenRules) throws(TokenError) {
        let tolerance = Double(rules.clockToleranceSeconds)
        guard claims.exp.isFinite, claims.exp > 0, claims.exp < Self.secondsMax else { throw .malformed }
        guard claims.exp + tolerance > Double(now) else { throw .expired }
        if let begins = claims.nbf {
            guard begins.isFinite, begins < Self.secondsMax else { throw .malformed }
            guard begins <= Double(now) + tolerance else { throw .notYetValid }
        }
        if let issued = claims.iat {
            guard issued.isFinite, issued >= 0, issued < Self.secondsMax else { throw .malformed }
            issuedAt = UInt64(issued)
        }
        guard rules.issuer.isEmpty || claims.iss == rules.issuer else { throw .issuer }
        guard rules.audience.isEmpty || claims.aud?.names.contains(rules.audience) == true else { throw .audience }
        guard WireLimits.isName(claims.sub, bytesMax: WireLimits.userBytesMax),
            claims.device.map({ WireLimits.isName($0, bytesMax: WireLimits.deviceBytesMax) }) ?? true
        else { throw .malformed }
        guard let role = TokenRole(rawValue: claims.role ?? TokenRole.user.rawValue) else { throw .malformed }
        if let names = claims.to {
            guard let limit = RecipientLimit(names) else { throw .malformed }
            to = limit
        }
        user = claims.sub
        device = claims.device
        self.role = role
        scopes = TokenScopes(claim: claims.scope ?? "")
        // A date beyond what a u32 of seconds can say is as good as that one.
        expires = UInt64(min(claims.exp + tolerance, Double(UInt32.max)))
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
    /// Signed by a key of an id that the key set doesn't have.
    case keyID
    case expired
    case notYetValid
    /// Of another issuer than the configured one.
    case issuer
    /// For others than this gateway.
    case audience

    /// What the client is told.
    package var closeCode: CloseCode {
        switch self {
        case .malformed, .signature, .keyID, .issuer, .audience: .tokenInvalid
        case .algorithm: .tokenAlgorithm
        case .expired: .tokenExpired
        case .notYetValid: .tokenNotYetValid
        }
    }
}

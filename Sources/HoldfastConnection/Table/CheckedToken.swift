package import HoldfastCore

/// What a good token says.
package struct CheckedToken: Equatable, Sendable {
    package var user: [UInt8]
    /// Nil when the token is good for any device.
    package var device: [UInt8]?
    package var isService: Bool
    /// Whom its user may write to; nil: everybody.
    package var to: RecipientLimit?
    /// Seconds since 1970; 0 when the token doesn't say when it was issued.
    package var issuedAt: UInt32
    /// Seconds since 1970.
    package var expires: UInt64

    package init(user: [UInt8], device: [UInt8]?, isService: Bool, to: RecipientLimit? = nil, issuedAt: UInt32 = 0, expires: UInt64) {
        self.user = user
        self.device = device
        self.isService = isService
        self.to = to
        self.issuedAt = issuedAt
        self.expires = expires
    }
}

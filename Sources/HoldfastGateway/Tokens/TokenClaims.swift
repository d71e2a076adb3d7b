/// The claims of a token that the gateway looks at, as they are written in it; others are ignored.
struct TokenClaims: Codable, Sendable {
    /// The user's name.
    var sub: String
    /// Seconds since 1970; may have a fraction.
    var exp: Double
    var nbf: Double?
    /// When the token was issued.
    var iat: Double?
    var iss: String?
    var aud: TokenAudience?
    var device: String?
    var role: String?
    /// Names with a space between them.
    var scope: String?
    /// Whom the user may write to: names, and beginnings of names with a `*` behind them.
    var to: [String]?
}

/// Whom a token is for: a text, or a list of texts (RFC 7519, 4.1.3).
struct TokenAudience: Codable, Equatable, Sendable {
    var names: [String]

    init(_ names: [String]) { self.names = names }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let name = try? container.decode(String.self) {
            names = [name]
        } else {
            names = try container.decode([String].self)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if names.count == 1 { try container.encode(names[0]) } else { try container.encode(names) }
    }
}

/// The parts of a token's header that decide how it is checked.
struct TokenHeader: Decodable {
    var alg: String?
    /// Which key of a key set it is signed with.
    var kid: String?
    /// Extensions that must be understood.
    var crit: [String]?
}

/// The one claim that those who bring a token look at.
struct TokenSubject: Decodable {
    /// The user's name.
    var sub: String
}

package import Foundation

/// A token taken apart (RFC 7515, 3.1). Nothing of it is believed yet: whether its signature is good is `TokenVerifier`'s to say.
package struct TokenParts {
    let header: TokenHeader
    package let signature: Data
    /// What the signature is made of: header and claims as they came.
    package let signed: ArraySlice<UInt8>
    private let payload: ArraySlice<UInt8>

    package init(_ token: [UInt8]) throws(TokenError) {
        let parts = try Self.split(token)
        header = try Self.decoded(TokenHeader.self, parts[0])
        guard let signature = Base64URL.decoded(parts[2]) else { throw .malformed }
        self.signature = signature
        signed = token[..<parts[1].endIndex]
        payload = parts[1]
    }

    /// What it says. To be believed only if the signature is good.
    func claims() throws(TokenError) -> TokenClaims { try Self.decoded(TokenClaims.self, payload) }

    /// The one claim that those who bring a token look at.
    static func subject(of token: [UInt8]) throws(TokenError) -> TokenSubject { try decoded(TokenSubject.self, split(token)[1]) }

    private static func split(_ token: [UInt8]) throws(TokenError) -> [ArraySlice<UInt8>] {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        return parts
    }

    private static func decoded<Value: Decodable>(_: Value.Type, _ part: ArraySlice<UInt8>) throws(TokenError) -> Value {
        guard let json = Base64URL.decoded(part) else { throw .malformed }
        do {
            return try JSONDecoder().decode(Value.self, from: json)
        } catch {
            throw .malformed
        }
    }
}

extension VerifiedToken {
    /// Checks what a token says against the time, the rules and the limits of names; its signature is the caller's matter.
    package init(_ parts: TokenParts, now: UInt64, rules: TokenRules) throws(TokenError) {
        try self.init(parts.claims(), now: now, rules: rules)
    }
}

/// The form of bytes in tokens and key sets (RFC 4648, 5), padded or not.
package enum Base64URL {
    /// The bytes; nil: it is no such text.
    package static func decoded(_ text: ArraySlice<UInt8>) -> Data? {
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

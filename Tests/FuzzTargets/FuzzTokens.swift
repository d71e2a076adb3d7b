import Foundation
import HoldfastControl
import HoldfastCore
import HoldfastGateway
import HoldfastWire

private let now: UInt64 = 1_800_000_000
private let rules = TokenRules(clockToleranceSeconds: 30)

/// The bytes as a token, and as header and claims of one. What is taken of a token is within the limits of names and times, and allows no more than
/// its claims say.
func fuzzTokens(_ bytes: [UInt8]) {
    checkToken(bytes)
    let header = Array(#"{"alg":"EdDSA","kid":"login-1"}"#.utf8)
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    checkToken(base64URL(header) + [UInt8(ascii: ".")] + base64URL(bytes) + [UInt8(ascii: ".")], claims: bytes)
    if parts.count == 2 {
        checkToken(base64URL(parts[0]) + [UInt8(ascii: ".")] + base64URL(parts[1]) + Array(".AA".utf8), claims: Array(parts[1]))
    }
    precondition(Base64URL.decoded(base64URL(bytes)[...]) == Data(bytes), "bytes changed in base64url")
}

private func checkToken(_ token: [UInt8], claims: [UInt8]? = nil) {
    guard let parts = try? TokenParts(token) else { return }
    precondition(token.starts(with: parts.signed), "what is signed isn't the token's beginning")
    guard let verified = try? VerifiedToken(parts, now: now, rules: rules) else { return }
    precondition(WireLimits.isName(verified.user, bytesMax: WireLimits.userBytesMax), "a user's name that can't be one")
    precondition(
        verified.device.map { WireLimits.isName($0, bytesMax: WireLimits.deviceBytesMax) } ?? true, "a device's name that can't be one")
    precondition(verified.expires > now, "a token that has expired was taken")
    precondition(TokenScopes(claim: verified.scopes.claim) == verified.scopes, "scopes changed when they were written")
    guard let claims, let value = try? JSONParser.parse(claims), case .object(let members) = value else { return }
    let said = members.first { $0.name == "to" }?.value
    guard let limit = verified.to else { return precondition(said == nil || said == .null, "the claim to was overlooked") }
    guard case .list(let entries)? = said else { preconditionFailure("a limit came from a claim that is no list") }
    let names = entries.map { entry in
        if case .text(let name) = entry { Array(name.utf8) } else { [UInt8]() }
    }
    precondition(limit.names.map { Array($0.utf8) } == names, "a limit is another one than the token says")
}

/// Bytes as a file of keys. What is taken of it is for one algorithm, has its own id, and no private part.
func fuzzKeySet(_ bytes: [UInt8]) {
    guard let set = try? WrittenKeySet(json: bytes) else { return }
    precondition((1...WrittenKeySet.keysMax).contains(set.keys.count), "a set has too many keys, or none")
    precondition(Set(set.keys.map(\.id)).count == set.keys.count, "two keys have one id")
    for key in set.keys {
        precondition((1...WrittenKeySet.idBytesMax).contains(key.id.utf8.count), "a key's id is longer than its limit")
        if case .secret(let secret) = key.material { precondition(secret.count >= TokenSecret.bytesMin, "a secret is too short") }
    }
    guard case .object(let members)? = try? JSONParser.parse(bytes),
        case .list(let list)? = members.first(where: { $0.name == "keys" })?.value
    else { return }
    precondition(list.count == set.keys.count + set.ignored.count, "a key is neither taken nor passed over")
    let taken = list.filter { key in set.keys.contains { key["kid"] == .text($0.id) } }
    for key in taken where key["kty"] != .text("oct") {
        precondition(["d", "p", "q", "k"].allSatisfy { (key[$0] ?? .null) == .null }, "a key with a private part was taken")
    }
}

extension JSONValue {
    fileprivate subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }
}

private func base64URL(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    Data(bytes).base64EncodedData().compactMap { byte in
        switch byte {
        case UInt8(ascii: "+"): UInt8(ascii: "-")
        case UInt8(ascii: "/"): UInt8(ascii: "_")
        case UInt8(ascii: "="): nil
        default: byte
        }
    }
}

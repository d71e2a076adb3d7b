internal import Foundation

/// A JWK Set (RFC 7517) as its file has it, checked as far as that goes without cryptography.
///
/// A key fits one algorithm: `oct` HS256, `EC` on P-256 ES256, `OKP` with Ed25519 EdDSA. Other kinds, and keys for other uses than signatures, are
/// passed over, as section 5 says: the file of an identity provider has such keys.
package struct WrittenKeySet: Equatable, Sendable {
    /// A key that tokens may be signed with.
    package struct Key: Equatable, Sendable {
        package let id: String
        package let material: Material
        /// Where it stands, for messages.
        let place: String
    }

    /// What a key is made of, and so what it is for.
    package enum Material: Equatable, Sendable {
        case secret([UInt8])
        /// A point of P-256, in base64url.
        case p256(x: String, y: String)
        /// Base64url, too.
        case ed25519(x: String)

        /// As tokens name it in `alg`.
        package var algorithm: String {
            switch self {
            case .secret: "HS256"
            case .p256: "ES256"
            case .ed25519: "EdDSA"
            }
        }
    }

    /// Of the file.
    package static let bytesMax = 64 << 10
    package static let keysMax = 32
    package static let idBytesMax = 255

    package private(set) var keys: [Key] = []
    /// What was passed over, and why.
    package private(set) var ignored: [String] = []

    /// - Parameter json: what the file has.
    package init(json: [UInt8]) throws(TokenKeyError) {
        guard json.count <= Self.bytesMax else { throw .keySet("it has \(json.count) bytes; at most \(Self.bytesMax) are read") }
        let set: Members
        do {
            set = try JSONDecoder().decode(Members.self, from: Data(json))
        } catch {
            throw .keySet("it is not a JWK Set, a JSON object with a list `keys` of objects (RFC 7517)")
        }
        guard set.keys.count <= Self.keysMax else { throw .keySet("it has \(set.keys.count) keys; at most \(Self.keysMax) are taken") }
        for (index, key) in set.keys.enumerated() { try add(key, "key \(index + 1)") }
        guard !keys.isEmpty else {
            throw .keySet("no key in it is one for HS256 (oct), ES256 (EC, P-256) or EdDSA (OKP, Ed25519)\(Self.list(ignored))")
        }
    }

    private mutating func add(_ key: KeyMembers, _ place: String) throws(TokenKeyError) {
        let place = key.kid.map { "\(place) (kid \"\($0)\")" } ?? place
        guard let type = key.kty else { throw .keySet("\(place) has no kty") }
        // Before anything is passed over: the file may lie where others read it.
        if type != "oct", key.hasPrivatePart {
            throw .keySet("\(place) has a private part: leave that with the issuer, and put only the public part there")
        }
        guard let algorithm = Self.algorithm(type, key.crv) else {
            return pass(over: place, "kty \(type)\(key.crv.map { ", crv \($0)" } ?? "")")
        }
        if let use = key.use, use != "sig" { return pass(over: place, "use \(use)") }
        if let operations = key.key_ops, !operations.contains("verify") {
            return pass(over: place, "key_ops without verify")
        }
        if let named = key.alg, named != algorithm {
            guard Self.algorithms.contains(named) else { return pass(over: place, "alg \(named)") }
            throw .keySet("\(place) is of kty \(type), which is for \(algorithm), and says alg \(named)")
        }
        guard let id = key.kid, 1...Self.idBytesMax ~= id.utf8.count else {
            throw .keySet("\(place) needs a kid of 1 to \(Self.idBytesMax) bytes: a token says by it which key it is signed with")
        }
        guard !keys.contains(where: { $0.id == id }) else { throw .keySet("\(place) has the kid of an earlier key: give each its own") }
        guard let material = Self.material(key, algorithm) else { throw Self.notWhole(place, algorithm) }
        if case .secret(let secret) = material, secret.count < TokenSecret.bytesMin {
            throw .keySet("\(place): \(TokenKeyError.secretTooShort(secret.count))")
        }
        keys.append(Key(id: id, material: material, place: place))
    }

    private mutating func pass(over place: String, _ reason: String) { ignored.append("\(place): \(reason)") }

    private static let algorithms: Set<String> = ["HS256", "ES256", "EdDSA"]
    private static let parts = ["HS256": "k", "ES256": "x and y, a point of P-256", "EdDSA": "x, 32 bytes"]

    /// A key whose parts aren't there, or aren't what they have to be.
    static func notWhole(_ place: String, _ algorithm: String) -> TokenKeyError {
        .keySet("\(place) is not whole: \(parts[algorithm] ?? "") must be there, in base64url")
    }

    private static func algorithm(_ type: String, _ curve: String?) -> String? {
        switch (type, curve) {
        case ("oct", _): "HS256"
        case ("EC", "P-256"): "ES256"
        case ("OKP", "Ed25519"): "EdDSA"
        default: nil
        }
    }

    /// nil: a part isn't there.
    private static func material(_ key: KeyMembers, _ algorithm: String) -> Material? {
        switch algorithm {
        case "HS256": key.k.flatMap { Base64URL.decoded(Array($0.utf8)[...]) }.map { .secret(Array($0)) }
        case "ES256": key.x.flatMap { x in key.y.map { .p256(x: x, y: $0) } }
        default: key.x.map { .ed25519(x: $0) }
        }
    }

    private static func list(_ ignored: [String]) -> String { ignored.isEmpty ? "" : "; passed over: " + ignored.joined(separator: "; ") }
}

private struct Members: Decodable {
    var keys: [KeyMembers]
}

/// The members of a key that are looked at.
private struct KeyMembers: Decodable {
    var kty: String?
    var kid: String?
    var alg: String?
    var use: String?
    var key_ops: [String]?
    var crv: String?
    var x: String?
    var y: String?
    var k: String?
    /// Private parts, of which only is looked at whether they are there.
    var d: String?
    var p: String?
    var q: String?

    var hasPrivatePart: Bool { d != nil || p != nil || q != nil || k != nil }
}

internal import Foundation
internal import JWTKit

/// Keys of token issuers, each with an id: a JWK Set (RFC 7517). With several at once a new key is in use before the old one goes.
///
/// A key fits one algorithm: `oct` HS256, `EC` on P-256 ES256, `OKP` with Ed25519 EdDSA. Other kinds, and keys for other uses than signatures, are
/// passed over, as section 5 says: the file of an identity provider has such keys.
package struct TokenKeySet: Sendable {
    /// Of the file.
    package static let bytesMax = 64 << 10
    package static let keysMax = 32
    private static let idBytesMax = 255

    struct Key: Sendable {
        /// As tokens name it in `alg`.
        let algorithm: String
        let verifier: any JWTAlgorithm
    }

    private var keys: [String: Key] = [:]
    /// What was passed over, and why.
    package private(set) var ignored: [String] = []
    /// Whether who reads the file can make tokens.
    package private(set) var hasSecret = false

    /// - Parameter json: what the file has.
    package init(json: [UInt8]) async throws(TokenKeyError) {
        guard json.count <= Self.bytesMax else { throw .keySet("it has \(json.count) bytes; at most \(Self.bytesMax) are read") }
        let set: WrittenSet
        do {
            set = try JSONDecoder().decode(WrittenSet.self, from: Data(json))
        } catch {
            throw .keySet("it is not a JWK Set, a JSON object with a list `keys` of objects (RFC 7517)")
        }
        guard set.keys.count <= Self.keysMax else { throw .keySet("it has \(set.keys.count) keys; at most \(Self.keysMax) are taken") }
        for (index, key) in set.keys.enumerated() { try await add(key, "key \(index + 1)") }
        guard !keys.isEmpty else {
            throw .keySet("no key in it is one for HS256 (oct), ES256 (EC, P-256) or EdDSA (OKP, Ed25519)\(Self.list(ignored))")
        }
    }

    /// The key with an id; nil when there is none.
    subscript(id: String) -> Key? { keys[id] }

    /// The ids of its keys.
    package var ids: [String] { keys.keys.sorted() }

    /// The algorithms of its keys.
    package var algorithms: Set<String> { Set(keys.values.map(\.algorithm)) }

    private mutating func add(_ key: WrittenKey, _ place: String) async throws(TokenKeyError) {
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
        guard keys[id] == nil else { throw .keySet("\(place) has the kid of an earlier key: give each its own") }
        do {
            keys[id] = Key(algorithm: algorithm, verifier: try await Self.verifier(key, algorithm))
        } catch .secretTooShort(let count) {
            throw .keySet("\(place): \(TokenKeyError.secretTooShort(count))")
        } catch {
            throw .keySet("\(place) is not whole: \(Self.parts[algorithm] ?? "") must be there, in base64url")
        }
        if type == "oct" { hasSecret = true }
    }

    private mutating func pass(over place: String, _ reason: String) { ignored.append("\(place): \(reason)") }

    private static let algorithms: Set<String> = ["HS256", "ES256", "EdDSA"]
    private static let parts = ["HS256": "k", "ES256": "x and y, a point of P-256", "EdDSA": "x, 32 bytes"]

    private static func algorithm(_ type: String, _ curve: String?) -> String? {
        switch (type, curve) {
        case ("oct", _): "HS256"
        case ("EC", "P-256"): "ES256"
        case ("OKP", "Ed25519"): "EdDSA"
        default: nil
        }
    }

    private static func verifier(_ key: WrittenKey, _ algorithm: String) async throws(TokenKeyError) -> any JWTAlgorithm {
        switch algorithm {
        case "HS256":
            guard let secret = key.k.flatMap({ TokenVerifier.base64URLDecoded(Array($0.utf8)[...]) }) else { throw .publicKeyUnusable }
            return try await TokenVerifier.verifier(secret: Array(secret))
        case "ES256":
            guard let x = key.x, let y = key.y, let point = try? ES256PublicKey(parameters: (x, y)) else { throw .publicKeyUnusable }
            return try await TokenVerifier.verifier { await $0.add(ecdsa: point) }
        default:
            guard let x = key.x, let point = try? EdDSA.PublicKey(x: x, curve: .ed25519) else { throw .publicKeyUnusable }
            return try await TokenVerifier.verifier { await $0.add(eddsa: point) }
        }
    }

    private static func list(_ ignored: [String]) -> String { ignored.isEmpty ? "" : "; passed over: " + ignored.joined(separator: "; ") }
}

private struct WrittenSet: Decodable {
    var keys: [WrittenKey]
}

/// A key as the file has it, with the members that are looked at.
private struct WrittenKey: Decodable {
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

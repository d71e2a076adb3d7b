internal import JWTKit

/// Keys of token issuers, each with an id. With several at once a new key is in use before the old one goes.
package struct TokenKeySet: Sendable {
    struct Key: Sendable {
        /// As tokens name it in `alg`.
        let algorithm: String
        let verifier: any JWTAlgorithm
    }

    private var keys: [String: Key] = [:]
    /// What was passed over, and why.
    package let ignored: [String]
    /// Whether who reads the file can make tokens.
    package private(set) var hasSecret = false

    /// - Parameter json: what the file has.
    package init(json: [UInt8]) async throws(TokenKeyError) {
        let written = try WrittenKeySet(json: json)
        ignored = written.ignored
        for key in written.keys {
            let algorithm = key.material.algorithm
            guard let verifier = try? await Self.verifier(key.material) else { throw WrittenKeySet.notWhole(key.place, algorithm) }
            keys[key.id] = Key(algorithm: algorithm, verifier: verifier)
            if case .secret = key.material { hasSecret = true }
        }
    }

    /// The key with an id; nil when there is none.
    subscript(id: String) -> Key? { keys[id] }

    /// The ids of its keys.
    package var ids: [String] { keys.keys.sorted() }

    /// The algorithms of its keys.
    package var algorithms: Set<String> { Set(keys.values.map(\.algorithm)) }

    private static func verifier(_ material: WrittenKeySet.Material) async throws(TokenKeyError) -> any JWTAlgorithm {
        switch material {
        case .secret(let secret): return try await TokenVerifier.verifier(secret: secret)
        case .p256(let x, let y):
            guard let point = try? ES256PublicKey(parameters: (x, y)) else { throw .publicKeyUnusable }
            return try await TokenVerifier.verifier { await $0.add(ecdsa: point) }
        case .ed25519(let x):
            guard let point = try? EdDSA.PublicKey(x: x, curve: .ed25519) else { throw .publicKeyUnusable }
            return try await TokenVerifier.verifier { await $0.add(eddsa: point) }
        }
    }
}

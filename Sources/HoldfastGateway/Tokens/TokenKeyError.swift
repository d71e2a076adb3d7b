/// Why the gateway can't check tokens with the keys that it was given.
package enum TokenKeyError: Error, Equatable, CustomStringConvertible, Sendable {
    case secretTooShort(Int)
    case publicKeyUnusable
    case privateKeyUnusable
    /// What is wrong with the key set.
    case keySet(String)
    case noKey

    package var description: String {
        switch self {
        case .secretTooShort(let count): "the secret has \(count) bytes; at least \(TokenSecret.bytesMin) are needed"
        case .publicKeyUnusable: "not the PEM text of a P-256 (ES256) or Ed25519 (EdDSA) public key"
        case .privateKeyUnusable: "not the PEM text of a P-256 (ES256) or Ed25519 (EdDSA) private key"
        case .keySet(let problem): problem
        case .noKey: "neither a secret, a public key nor a key set"
        }
    }
}

/// What is wrong with a TLS handshake, where an operator can do something about it; the value is what the client does, in words.
enum HandshakeFault: String, CaseIterable {
    case otherProtocol = "offers none of our protocols (ALPN)"
    case certificateRefused = "doesn't accept the certificate"
    case noTLS = "doesn't speak TLS"
    case oldVersion = "speaks only older versions of TLS"

    /// - Parameter reason: OpenSSL's words. They differ a little from version to version.
    init?(_ reason: String) {
        if reason.contains("no application protocol") {
            self = .otherProtocol
        } else if reason.contains("alert"), reason.contains("certificate") || reason.contains("unknown ca") {
            self = .certificateRefused
        } else if reason.contains("http request") || reason.contains("https proxy request") || reason.contains("wrong version number") {
            self = .noTLS
        } else if reason.contains("unsupported protocol") || reason.contains("version too low") {
            self = .oldVersion
        } else {
            return nil
        }
    }

    /// What to do.
    var advice: String {
        switch self {
        case .otherProtocol: "have it offer holdfast/1, or nothing; a balancer that speaks HTTP can't stand before this port"
        case .certificateRefused:
            "give it the certificate's issuer to trust, use the name that the certificate is for, and check the certificate: holdfast doctor"
        case .noTLS: "a plaintext client belongs to the port of listen; otherwise somebody tries ports"
        case .oldVersion: "update it, or set tlsVersionMin to 1.2"
        }
    }
}

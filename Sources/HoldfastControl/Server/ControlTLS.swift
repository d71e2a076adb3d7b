internal import HoldfastGateway
internal import NIOSSL
internal import Synchronization

/// The gateway's certificate for the control API, whose TLS is NIO's. Each handshake takes what was read last.
final class ControlTLS: Sendable {
    private let files: CertificateFiles
    private let clientCA: String
    private let allowsTLS12: Bool
    private let current: Mutex<NIOSSLContext>

    /// - Parameter clientCA: a file with the issuers of client certificates; empty: none is asked for.
    init(_ files: CertificateFiles, clientCA: String, allowsTLS12: Bool) throws {
        self.files = files
        self.clientCA = clientCA
        self.allowsTLS12 = allowsTLS12
        current = Mutex(try Self.read(files, clientCA, allowsTLS12))
    }

    /// For the next handshake.
    var context: NIOSSLContext { current.withLock { $0 } }

    /// Reads the files again; where they are no good, the old ones stay in use.
    func reload() throws {
        let fresh = try Self.read(files, clientCA, allowsTLS12)
        current.withLock { $0 = fresh }
    }

    private static func read(_ files: CertificateFiles, _ clientCA: String, _ allowsTLS12: Bool) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(files.chain)
        let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = allowsTLS12 ? .tlsv12 : .tlsv13
        configuration.applicationProtocols = ["http/1.1"]
        if !clientCA.isEmpty {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(clientCA))
            // A client's name is its token's; the certificate says that it is one of the issuer's.
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

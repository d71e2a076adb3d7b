internal import Foundation
package import HoldfastIO

/// What a start would find of certificate, keys and secrets: the same files, read in the same way, and nothing made.
package struct IdentityReport: Sendable {
    /// Why the gateway wouldn't start for its certificate or key; nil: it would.
    package var tlsError: String?
    /// The same for the keys of tokens.
    package var tokenError: String?
    /// How the certificate is; nil when there is none to look at: no TLS listener, or one that the first start makes.
    package var certificate: CertificateTimes.State?
    /// Where it is.
    package var certificateFile = ""
    /// Secrets that everybody on the machine may read.
    package var readableSecrets: [String] = []

    /// One in which nothing is wrong.
    package init() {}

    /// Reads the files.
    /// - Parameter seconds: since 1970.
    package static func read(_ configuration: Configuration, at seconds: UInt64) async -> IdentityReport {
        var report = IdentityReport()
        report.readTLS(configuration, seconds)
        var tokens: TokenVerifier?
        do {
            let development = TokenSecret.developmentKeyPath(data: configuration.data)
            let isDevelopment = !configuration.hasTokenKey
            // What isn't there yet is made at the first start.
            if !isDevelopment || FileManager.default.fileExists(atPath: development) {
                tokens = try await Identity.verifier(
                    configuration, secretPath: isDevelopment ? development : configuration.tokenSecretFile,
                    publicKeyPEM: Identity.publicKeyPEM(configuration))
            }
        } catch {
            report.tokenError = "\(error)"
        }
        report.readableSecrets = Identity.secretPaths(configuration, tokens).filter { (try? FileFacts(path: $0))?.isWorldReadable == true }
        return report
    }

    private mutating func readTLS(_ configuration: Configuration, _ seconds: UInt64) {
        guard !configuration.tlsListen.isEmpty else { return }
        var (certificate, key) = (configuration.tlsCertificate, configuration.tlsKey)
        if certificate.isEmpty {
            (certificate, key) = (configuration.data + "/tls/cert.pem", configuration.data + "/tls/key.pem")
            guard FileManager.default.fileExists(atPath: certificate) else { return }
        }
        certificateFile = certificate
        do throws(GatewayError) {
            self.certificate = try Identity.serverContext(configuration, certificate, key).certificateTimes?.state(at: seconds)
        } catch {
            tlsError = "\(error)"
        }
    }
}

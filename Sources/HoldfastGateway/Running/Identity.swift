internal import Foundation
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastStorage
internal import Logging

/// Where the certificate and its key lie, as PEM.
package struct CertificateFiles: Equatable, Sendable {
    /// The gateway's certificate first.
    package let chain: String
    package let key: String
}

/// What a gateway proves itself with and checks others by: certificate, token keys, ticket keys. Read from files; what a first start
/// without configuration lacks is made in the data directory.
struct Identity {
    let tokens: TokenVerifier
    let ticketKeys: TicketKeyFile
    /// nil when nothing speaks TLS.
    let certificate: CertificateFiles?
    /// nil when there is no TLS listener for phones.
    let tls: TLSServerContext?

    /// - Parameter wallSeconds: the time, as far as the machine's clock is believed.
    init(_ configuration: Configuration, wallSeconds: UInt64, _ logger: Logger) async throws {
        tokens = try await Self.makeVerifier(configuration, logger)
        ticketKeys = try TicketKeyFile(
            data: configuration.data, ticketDays: configuration.ticketDays, keyHours: configuration.ticketKeyHours,
            wallSeconds: wallSeconds, monotonicSeconds: SystemClock.monotonicMilliseconds() / 1000)
        let usesTLS = !configuration.tlsListen.isEmpty || configuration.controlUsesTLS
        let certificate = usesTLS ? try Self.certificateFiles(configuration, wallSeconds: wallSeconds, logger) : nil
        self.certificate = certificate
        tls =
            try configuration.tlsListen.isEmpty
            ? nil : certificate.map { files throws(GatewayError) in try Self.serverContext(configuration, files.chain, files.key) }
        Self.warnOfReadableSecrets(configuration, tokens, logger)
    }

    private static func makeVerifier(_ configuration: Configuration, _ logger: Logger) async throws -> TokenVerifier {
        var secretPath = configuration.tokenSecretFile
        let pem = try publicKeyPEM(configuration)
        var secret: [UInt8]?
        if !configuration.hasTokenKey {
            secretPath = TokenSecret.developmentKeyPath(data: configuration.data)
            if FileManager.default.fileExists(atPath: secretPath) {
                logger.warning("tokens are checked with the development key", metadata: ["file": "\(secretPath)"])
            } else {
                secret = try TokenSecret.makeDevelopmentKey(at: secretPath)
                logger.warning(
                    "made a development key for tokens; set tokenSecretFile, tokenPublicKeyFile or tokenKeySetFile for real use",
                    metadata: ["file": "\(secretPath)"])
            }
        }
        let verifier = try await verifier(configuration, secretPath: secretPath, secret: secret, publicKeyPEM: pem)
        verifier.sayIgnored(configuration.tokenKeySetFile, logger)
        return verifier
    }

    /// - Parameters:
    ///   - secretPath: where the secret is read from unless it is given; empty: there is none.
    static func verifier(
        _ configuration: Configuration, secretPath: String, secret: [UInt8]? = nil, publicKeyPEM pem: String?
    ) async throws -> TokenVerifier {
        var secret = secret
        if secret == nil && !secretPath.isEmpty {
            guard let read = TokenSecret.read(secretPath) else { throw unreadable("tokenSecretFile", secretPath) }
            secret = read
        }
        let keySet = configuration.tokenKeySetFile.isEmpty ? nil : try await keySet(configuration.tokenKeySetFile)
        do {
            return try await TokenVerifier(secret: secret, publicKeyPEM: pem, keySet: keySet, rules: configuration.tokenRules)
        } catch {
            let isPublic = error == .publicKeyUnusable
            throw GatewayError.file(
                ConfigurationError(
                    source: isPublic ? configuration.tokenPublicKeyFile : secretPath, key: "", value: nil, problem: "\(error)",
                    advice: "Put the key of your token issuer there"))
        }
    }

    /// The keys of a key set's file.
    static func keySet(_ path: String) async throws(GatewayError) -> TokenKeySet {
        guard let json = readRegular(path) else { throw unreadable("tokenKeySetFile", path) }
        do throws(TokenKeyError) {
            return try await TokenKeySet(json: Array(json))
        } catch {
            throw .file(
                ConfigurationError(
                    source: path, key: "", value: nil, problem: "\(error)", advice: "Put the JWK Set of your token issuers there"))
        }
    }

    /// The text of the public key's file; nil when none is configured.
    static func publicKeyPEM(_ configuration: Configuration) throws -> String? {
        let path = configuration.tokenPublicKeyFile
        guard !path.isEmpty else { return nil }
        guard let data = readRegular(path) else { throw unreadable("tokenPublicKeyFile", path) }
        return String(decoding: data, as: UTF8.self)
    }

    /// The bytes of a file; nil when it can't be read or is none: a pipe would have its reader wait.
    static func readRegular(_ path: String) -> Data? {
        guard (try? FileFacts(path: path))?.isRegular == true else { return nil }
        return FileManager.default.contents(atPath: path)
    }

    private static func unreadable(_ key: String, _ path: String) -> GatewayError {
        .file(
            ConfigurationError(
                source: path, key: key, value: nil, problem: "the file can't be read", advice: "Check that it exists and may be read"))
    }

    /// Names the secrets that everybody on the machine may read.
    private static func warnOfReadableSecrets(_ configuration: Configuration, _ tokens: TokenVerifier, _ logger: Logger) {
        for path in secretPaths(configuration, tokens) where (try? FileFacts(path: path))?.isWorldReadable == true {
            logger.warning("a secret may be read by everybody on this machine", metadata: ["file": "\(path)", "do": "chmod 600 \(path)"])
        }
    }

    /// The files that nobody but the gateway may read, there or not.
    /// - Parameter tokens: whose key set may have secrets; nil when that can't be read.
    static func secretPaths(_ configuration: Configuration, _ tokens: TokenVerifier?) -> [String] {
        let data = configuration.data
        let keySet = tokens?.hasSecretKeySet == true ? configuration.tokenKeySetFile : ""
        return [configuration.tokenSecretFile, keySet, configuration.tlsKey].filter { !$0.isEmpty }
            + [
                TokenSecret.developmentKeyPath(data: data), TicketKeyFile.path(data: data), LogNames.keyPath(data: data),
                data + "/tls/key.pem",
            ]
    }

    /// Those that are configured; else those in the data directory, made where they are not there.
    private static func certificateFiles(
        _ configuration: Configuration, wallSeconds: UInt64, _ logger: Logger
    ) throws -> CertificateFiles {
        var certificate = configuration.tlsCertificate
        var key = configuration.tlsKey
        if certificate.isEmpty {
            let folder = configuration.data + "/tls"
            certificate = folder + "/cert.pem"
            key = folder + "/key.pem"
            let isThere = FileManager.default.fileExists(atPath: certificate) && FileManager.default.fileExists(atPath: key)
            let state = CertificateTimes(ofFile: certificate)?.state(at: wallSeconds)
            // One of a start whose clock was wrong is of no use to anybody.
            let isOutOfTime = isThere && (state == .expired || state == .notYetValid)
            if !isThere || isOutOfTime {
                try makeCertificate(folder, certificate, key, wallSeconds: wallSeconds)
                logger.warning(
                    isOutOfTime
                        ? "the self-signed certificate was not valid at this time: made a new one; clients must be given it"
                        : "made a self-signed certificate; set tlsCertificate and tlsKey for real use",
                    metadata: ["file": "\(certificate)"])
            }
            // Whoever made them may have been killed before their names were on the disk.
            try DurableFile.syncDirectory(folder)
        }
        return CertificateFiles(chain: certificate, key: key)
    }

    static func serverContext(_ configuration: Configuration, _ certificate: String, _ key: String) throws(GatewayError) -> TLSServerContext
    {
        do throws(IOError) {
            return try TLSServerContext(
                certificateChainFile: certificate, keyFile: key,
                minimumVersion: configuration.tlsVersionMin, alpn: ["holdfast/1"])
        } catch {
            throw .file(error)
        }
    }

    /// Good from the program's release on, not from now: the clock may be ahead, and clients have clocks of their own.
    private static func makeCertificate(_ folder: String, _ certificate: String, _ key: String, wallSeconds: UInt64) throws {
        try DurableFile.makeDirectory(folder)
        let made = try makeSelfSignedCertificate(
            names: ["localhost", ProcessInfo.processInfo.hostName, "127.0.0.1", "::1"].filter(isCertifiable),
            validity: Int64(ClockRule.releaseMilliseconds / 1000)...Int64(wallSeconds) + certificateSeconds)
        // The key first: a certificate without its key would be taken for whole at the next start.
        try DurableFile.write(Array(made.keyPEM.utf8), to: key, mode: 0o600)
        try DurableFile.write(Array(made.certificatePEM.utf8), to: certificate, mode: 0o644)
    }

    /// Whether a certificate can be made out to it: an address, or a host name as DNS has them. A machine may be called anything.
    static func isCertifiable(_ name: String) -> Bool {
        if (try? SocketAddress(parsing: name.contains(":") ? "[\(name)]:0" : "\(name):0")) != nil { return true }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"),
                            UInt8(ascii: "-"):
                            true
                        default: false
                        }
                    }
            }
    }

    /// Longer than a clock may be ahead.
    private static let certificateSeconds: Int64 = 20 * 365 * 86_400
}

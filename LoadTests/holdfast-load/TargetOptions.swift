import ArgumentParser
import Foundation
import HoldfastGateway
import HoldfastIO

/// Where the gateway is.
struct TargetOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway's address. Default: 127.0.0.1:7400, with --tls 127.0.0.1:7443.", valueName: "host:port"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "The gateway's data directory: its development key signs the phones' tokens. Default: ./holdfast-data.", valueName: "dir"))
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Tokens of the gateway's own issuer instead: one a line, each of another user. No key is needed then.", valueName: "file"))
    var tokenFile: String?

    @Option(help: "The gateway's process, whose memory and CPU time are read. Default: the one that holds the data directory.")
    var pid: Int32?

    @Flag(help: "Connect with TLS.")
    var tls = false

    @Option(help: ArgumentHelp("The certificate to trust. Default: the one in the data directory.", valueName: "file"))
    var trust: String?

    /// Whether anything says where a running gateway is.
    var isGiven: Bool { server != nil || data != nil || pid != nil || trust != nil || tokenFile != nil }

    /// The gateway, found.
    /// - Parameter keepsSessions: with TLS, connects resume the TLS session of those before them.
    func target(keepsSessions: Bool = false) throws -> Target {
        let text = server ?? (tls ? "127.0.0.1:7443" : "127.0.0.1:7400")
        guard let address = try SocketAddress.resolve(text).first else { throw LoadError(unavailable: "'\(text)' has no address") }
        let file = try tokenFile.map { try TokenFile($0) }
        if let file, file.isOpenToOthers, WorkerPlace.current == nil {
            FileHandle.standardError.write(
                Data("warning: others may read the tokens in \(file.path): chmod 600 \(file.path)\n".utf8))
        }
        return try Target(
            address: address, tls: tls ? try SocketAddress.split(text).host : nil, trust: trust, data: data ?? "./holdfast-data",
            tokens: file, pid: pid, keepsSessions: keepsSessions)
    }
}

/// How a report is printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON object instead of text.")
    var json = false
}

extension Target {
    /// A gateway with a data directory on this machine.
    /// - Parameters:
    ///   - tls: the name that its certificate must have; nil: plaintext.
    ///   - tokens: nil: they are signed with the directory's development key.
    ///   - keepsSessions: connects resume the TLS session of those before them.
    init(
        address: SocketAddress, tls name: String?, trust: String? = nil, data: String, tokens: TokenFile? = nil, pid: Int32? = nil,
        keepsSessions: Bool = false
    ) throws {
        if let tokens {
            self.tokens = .file(tokens)
        } else {
            let keyPath = TokenSecret.developmentKeyPath(data: data)
            guard let secret = TokenSecret.read(keyPath) else {
                throw LoadError(
                    file: "\(keyPath) can't be read: name the gateway's data directory with --data DIR, or give --token-file FILE")
            }
            self.tokens = .secret(secret)
        }
        self.address = address
        self.data = data
        self.pid = pid ?? Self.holder(of: data)
        if let name {
            let own = data + "/tls/cert.pem"
            // Of a gateway elsewhere, whose certificate is another one's to vouch for.
            let isElsewhere = trust == nil && tokens != nil && !FileManager.default.fileExists(atPath: own)
            self.trust = isElsewhere ? nil : trust ?? own
            let context = try TLSClientContext(
                trust: self.trust.map { .file($0) } ?? .system, alpn: ["holdfast/1"], keepsSessions: keepsSessions)
            self.keepsSessions = keepsSessions
            tls = TLSClientOptions(context: context, serverName: name)
        }
    }

    /// The process that has a data directory locked, if it is alive.
    private static func holder(of data: String) -> Int32? {
        guard let text = try? String(contentsOfFile: data + "/lock", encoding: .utf8),
            let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), ProcessMeter(pid: pid).cpuSeconds != nil
        else { return nil }
        return pid
    }
}

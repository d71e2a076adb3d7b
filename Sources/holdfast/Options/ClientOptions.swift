internal import ArgumentParser
internal import Foundation
internal import HoldfastClient
internal import HoldfastClientTransport
internal import HoldfastGateway

/// Where the gateway is, how it proves who it is, and how the user does: the same for all client commands.
struct ClientOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway. (default: 127.0.0.1:7400, with --tls 127.0.0.1:7443)", valueName: "host:port"))
    var server: String?

    @Flag(help: "Connect with TLS; the gateway's certificate must be trusted and have the name of --server.")
    var tls = false

    @Option(
        help: ArgumentHelp(
            "PEM file with the certificates to trust. (default: DATA/tls/cert.pem when --data is given, else the system's)",
            valueName: "file"))
    var trust: String?

    @Option(help: ArgumentHelp("File with a token for the user; read again at each login.", valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            """
            On the gateway's machine: its data directory, whose development key makes the token. \
            (default: ./holdfast-data, if there is one)
            """, valueName: "dir"))
    var data: String?

    static let dataDefault = "./holdfast-data"

    /// Refuses what has no effect, rather than to ignore it.
    func validate() throws {
        if trust != nil && !tls { throw ValidationError("--trust has no effect without --tls.") }
    }

    /// Where the gateway is.
    func endpoint() throws(CommandFailure) -> ClientEndpoint {
        let address = try ServerAddress(parsing: server ?? (tls ? "127.0.0.1:7443" : "127.0.0.1:7400"), option: "--server")
        guard tls else { return ClientEndpoint(host: address.host, port: address.port) }
        var trustFile = trust
        if trustFile == nil, let data = dataDirectory {
            let path = data + "/tls/cert.pem"
            if FileManager.default.fileExists(atPath: path) { trustFile = path }
        }
        if let trustFile {
            let advice = "Give the PEM file with the gateway's certificate."
            guard let bytes = FileManager.default.contents(atPath: trustFile) else {
                throw CommandFailure("--trust: \(trustFile) can't be read. \(advice)", exitCode: CommandFailure.file)
            }
            guard bytes.range(of: Data("-----BEGIN ".utf8)) != nil else {
                throw CommandFailure("--trust: \(trustFile) has no certificate. \(advice)", exitCode: CommandFailure.file)
            }
        }
        return ClientEndpoint(
            host: address.host, port: address.port, tls: ClientEndpoint.TLSOptions(serverName: address.host, trustFile: trustFile))
    }

    /// Where tokens for `user` come from.
    func tokenSource(user: String) throws(CommandFailure) -> TokenSource {
        if let tokenFile {
            let source = TokenSource.file(tokenFile, user: user)
            _ = try TokenSource.readToken(tokenFile, user: user)
            return source
        }
        guard let data = dataDirectory else {
            throw CommandFailure(
                "There is no token: give --token-file FILE, or on the gateway's machine --data DIR.", exitCode: CommandFailure.usage)
        }
        return .developmentKey(secret: try TokenSource.developmentKey(data: data), user: user)
    }

    private var dataDirectory: String? {
        if let data { return data }
        guard tokenFile == nil else { return nil }
        let path = TokenSecret.developmentKeyPath(data: Self.dataDefault)
        return FileManager.default.fileExists(atPath: path) ? Self.dataDefault : nil
    }
}

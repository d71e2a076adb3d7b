internal import ArgumentParser
internal import HoldfastGateway

/// `holdfast token`.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Prints a token, signed with the development key of a data directory.",
        discussion: """
            The key is made at the first start of a gateway that no keys are configured for. A gateway for others than \
            oneself gets its tokens from the operator's own issuer (see tokenSecretFile and tokenPublicKeyFile in README).

            EXAMPLE
              holdfast token --data ./holdfast-data --user alice --ttl 12h > alice.token
              holdfast receive --as alice --token-file alice.token
            """)

    @Option(help: ArgumentHelp("The gateway's data directory.", valueName: "dir"))
    var data: String

    @Option(help: "The user's name.")
    var user: String

    @Option(
        help: ArgumentHelp("What the token may open: \(TokenRole.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "role"))
    var role = TokenRole.user

    @Option(help: ArgumentHelp("How long the token is good: 90s, 15m, 1h, 7d.", valueName: "time"))
    var ttl = TimeSpan(seconds: 3600)

    @Option(help: "The only device that the token is good for. (default: any)")
    var device: String?

    /// Prints the token as one line.
    func run() async throws {
        try Names.checkUser(user, option: "--user")
        if let device { try Names.checkDevice(device, option: "--device") }
        let secret = try TokenSource.developmentKey(data: data)
        let token: String
        do {
            token = try await TokenIssuer(secret: secret).issue(
                user: user, device: device, role: role, now: TokenSource.now, lifetimeSeconds: ttl.seconds)
        } catch {
            throw CommandFailure("\(TokenSecret.developmentKeyPath(data: data)): \(error).", exitCode: CommandFailure.file)
        }
        try StandardStreams.output(line: token)
    }
}

extension TokenRole: ExpressibleByArgument {}

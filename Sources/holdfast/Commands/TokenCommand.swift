internal import ArgumentParser
internal import Foundation
internal import HoldfastCore
internal import HoldfastGateway

/// `holdfast token`.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Prints a token, signed with a key file or with the development key of a data directory.",
        discussion: """
            --key FILE is the secret of HS256 tokens, as tokenSecretFile names it, or the PEM text of a private key: P-256 for ES256, Ed25519 for \
            EdDSA. A gateway checks those by tokenPublicKeyFile, or by tokenKeySetFile, which knows each key by the id that --key-id says. \
            --data DIR has the development key, which the first start of a gateway makes that no keys are configured for.

            --scopes says what the token allows at the control API, --to whom its user may write to: names, or beginnings of names \
            with a * behind them. --issuer and --audience are what tokenIssuer and tokenAudience of the gateway demand.

            EXAMPLES
              holdfast token --data ./holdfast-data --user alice --ttl 12h > alice.token
              holdfast token --key ./secret --user shop --role service --scopes push,read
              holdfast token --key shop.pem --key-id shop-2 --user shop --to 'customer-*'
              holdfast token --key shop.pem --user shop --audience chat --issuer https://id
            """)

    @Option(help: ArgumentHelp("The gateway's data directory, for its development key.", valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("A file with the key that signs: a secret, or a private key as PEM.", valueName: "file"))
    var key: String?

    @Option(help: ArgumentHelp("The key's id in the gateway's key set (kid). (default: none)", valueName: "id"))
    var keyID: String?

    @Option(help: "The user's name.")
    var user: String

    @Option(
        help: ArgumentHelp("What the token may open: \(TokenRole.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "role"))
    var role = TokenRole.user

    @Option(
        help: ArgumentHelp(
            "What it allows at the control API, with commas between: \(TokenScopes.all.map(\.name).joined(separator: ", ")). (default: nothing)",
            valueName: "list"))
    var scopes: String?

    @Option(
        help: ArgumentHelp(
            "Whom the user may write to: names and, with a * behind them, beginnings of names, with commas between. (default: everybody)",
            valueName: "list"))
    var to: String?

    @Option(help: ArgumentHelp("Who issues the token (iss). (default: it doesn't say)", valueName: "text"))
    var issuer: String?

    @Option(help: ArgumentHelp("Whom the token is for (aud). (default: it doesn't say)", valueName: "text"))
    var audience: String?

    @Option(help: ArgumentHelp("How long the token is good: 90s, 15m, 1h, 7d.", valueName: "time"))
    var ttl = TimeSpan(seconds: 3600)

    @Option(help: "The only device that the token is good for. (default: any)")
    var device: String?

    /// Prints the token as one line.
    func run() async throws {
        try Names.checkUser(user, option: "--user")
        if let device { try Names.checkDevice(device, option: "--device") }
        let (scopes, limit) = (try Self.scopes(scopes), try Self.limit(to))
        let (file, bytes) = try readKey()
        let token: String
        do {
            token = try await TokenIssuer(keyFile: bytes, keyID: keyID).issue(
                user: user, device: device, role: role, scopes: scopes, to: limit?.names, issuer: issuer, audience: audience,
                now: TokenSource.now, lifetimeSeconds: ttl.seconds)
        } catch {
            throw CommandFailure("\(file): \(error).", exitCode: CommandFailure.file)
        }
        guard token.utf8.count <= TokenIssuer.tokenBytesMax else {
            throw CommandFailure(
                "The token has \(token.utf8.count) bytes; the gateway takes \(TokenIssuer.tokenBytesMax). Name fewer or shorter ones with --to.",
                exitCode: CommandFailure.usage)
        }
        try StandardStreams.output(line: token)
    }

    private func readKey() throws(CommandFailure) -> (file: String, bytes: [UInt8]) {
        switch (data, key) {
        case (let data?, nil): return (TokenSecret.developmentKeyPath(data: data), try TokenSource.developmentKey(data: data))
        case (nil, let key?):
            guard let bytes = TokenSecret.readFile(key) else {
                throw CommandFailure(
                    "--key: \(key) can't be read. Give a file with a secret or a private key.", exitCode: CommandFailure.file)
            }
            return (key, bytes)
        default:
            throw CommandFailure(
                "Give either --data DIR, for the development key there, or --key FILE.", exitCode: CommandFailure.usage)
        }
    }

    /// A gateway ignores scopes that it doesn't know; one that is misspelt here would be found out late.
    private static func scopes(_ list: String?) throws(CommandFailure) -> TokenScopes {
        var scopes: TokenScopes = []
        for name in list?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            guard let scope = TokenScopes.named(name) else {
                throw CommandFailure(
                    "--scopes: there is no scope \"\(VisibleText.of(String(name)))\". Give some of \(TokenScopes.all.map(\.name).joined(separator: ", ")), with commas between.",
                    exitCode: CommandFailure.usage)
            }
            scopes.insert(scope)
        }
        return scopes
    }

    private static func limit(_ list: String?) throws(CommandFailure) -> RecipientLimit? {
        guard let list else { return nil }
        // Nothing between no commas is nobody.
        let names = list.isEmpty ? [] : list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard let limit = RecipientLimit(names) else {
            throw CommandFailure(
                """
                --to: not a list of at most \(RecipientLimit.entriesMax) users' names of 1 to 255 bytes, each with or without a * behind it, \
                and with two bytes for each \(RecipientLimit.bytesMax) bytes in all.
                """, exitCode: CommandFailure.usage)
        }
        return limit
    }
}

extension TokenRole: ExpressibleByArgument {}

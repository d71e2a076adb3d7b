internal import Foundation
internal import HoldfastGateway

/// Where a client gets a token whenever it needs one.
enum TokenSource: Sendable {
    /// A file, read again each time; the token in it must be the user's.
    case file(String, user: String)
    /// Made each time with the gateway's development key.
    case developmentKey(secret: [UInt8], user: String)

    /// How long a token of the development key is good.
    private static let lifetimeSeconds: UInt64 = 3600

    /// A token.
    func token() async throws -> String {
        switch self {
        case .file(let path, let user): return try Self.readToken(path, user: user)
        case .developmentKey(let secret, let user):
            return try await TokenIssuer(secret: secret).issue(user: user, now: Self.now, lifetimeSeconds: Self.lifetimeSeconds)
        }
    }

    /// Seconds since 1970.
    static var now: UInt64 { UInt64(max(0, Date().timeIntervalSince1970)) }

    /// The token in a file; white space around it doesn't count.
    /// - Throws: also when it is another user's: the gateway would take it, and the user would act for that one without knowing.
    static func readToken(_ path: String, user: String) throws(CommandFailure) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("--token-file: \(path) can't be read. Give a file with a token.", exitCode: CommandFailure.file)
        }
        guard data.count <= 4096 + 16 else {
            throw CommandFailure("--token-file: \(path) has \(data.count) bytes; a token has at most 4096.", exitCode: CommandFailure.file)
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw CommandFailure("--token-file: \(path) is not text. Give a file with a token.", exitCode: CommandFailure.file)
        }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else {
            throw CommandFailure("--token-file: \(path) is empty. Put a token into it.", exitCode: CommandFailure.file)
        }
        if let subject = TokenVerifier.uncheckedSubject(of: token), subject != user {
            throw CommandFailure("--token-file: the token in \(path) is of \(subject), --as says \(user).", exitCode: CommandFailure.usage)
        }
        return token
    }

    /// The development key of a data directory.
    static func developmentKey(data: String) throws(CommandFailure) -> [UInt8] {
        let path = TokenSecret.developmentKeyPath(data: data)
        guard let secret = TokenSecret.read(path) else {
            throw CommandFailure(
                """
                --data: there is no development key that can be read at \(path). A gateway without configured keys makes one at its \
                first start; else give --token-file FILE.
                """, exitCode: CommandFailure.file)
        }
        return secret
    }
}

import Foundation
import HoldfastGateway
import HoldfastIO

/// Users with tokens of the gateway's own issuer, from a file: a token a line, each of another user.
struct TokenFile: Sendable {
    let path: String
    /// In the order of the file.
    let users: [(name: String, token: [UInt8])]
    /// Whether others than the owner may read it.
    let isOpenToOthers: Bool

    private static let tokenBytesMax = 4096

    /// Reads a file. Empty lines and lines that begin with # don't count; a line may begin with the user's name.
    /// - Throws: naming the line of the first that is no token, whose user is unclear, or whose user was there before.
    init(_ path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw LoadError(file: "--token-file: \(path) can't be read") }
        self.path = path
        isOpenToOthers = (try? FileFacts(path: path)).map { $0.mode & 0o077 != 0 } ?? false
        users = try Self.users(String(decoding: data, as: UTF8.self), path)
        guard !users.isEmpty else { throw LoadError(file: "--token-file: \(path) has no tokens: it takes one a line") }
    }

    static func users(_ text: String, _ path: String) throws -> [(name: String, token: [UInt8])] {
        var users: [(name: String, token: [UInt8])] = []
        var lines: [String: Int] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let token = words.last, words.first?.first != "#" else { continue }
            // The token itself is in no message: it is a secret.
            func failure(_ reason: String) -> LoadError { LoadError(file: "--token-file: \(path):\(index + 1): \(reason)") }
            guard words.count <= 2 else { throw failure("a line is a token, or a user and a token") }
            guard token.utf8.count <= tokenBytesMax else { throw failure("a token has at most \(tokenBytesMax) bytes") }
            guard let name = TokenVerifier.uncheckedSubject(of: token) else { throw failure("not a JWT with a 'sub', which is the user") }
            if words.count == 2, words[0] != name { throw failure("the token is of \(name), the line says \(words[0])") }
            if let line = lines[name] { throw failure("\(name) has a token in line \(line) already: each user is one phone") }
            lines[name] = index + 1
            users.append((name, Array(token.utf8)))
        }
        return users
    }

    /// The users of this process, of as many as a run has.
    var ownUsers: ArraySlice<(name: String, token: [UInt8])> {
        guard let place = WorkerPlace.current else { return users[...] }
        let start = users.count * place.index / place.count
        return users[start..<users.count * (place.index + 1) / place.count]
    }
}

/// Where a run's tokens come from.
enum TokenOrigin: Sendable {
    /// They are signed with the gateway's development key, for users with new names.
    case secret([UInt8])
    case file(TokenFile)
}

import Foundation
import HoldfastGateway
import Testing

@testable import holdfast_load

/// Tokens of a gateway's own issuer.
@Suite struct TokenFileTests {
    private static func token(_ user: String) async throws -> String {
        try await TokenIssuer(secret: [UInt8](repeating: 7, count: 32)).issue(user: user, now: 1_700_000_000, lifetimeSeconds: 60)
    }

    @Test func `users are those of the tokens, in the order of the file`() async throws {
        let (alice, bob) = (try await Self.token("alice"), try await Self.token("bob"))
        let users = try TokenFile.users("# ours\n\n\(alice)\n  bob \(bob)\r\n", "tokens")
        #expect(users.map(\.name) == ["alice", "bob"])
        #expect(users.map { String(decoding: $0.token, as: UTF8.self) } == [alice, bob])
    }

    @Test func `a line that can't be used is named, and no token is in the message`() async throws {
        let alice = try await Self.token("alice")
        for (text, reason) in [
            ("\n\(alice) x\n", "tokens:2: not a JWT"), ("bob \(alice)", "tokens:1: the token is of alice, the line says bob"),
            ("\(alice)\n\(alice)", "tokens:2: alice has a token in line 1 already"), ("a b \(alice)", "tokens:1: a line is"),
            (String(repeating: "x", count: 5000), "tokens:1: a token has at most"),
        ] {
            let error = #expect(throws: LoadError.self) { try TokenFile.users(text, "tokens") }
            #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
            #expect(error?.description.contains(alice) == false && error?.exitCode == 66)
        }
    }

    @Test func `a book takes names and tokens from a file, and says when it needs more`() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "tokens-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var lines: [String] = []
        for user in 0..<5 { lines.append(try await Self.token("user-\(user)")) }
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
        let file = try TokenFile(path)
        let book = try await TokenBook(count: 2, users: 5, origin: .file(file))
        #expect(book.name(4) == "user-4" && String(decoding: book[1], as: UTF8.self) == lines[1])
        let rest = try await book.makeBatch(2..<1000)
        #expect(rest.users == 2..<5 && String(decoding: rest[4], as: UTF8.self) == lines[4])
        let error = await #expect(throws: LoadError.self) { try await TokenBook(count: 2, users: 6, origin: .file(file)) }
        #expect(error?.exitCode == 64 && error?.description.contains("tokens of 5 users, and this run needs 6") == true)
    }
}

import Foundation
import HoldfastIO
import Testing

@testable import HoldfastGateway

@Suite struct LogNamesTests {
    private func configuration(_ form: Configuration.LogUsers, _ folder: TemporaryFolder) -> Configuration {
        var configuration = Configuration()
        configuration.data = folder.path
        configuration.logUsers = form
        return configuration
    }

    @Test func `a user's hash is the same at each start of a data directory, and another in another`() throws {
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        let names = LogNames(configuration(.hash, folder), .silent)
        let hash = try #require(names.user(Array("alice".utf8)))
        #expect(hash.count == 13 && hash.first == "#")
        #expect(LogNames(configuration(.hash, folder), .silent).user(Array("alice".utf8)) == hash)
        #expect(LogNames(data: folder.path)?.user(Array("alice".utf8)) == hash)
        #expect(names.user(Array("bob".utf8)) != hash)
        #expect(LogNames(configuration(.hash, other), .silent).user(Array("alice".utf8)) != hash)
        #expect(try FileFacts(path: LogNames.keyPath(data: folder.path)).mode == 0o600)
    }

    @Test func `none and name need no key`() throws {
        let folder = try TemporaryFolder()
        let address = try SocketAddress(parsing: "[2001:db8:1:2::3]:1").limitKey
        let nothing = LogNames(configuration(.none, folder), .silent)
        #expect(nothing.user([97]) == nil && nothing.address(address) == nil)
        let names = LogNames(configuration(.name, folder), .silent)
        #expect(names.user(Array("zoë".utf8)) == "zoë" && names.address(address) == "2001:db8:1:2::/64")
        #expect(LogNames(data: folder.path) == nil)
    }

    @Test func `a key that can't be read or made is replaced in memory only, and that is said`() throws {
        let folder = try TemporaryFolder()
        let path = LogNames.keyPath(data: folder.path)
        try Data("cut".utf8).write(to: URL(fileURLWithPath: path))
        let lines = LogLines()
        #expect(LogNames(configuration(.hash, folder), lines.logger).user([97]) != nil)
        #expect(lines.all.count == 1 && lines.all[0].contains("log.key"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "cut")
    }

    @Test func `the hash is HMAC-SHA256`() {
        // RFC 4231, test case 2.
        let hash = keyedHash(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(Hexadecimal.text(hash) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func `networks name no household`() throws {
        #expect(try SocketAddress(parsing: "203.0.113.200:5").limitKey.network == "203.0.113.0/24")
        #expect(try SocketAddress(parsing: "[2001:db8:1:2:3::4]:5").limitKey.network == "2001:db8:1::/48")
    }
}

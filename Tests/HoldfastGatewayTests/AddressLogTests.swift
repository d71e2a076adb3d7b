import HoldfastIO
import Logging
import Synchronization
import Testing

@testable import HoldfastGateway

@Suite struct AddressLogTests {
    private final class Lines: Sendable {
        let all = Mutex<[AddressLog.Line]>([])
        var count: Int { all.withLock { $0.count } }
    }

    private func makeLog(_ form: Configuration.LogUsers = .name) throws -> (AddressLog, Lines) {
        let lines = Lines()
        let folder = try TemporaryFolder()
        var configuration = Configuration()
        configuration.data = folder.path
        configuration.logUsers = form
        return (AddressLog(LogNames(configuration, .silent)) { line in lines.all.withLock { $0.append(line) } }, lines)
    }

    @Test func `an address is named once an hour for each matter, with what to do`() throws {
        let (log, lines) = try makeLog()
        let balancer = try SocketAddress(parsing: "10.1.2.3:1000")
        for port in 0..<100 {
            log.note(try SocketAddress(parsing: "10.1.2.3:\(port)"), .unexpected, now: 5)
            log.note(balancer, .bad(.missing), now: 5)
            log.noteOverhead(balancer.limitKey, now: 5)
        }
        let said = lines.all.withLock { $0 }
        #expect(said.count == 3)
        #expect(said.allSatisfy { $0.metadata["address"] == "10.1.2.3" && $0.metadata["do"] != nil })
        #expect(said[0].message.contains("proxyProtocolFrom") && said[1].metadata["reason"] == "missing")
        log.note(balancer, .unexpected, now: 5 + AddressLog.silenceMilliseconds)
        #expect(lines.count == 4)
    }

    @Test func `many addresses are named up to a number, and that is said`() throws {
        let (log, lines) = try makeLog()
        for number in 0..<1_000 { log.note(try SocketAddress(parsing: "[2001:db8:0:\(number)::1]:1"), .unexpected, now: UInt64(number)) }
        #expect(lines.count == AddressLog.entriesMax + 1)
        log.note(try SocketAddress(parsing: "10.1.2.3:1"), .unexpected, now: 2_000 + AddressLog.silenceMilliseconds)
        #expect(lines.count == AddressLog.entriesMax + 2)
    }

    @Test func `many of one matter don't silence another`() throws {
        let (log, lines) = try makeLog()
        for number in 0..<1_000 {
            log.noteHandshake(try SocketAddress(parsing: "[2001:db8:0:\(number)::1]:1").limitKey, "http request", now: 1)
        }
        let count = lines.count
        log.note(try SocketAddress(parsing: "10.1.2.3:1"), .unexpected, now: 1)
        #expect(lines.count == count + 1)
    }

    @Test func `an IPv6 key is named as the network that it is`() throws {
        #expect("\(try SocketAddress(parsing: "[2001:db8:1:2::9]:7").limitKey)" == "2001:db8:1:2::/64")
        #expect("\(try SocketAddress(parsing: "192.0.2.1:7").limitKey)" == "192.0.2.1")
    }

    @Test func `a handshake that an operator can do something about is named once for each address`() throws {
        let (log, lines) = try makeLog()
        let address = try SocketAddress(parsing: "192.0.2.77:1").limitKey
        // OpenSSL's words, of 3.0 and of 3.2.
        let reasons = [
            "no application protocol", "tlsv1 alert unknown ca", "sslv3 alert certificate unknown", "ssl/tls alert bad certificate",
            "http request", "wrong version number", "unsupported protocol", "unexpected end", "too many records",
        ]
        for reason in reasons + reasons { log.noteHandshake(address, reason, now: 1) }
        let said = lines.all.withLock { $0 }
        #expect(said.map { $0.metadata["reason"] } == [reasons[0], reasons[1], reasons[4], reasons[6]])
        #expect(said.allSatisfy { $0.level == .notice && $0.metadata["do"] != nil && $0.metadata["address"] == "192.0.2.77" })
    }

    @Test(arguments: [(Configuration.LogUsers.none, nil), (.hash, "192.0.2.0/24"), (.name, "192.0.2.77")])
    func `clients' addresses are named as users are, proxies' are whole`(_ form: Configuration.LogUsers, _ named: String?) throws {
        let (log, lines) = try makeLog(form)
        let address = try SocketAddress(parsing: "192.0.2.77:1")
        log.noteOverhead(address.limitKey, now: 1)
        log.note(address, .unexpected, now: 1)
        #expect(lines.all.withLock { $0 }.map { $0.metadata["address"] } == [named, "192.0.2.77"])
    }
}

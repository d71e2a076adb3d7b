import HoldfastIO
import Synchronization
import Testing

@testable import HoldfastGateway

@Suite struct AddressLogTests {
    private final class Lines: Sendable {
        let all = Mutex<[AddressLog.Line]>([])
        var count: Int { all.withLock { $0.count } }
    }

    private func makeLog() -> (AddressLog, Lines) {
        let lines = Lines()
        return (AddressLog { line in lines.all.withLock { $0.append(line) } }, lines)
    }

    @Test func `an address is named once an hour for each matter, with what to do`() throws {
        let (log, lines) = makeLog()
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
        let (log, lines) = makeLog()
        for number in 0..<1_000 { log.note(try SocketAddress(parsing: "[2001:db8:0:\(number)::1]:1"), .unexpected, now: UInt64(number)) }
        #expect(lines.count == AddressLog.entriesMax + 1)
        log.note(try SocketAddress(parsing: "10.1.2.3:1"), .unexpected, now: 2_000 + AddressLog.silenceMilliseconds)
        #expect(lines.count == AddressLog.entriesMax + 2)
    }

    @Test func `an IPv6 key is named as the network that it is`() throws {
        #expect("\(try SocketAddress(parsing: "[2001:db8:1:2::9]:7").limitKey)" == "2001:db8:1:2::/64")
        #expect("\(try SocketAddress(parsing: "192.0.2.1:7").limitKey)" == "192.0.2.1")
    }
}

import HoldfastWire
import Logging
import Synchronization
import Testing

@testable import HoldfastGateway

@Suite struct RefusalLogTests {
    private final class Lines: Sendable {
        let all = Mutex<[AddressLog.Line]>([])
    }

    @Test func `each code is said once an hour, with how many there were and what to do`() {
        let lines = Lines()
        let log = RefusalLog { line in lines.all.withLock { $0.append(line) } }
        for _ in 0..<1_000 {
            log.note(.tokenInvalid, now: 1)
            log.note(.gatewayFull, now: 1)
            log.note(.fenced, now: 1)
            log.note(.goingAway, now: 1)
        }
        log.note(.tokenInvalid, now: RefusalLog.silenceMilliseconds + 1)
        let said = lines.all.withLock { $0 }
        #expect(said.map { $0.metadata["code"] } == ["tokenInvalid", "gatewayFull", "tokenInvalid"])
        #expect(said.map { $0.metadata["soFar"] } == ["1", "1", "1001"])
        #expect(said.allSatisfy { $0.level == .notice && $0.metadata["do"]?.isEmpty == false })
    }
}

import HoldfastConnection
import Testing

@Suite struct TicketKeysTests {
    @Test func `as many keys are kept as a ticket can live through`() {
        #expect(TicketKeys.keptMax(lifetimeSeconds: 30 * 86400, periodSeconds: 86400) == 31)
        #expect(TicketKeys.keptMax(lifetimeSeconds: 86400, periodSeconds: 30 * 86400) == 2)
        #expect(TicketKeys.keptMax(lifetimeSeconds: 86401, periodSeconds: 86400) == 3)
    }

    @Test func `the oldest key is retired when there are more than are kept`() {
        var keys = TicketKeys(firstSecret: [1], now: 1)
        for number in UInt8(2)...6 { keys.rotate(secret: [number], now: 1, keptMax: 3) }
        #expect(keys.generations.map(\.number) == [3, 4, 5, 6])
        #expect(keys.generations.map(\.secret) == [[3], [4], [5], [6]])
    }
}

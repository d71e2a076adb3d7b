import Testing

@testable import HoldfastIO

/// How many connections a listener takes at once.
@Suite struct ListenerTests {
    private func makeListener() -> Listener {
        let address = SocketAddress(ipv4: 0x7F00_0001, port: 0)
        return Listener(descriptor: -1, configuration: ListenerConfiguration(address: address))
    }

    /// Takes what waits, as the loop does.
    private func take(_ waiting: inout Int, _ listener: inout Listener, iteration: UInt64) -> (calls: Int, taken: Int) {
        let quota = listener.quota
        let taken = min(waiting, quota)
        waiting -= taken
        guard taken == quota else {
            listener.foundNobody(after: taken)
            return (taken + 1, taken)
        }
        listener.filledQuota(iteration: iteration, countMax: 64)
        return (taken, taken)
    }

    @Test func `connections that come one at a time cost one call each`() {
        var listener = makeListener()
        var calls = 0
        for iteration in 0..<100 {
            var waiting = 1
            calls += take(&waiting, &listener, iteration: UInt64(iteration) * 2).calls
        }
        #expect(calls == 100)
    }

    @Test func `a storm is taken in ever larger parts, up to the limit`() {
        var listener = makeListener()
        var waiting = 1_000
        var parts: [Int] = []
        for iteration in 1...30 { parts.append(take(&waiting, &listener, iteration: UInt64(iteration)).taken) }
        #expect(parts.starts(with: [1, 2, 4, 8, 16, 32, 64, 64]))
        #expect(parts.allSatisfy { $0 <= 64 })
        #expect(parts.reduce(0, +) == 1_000)
    }

    @Test func `after a storm there is nobody left to ask for more than once`() {
        var listener = makeListener()
        var waiting = 500
        for iteration in 1...30 { _ = take(&waiting, &listener, iteration: UInt64(iteration)) }
        var calls = 0
        for iteration in 0..<10 {
            waiting = 1
            calls += take(&waiting, &listener, iteration: 100 + UInt64(iteration) * 2).calls
        }
        #expect(calls <= 11)
    }
}

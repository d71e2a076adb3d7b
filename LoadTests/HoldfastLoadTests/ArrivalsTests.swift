import Testing

@testable import holdfast_load

/// What a storm's waits count from, and who counts as served.
@Suite struct ArrivalsTests {
    private static let second: UInt64 = 1_000_000_000

    /// Three phones, due at 0, 1 and 2 seconds.
    private func arrivals(backlog: Int = 2) -> Arrivals {
        Arrivals(phones: 3, backlog: backlog, schedule: Schedule(startAt: 0, perSecond: 1, count: 3))
    }

    private func seconds(_ latencies: Latencies) -> [Double] {
        guard let summary = latencies.summary else { return [] }
        return [summary.distribution[0].microseconds, summary.max].map { ($0 / 1e6 * 10).rounded() / 10 }
    }

    @Test func `a phone waits from when it was due, however late it was begun`() {
        let arrivals = arrivals()
        arrivals.welcome(0, 5 * Self.second)
        arrivals.welcome(2, 5 * Self.second)
        #expect(seconds(arrivals.summary.welcome) == [3, 5])
        arrivals.deliver(2, 6 * Self.second)
        #expect(seconds(arrivals.summary.first) == [4, 4])
    }

    @Test func `a phone that comes back again is served once`() {
        let arrivals = arrivals()
        arrivals.welcome(1, 2 * Self.second)
        arrivals.welcome(1, 9 * Self.second)
        arrivals.welcome(7, 9 * Self.second)
        let seen = arrivals.summary
        #expect(seen.served == 1 && arrivals.servedCount == 1 && seen.welcome.count == 1)
        #expect(seen.servedSeconds == 2)
    }

    @Test func `who is served before the last one was due is told apart`() {
        let arrivals = arrivals()
        arrivals.welcome(0, Self.second)
        arrivals.welcome(1, 2 * Self.second)
        arrivals.welcome(2, 3 * Self.second)
        #expect(arrivals.summary.servedMeanwhile == 2)
        #expect(arrivals.summary.dueSeconds == 2)
    }

    @Test func `a phone is complete with all its messages, and others don't count`() {
        let arrivals = arrivals()
        arrivals.deliver(1, 3 * Self.second)
        #expect(arrivals.completeCount == 0)
        arrivals.deliver(1, 4 * Self.second)
        arrivals.deliver(1, 5 * Self.second)
        arrivals.deliver(3, 6 * Self.second)
        #expect(arrivals.completeCount == 1 && arrivals.summary.lastSeconds == 4)
        #expect(seconds(arrivals.summary.last) == [3, 3])
    }
}

/// What phones got that came in a storm: when each had its first `WELCOME`, and the first and the last of the messages that waited for it.
/// All times count from when the phone was due, whatever it had to wait for: its turn, a pause, a repeated attempt. On the loop's thread.
final class Arrivals {
    /// When the storm began, in nanoseconds of the monotonic clock.
    let start: UInt64
    private let backlog: UInt32
    private let schedule: Schedule?
    private var isServed: [Bool]
    private var counts: [UInt32]
    private var seen = Summary()
    private var lastAt: UInt64
    private var lastServedAt: UInt64
    /// When the last phone was due.
    private let lastDueAt: UInt64

    /// - Parameters:
    ///   - phones: how many come, from the fleet's first on.
    ///   - backlog: messages that wait for each phone.
    ///   - schedule: when each phone is due, in their order; nil: all at the beginning.
    ///   - start: nil: that of the schedule, or now.
    init(phones: Int, backlog: Int, schedule: Schedule? = nil, start: UInt64? = nil) {
        self.start = start ?? schedule?.startAt ?? Fleet.nanoseconds
        isServed = Array(repeating: false, count: phones)
        counts = Array(repeating: 0, count: phones)
        self.backlog = UInt32(backlog)
        self.schedule = schedule
        (lastAt, lastServedAt) = (self.start, self.start)
        lastDueAt = schedule?.due(max(0, phones - 1)) ?? self.start
    }

    /// A phone has its `WELCOME`; one that has lost its connection has several, of which the first counts.
    func welcome(_ phone: Int, _ time: UInt64) {
        guard phone < isServed.count, !isServed[phone] else { return }
        isServed[phone] = true
        lastServedAt = time
        seen.served += 1
        if time <= lastDueAt { seen.servedMeanwhile += 1 }
        seen.welcome.record(time - min(time, begin(phone)))
    }

    /// A message has come; phones that aren't part of the storm don't count.
    func deliver(_ phone: Int, _ time: UInt64) {
        guard phone < counts.count, counts[phone] < backlog else { return }
        counts[phone] += 1
        lastAt = time
        if counts[phone] == 1 { seen.first.record(time - min(time, begin(phone))) }
        guard counts[phone] == backlog else { return }
        seen.last.record(time - min(time, begin(phone)))
        seen.complete += 1
    }

    private func begin(_ phone: Int) -> UInt64 { schedule?.due(phone) ?? start }

    /// Phones that have had a `WELCOME`.
    var servedCount: Int { seen.served }

    /// Phones that have everything.
    var completeCount: Int { seen.complete }

    /// What was seen so far.
    var summary: Summary {
        var summary = seen
        summary.lastSeconds = Double(lastAt - start) / 1e9
        summary.servedSeconds = Double(lastServedAt - start) / 1e9
        summary.dueSeconds = Double(lastDueAt - start) / 1e9
        return summary
    }

    /// How many phones were served, and how long they waited.
    struct Summary: Sendable {
        /// Phones with a `WELCOME`.
        var served = 0
        /// Of those, the ones that had it before the last phone was due.
        var servedMeanwhile = 0
        /// Phones with all their messages.
        var complete = 0
        /// From the beginning to the last `WELCOME`.
        var servedSeconds = 0.0
        /// From the beginning to when the last phone was due.
        var dueSeconds = 0.0
        /// From the beginning to the last message.
        var lastSeconds = 0.0
        /// From when it was due to a phone's `WELCOME`, its first message, and its last.
        var welcome = Latencies()
        var first = Latencies()
        var last = Latencies()
    }
}

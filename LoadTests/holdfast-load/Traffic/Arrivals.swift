/// When the messages that waited for each phone came, counted from the beginning of a storm or from when the phone was due. On the loop's
/// thread.
final class Arrivals {
    /// When the storm began.
    let start = Fleet.nanoseconds
    private let backlog: UInt32
    private let schedule: Schedule?
    private var counts: [UInt32]
    private var first = Latencies()
    private var last = Latencies()
    private var complete = 0
    private(set) var lastAt: UInt64

    /// - Parameters:
    ///   - backlog: messages that wait for each phone.
    ///   - schedule: when each phone is due, in their order; nil: all at the beginning.
    init(phones: Int, backlog: Int, schedule: Schedule? = nil) {
        counts = Array(repeating: 0, count: phones)
        self.backlog = UInt32(backlog)
        self.schedule = schedule
        lastAt = start
    }

    /// A message has come; phones that aren't part of the storm don't count.
    func deliver(_ phone: Int, _ time: UInt64) {
        guard phone < counts.count, counts[phone] < backlog else { return }
        let begin = schedule?.due(phone) ?? start
        counts[phone] += 1
        lastAt = time
        if counts[phone] == 1 { first.record(time - min(time, begin)) }
        guard counts[phone] == backlog else { return }
        last.record(time - min(time, begin))
        complete += 1
    }

    /// Phones that have everything.
    var completeCount: Int { complete }

    /// What was seen so far.
    var summary: Summary {
        Summary(complete: complete, lastSeconds: Double(lastAt - start) / 1e9, first: first, last: last)
    }

    /// Times of each phone's first and last message.
    struct Summary: Sendable {
        var complete = 0
        var lastSeconds = 0.0
        var first = Latencies()
        var last = Latencies()
    }
}

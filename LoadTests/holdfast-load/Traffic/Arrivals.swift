/// When the messages that waited for each phone came, counted from the beginning of a storm. On the loop's thread.
final class Arrivals {
    private let start = Fleet.nanoseconds
    private let backlog: UInt32
    private var counts: [UInt32]
    private var first = Latencies()
    private var last = Latencies()
    private var complete = 0
    private var lastAt: UInt64

    /// - Parameter backlog: messages that wait for each phone.
    init(phones: Int, backlog: Int) {
        counts = Array(repeating: 0, count: phones)
        self.backlog = UInt32(backlog)
        lastAt = start
    }

    /// A message has come.
    func deliver(_ phone: Int, _ time: UInt64) {
        counts[phone] += 1
        lastAt = time
        if counts[phone] == 1 { first.record(time - start) }
        guard counts[phone] == backlog else { return }
        last.record(time - start)
        complete += 1
    }

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

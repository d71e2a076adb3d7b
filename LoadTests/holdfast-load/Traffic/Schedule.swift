/// Things that are due at fixed times, whatever becomes of those before: what an open loop is driven by.
struct Schedule: Sendable {
    /// When the first one is due, in nanoseconds of the monotonic clock.
    let startAt: UInt64
    /// Nanoseconds between two.
    let interval: Double
    /// How many there are.
    var count = Int.max

    /// - Parameter perSecond: how many are due in a second.
    init(startAt: UInt64, perSecond: Double, count: Int = .max) {
        self.startAt = startAt
        interval = 1e9 / perSecond
        self.count = count
    }

    /// When the one with this number is due; they are counted from 0.
    func due(_ number: Int) -> UInt64 { startAt + UInt64(Double(number) * interval) }

    /// How many are due up to now.
    func dueCount(at now: UInt64) -> Int {
        guard now >= startAt else { return 0 }
        return min(count, Int(Double(now - startAt) / interval) + 1)
    }
}

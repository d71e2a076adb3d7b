/// How many things happened in each quarter of a second: what a mean over seconds hides.
struct Course: Sendable {
    private let startAt: UInt64
    private(set) var counts: [Int] = []
    private static let step: UInt64 = 250_000_000
    /// Things a second for one thing a step.
    static let stepsPerSecond = 4.0

    /// Begins at a time of the monotonic clock, in nanoseconds.
    init(startAt: UInt64) { self.startAt = startAt }

    /// One more has happened.
    mutating func count(_ now: UInt64) {
        let index = now < startAt ? 0 : Int((now - startAt) / Self.step)
        while counts.count <= index { counts.append(0) }
        counts[index] += 1
    }

    /// The fewest in a second's quarter, times four, of those that lie between two times as a whole; nil if none does.
    func lowestPerSecond(from: UInt64, to: UInt64) -> Double? {
        let first = from <= startAt ? 0 : Int((from - startAt + Self.step - 1) / Self.step)
        let end = to <= startAt ? 0 : Int((to - startAt) / Self.step)
        guard first < end else { return nil }
        return (first..<end).map { Double($0 < counts.count ? counts[$0] : 0) * Self.stepsPerSecond }.min()
    }
}

/// When to say again that the gateway isn't reached and that the client goes on trying: after a minute, and then in ever longer steps up to an hour.
/// The first failure is told by the notice of its own.
struct TrialReports {
    private var failingSince: ContinuousClock.Instant?
    private var toldCount = 0
    private var lastFailure = ""
    private static let minutes = [1, 2, 5, 10, 20, 40, 60]

    /// An attempt has failed, or a connection was lost.
    mutating func failed(_ text: String, now: ContinuousClock.Instant) {
        lastFailure = text
        if failingSince == nil { failingSince = now }
    }

    /// The gateway was reached.
    mutating func connected() { self = TrialReports() }

    /// When the next report is due; nil while nothing fails.
    var nextTime: ContinuousClock.Instant? {
        guard let failingSince else { return nil }
        let last = Self.minutes.count - 1
        let minutes = toldCount <= last ? Self.minutes[toldCount] : Self.minutes[last] * (toldCount - last + 1)
        return failingSince + .seconds(60 * minutes)
    }

    /// What is to be said now; nil if it isn't time.
    mutating func report(now: ContinuousClock.Instant) -> String? {
        guard let failingSince, let nextTime, now >= nextTime else { return nil }
        // A machine that has slept doesn't say what it has missed.
        while let due = self.nextTime, now >= due { toldCount += 1 }
        let minutes = UInt64((now - failingSince).components.seconds / 60)
        return "Still trying, for \(TimeSpan(seconds: minutes * 60).text) now. \(lastFailure)"
    }
}

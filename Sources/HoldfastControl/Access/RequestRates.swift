internal import Synchronization

/// How many requests each token's user may still make: a bucket for each that has `quota` requests when it is full and fills in `window`.
final class RequestRates: Sendable {
    /// Requests in a full bucket.
    let quota: Int
    /// Seconds in which an empty one is full.
    let window: Int
    /// The header `RateLimit-Policy`.
    let policy: String
    private let buckets: Mutex<[String: Bucket]>
    private let usersMax: Int

    private struct Bucket {
        var left: Double
        /// Monotonic seconds.
        var at: Double
    }

    /// What is left to a user, for the header `RateLimit`.
    struct State: Equatable {
        var isAllowed: Bool
        var remaining: Int
        /// Until the bucket is full; for one who isn't allowed: until he is.
        var seconds: Int
    }

    init(quota: Int, window: Int, usersMax: Int = 10_000) {
        self.quota = quota
        self.window = window
        self.usersMax = usersMax
        policy = "\"burst\";q=\(quota);w=\(window)"
        buckets = Mutex([:])
    }

    /// Counts a request.
    /// - Parameter now: monotonic seconds.
    func take(_ user: String, now: Double) -> State {
        let perSecond = Double(quota) / Double(window)
        return buckets.withLock { buckets in
            if buckets.count >= usersMax && buckets[user] == nil {
                // Who has a full bucket needs none. When all are in use, the newcomer shares the fate of a full house: everybody starts anew.
                buckets = buckets.filter { $0.value.left + (now - $0.value.at) * perSecond < Double(quota) }
                if buckets.count >= usersMax { buckets = [:] }
            }
            var bucket = buckets[user] ?? Bucket(left: Double(quota), at: now)
            bucket.left = min(Double(quota), bucket.left + max(0, now - bucket.at) * perSecond)
            bucket.at = now
            let isAllowed = bucket.left >= 1
            if isAllowed { bucket.left -= 1 }
            buckets[user] = bucket
            let missing = isAllowed ? Double(quota) - bucket.left : 1 - bucket.left
            return State(
                isAllowed: isAllowed, remaining: Int(bucket.left), seconds: max(1, Int((missing / perSecond).rounded(.up))))
        }
    }

    /// The header `RateLimit`.
    static func header(_ state: State) -> String { "\"burst\";r=\(state.remaining);t=\(state.seconds)" }
}

internal import Synchronization

/// Callers whose token was verified a moment ago. To verify a signature, and to ask whether the user is blocked, takes longer than the rest of a small
/// request; a backend sends the same token with each. What ends a token ends it here within a second.
final class CallerMemory: Sendable {
    /// How long a verified token isn't verified again, in seconds.
    static let seconds = 1.0
    /// Tokens that are kept; with one more all are forgotten.
    private static let countMax = 1_024

    private struct Entry {
        var caller: Caller
        /// Monotonic seconds.
        var until: Double
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// The caller with this header Authorization; nil: the token has to be verified.
    /// - Parameter now: monotonic seconds.
    func caller(_ authorization: String, now: Double) -> Caller? {
        entries.withLock { entries in
            guard let entry = entries[authorization], now < entry.until else { return nil }
            return entry.caller
        }
    }

    /// The token was verified.
    func keep(_ caller: Caller, authorization: String, now: Double) {
        entries.withLock { entries in
            if entries.count >= Self.countMax { entries = entries.filter { now < $0.value.until } }
            if entries.count >= Self.countMax { entries = [:] }
            entries[authorization] = Entry(caller: caller, until: now + Self.seconds)
        }
    }
}

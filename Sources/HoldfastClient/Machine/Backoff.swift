/// How long to wait before the next attempt.
enum Backoff {
    /// Full jitter: anything up to the limit, which doubles with each failed attempt; but never less than `atLeast`, what the gateway said.
    static func milliseconds(attempt: UInt8, base: UInt32, max ceiling: UInt32, atLeast: UInt32, random: UInt64) -> UInt64 {
        let doubled = UInt64(base) << UInt64(min(attempt, 20))
        let limit = min(Swift.max(doubled, 1), UInt64(ceiling))
        return Swift.max(random % (limit + 1), UInt64(atLeast))
    }
}

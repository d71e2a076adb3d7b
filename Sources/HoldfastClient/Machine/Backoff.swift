/// How long to wait before the next attempt.
enum Backoff {
    /// The pause before attempt n = 1, 2, … with full jitter: anything up to base × 2ⁿ and to the ceiling (REQ-TIME-7); but never less than
    /// `atLeast`, what the gateway said.
    /// - Parameter failures: attempts in a row that came to nothing, n − 1.
    static func milliseconds(failures: UInt8, base: UInt32, max ceiling: UInt32, atLeast: UInt32, random: UInt64) -> UInt64 {
        let doubled = UInt64(base) << UInt64(min(failures, 20) + 1)
        let limit = min(Swift.max(doubled, 1), UInt64(ceiling))
        return Swift.max(random % (limit + 1), UInt64(atLeast))
    }
}

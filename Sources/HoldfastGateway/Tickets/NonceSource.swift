internal import HoldfastIO

/// Random nonces of 12 bytes. The kernel is asked for many at a time: a call for each is a tenth of what a ticket costs.
struct NonceSource {
    private static let batchCount = 256
    private var bytes: [UInt8] = []
    /// Those before have been given out.
    private var start = 0

    /// A nonce that was never given out before.
    mutating func next() -> InlineArray<12, UInt8> {
        if start == bytes.count { (bytes, start) = (randomBytes(12 * Self.batchCount), 0) }
        defer { start += 12 }
        return InlineArray { bytes[start + $0] }
    }
}

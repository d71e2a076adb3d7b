internal import HoldfastIO

/// Random nonces of 12 bytes. The kernel is asked for many at a time: a call for each is a tenth of what a ticket costs.
struct NonceSource {
    private static let byteCount = 12
    private static let batchCount = 256
    private var bytes: ArraySlice<UInt8> = []

    /// A nonce that was never given out before.
    mutating func next() -> [UInt8] {
        if bytes.isEmpty { bytes = randomBytes(Self.byteCount * Self.batchCount)[...] }
        let nonce = Array(bytes.prefix(Self.byteCount))
        bytes = bytes.dropFirst(Self.byteCount)
        return nonce
    }
}

/// A key of a `LookupCache`.
protocol CacheKey: Hashable, Sendable {
    /// A hash that is the same in every process. What a cache keeps decides what is read and when, and a simulated run must repeat, so
    /// this decision can't follow Swift's own hashes, which are seeded anew in each process. A peer that makes digests collide wins nothing:
    /// two keys with one digest take each other's turn in a full cache.
    var digest: UInt32 { get }
}

extension UInt64: CacheKey {
    // Fibonacci hashing, as in `NumberIndex`.
    var digest: UInt32 { UInt32(truncatingIfNeeded: (self &* 0x9E37_79B9_7F4A_7C15) >> 32) }
}

extension NameKey: CacheKey {
    var digest: UInt32 { CRC32C.checksum(bytes.span, 0..<bytes.count) }
}

extension UserPair: CacheKey {
    var digest: UInt32 { (low.digest &* 31) ^ high.digest }
}

extension DeviceKey: CacheKey {
    var digest: UInt32 { (user.digest &* 31) ^ device.digest }
}

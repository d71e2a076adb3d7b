import HoldfastWire

/// A key of a `LookupCache`.
protocol CacheKey: Hashable, Sendable {
    func hash(_ hash: KeyedHash) -> UInt32
}

extension UInt64: CacheKey {
    func hash(_ hash: KeyedHash) -> UInt32 { UInt32(truncatingIfNeeded: hash.hash(self)) }
}

extension NameKey: CacheKey {
    func hash(_: KeyedHash) -> UInt32 { UInt32(truncatingIfNeeded: bytesHash) }
}

extension UserPair: CacheKey {
    func hash(_ hash: KeyedHash) -> UInt32 { UInt32(truncatingIfNeeded: hash.hash(low, high)) }
}

extension DeviceKey: CacheKey {
    func hash(_ hash: KeyedHash) -> UInt32 { UInt32(truncatingIfNeeded: hash.hash(user, device.bytesHash)) }
}

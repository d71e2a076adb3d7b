import Testing

@testable import HoldfastCore

@Suite struct LookupCacheTests {
    @Test func `answers that are asked for again and again don't make it grow without end`() {
        var cache = LookupCache<UInt64, Int>(cachedMax: 64, KeyedHash(low: 1, high: 2))
        for key in UInt64(0)..<10_000 {
            cache.remember(key, Int(key))
            // The oldest are asked for, so that none of them may go for that alone.
            for old in (key < 200 ? 0 : key - 200)...key { cache.touch(cache.find(old).place) }
        }
        var kept = 0
        for key in UInt64(0)..<10_000 { if case .found = cache.find(key).answer { kept += 1 } }
        #expect(kept <= 64 + 64 / 8 + 1)
    }

    @Test func `rows that the disk doesn't have stay`() {
        var cache = LookupCache<UInt64, Int>(cachedMax: 4, KeyedHash(low: 1, high: 2))
        for key in UInt64(0)..<100 { cache.insert(key, Int(key)) }
        for key in UInt64(0)..<100 { #expect(cache.changed(key) == Int(key)) }
    }

    @Test func `who goes through more keys than fit pushes out nobody else's`() {
        var cache = LookupCache<UInt64, Int>(cachedMax: 64, KeyedHash(low: 1, high: 2))
        for key in UInt64(0)..<64 { cache.rememberIfAskedAgain(key, Int(key)) }
        for key in UInt64(1_000)..<11_000 { cache.rememberIfAskedAgain(key, Int(key)) }
        var kept = 0
        for key in UInt64(0)..<64 { if case .found = cache.find(key).answer { kept += 1 } }
        #expect(kept > 60)
    }

    @Test func `what is asked for again soon comes into a full cache`() {
        var cache = LookupCache<UInt64, Int>(cachedMax: 64, KeyedHash(low: 1, high: 2))
        for key in UInt64(0)..<64 { cache.remember(key, Int(key)) }
        var isTaken = cache.rememberIfAskedAgain(1_000, 1)
        #expect(!isTaken)
        guard case .unknown = cache.find(1_000).answer else { return #expect(Bool(false)) }
        isTaken = cache.rememberIfAskedAgain(1_000, 1)
        #expect(isTaken)
        guard case .found(1) = cache.find(1_000).answer else { return #expect(Bool(false)) }
    }
}

import Testing

@testable import HoldfastCore

@Suite struct LookupCacheTests {
    @Test func `answers that are asked for again and again don't make it grow without end`() {
        var cache = LookupCache<Int, Int>(cachedMax: 64)
        for key in 0..<10_000 {
            cache.remember(key, key)
            // The oldest are asked for, so that none of them may go for that alone.
            for old in max(0, key - 200)...key { _ = cache.find(old) }
        }
        var kept = 0
        for key in 0..<10_000 { if case .found = cache.find(key) { kept += 1 } }
        #expect(kept <= 64 + 64 / 8 + 1)
    }

    @Test func `rows that the disk doesn't have stay`() {
        var cache = LookupCache<Int, Int>(cachedMax: 4)
        for key in 0..<100 { cache.insert(key, key) }
        for key in 0..<100 { #expect(cache.changed(key) == key) }
    }
}

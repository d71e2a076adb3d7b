import HoldfastCore
import HoldfastTestSupport
import Testing

@Suite struct RecipientLimitTests {
    @Test func `names and beginnings of names are allowed, and nothing else`() throws {
        let limit = try #require(RecipientLimit(["alice", "order-*", "*star", "客服-*"]))
        for name in ["alice", "order-", "order-7", "order-*", "*star", "客服-一", "客服-"] { #expect(limit.allows(name), "\(name)") }
        for name in ["", "alic", "alice2", "Alice", "order", "x-order-7", "star", "xstar", "客服", "客"] {
            #expect(!limit.allows(name), "\(name)")
        }
        #expect(limit.names == ["alice", "order-*", "*star", "客服-*"])
    }

    @Test func `an empty list allows nobody, a star alone everybody`() throws {
        let nobody = try #require(RecipientLimit([]))
        #expect(nobody == .nobody && !nobody.allows("alice"))
        #expect(try #require(RecipientLimit(["*"])).allows("alice"))
        // Composed and not: other bytes, other names.
        #expect(!(try #require(RecipientLimit(["\u{E9}"])).allows("e\u{301}")))
        // A sign that is one character with what follows it stays when the star goes.
        let limit = try #require(RecipientLimit(["shop-1\u{600}*"]))
        #expect(limit.allows("shop-1\u{600}2") && !limit.allows("shop-12"))
    }

    @Test func `a list is bounded, and each entry can be a name or the beginning of one`() {
        #expect(RecipientLimit(Array(repeating: "a", count: RecipientLimit.entriesMax)) != nil)
        #expect(RecipientLimit(Array(repeating: "a", count: RecipientLimit.entriesMax + 1)) == nil)
        let long = String(repeating: "x", count: 255)
        #expect(RecipientLimit(Array(repeating: long, count: 7)) != nil)
        #expect(RecipientLimit(Array(repeating: long, count: 8)) == nil)
        #expect(RecipientLimit([long + "*"])?.names == [long + "*"])
        for name in ["", long + "x", long + "x*", "a\u{0}", "a\u{0}*"] { #expect(RecipientLimit([name]) == nil) }
    }

    @Test func `what is stored is read back, and no bytes trap`() throws {
        let limit = try #require(RecipientLimit(["alice", "order-*", "*"]))
        #expect(RecipientLimit(encoded: limit.encoded) == limit)
        #expect(RecipientLimit(encoded: []) == .nobody)
        for count in 1..<limit.encoded.count where count != 7 && count != 15 {
            #expect(RecipientLimit(encoded: limit.encoded[..<count]) == nil)
        }
        #expect(RecipientLimit(encoded: [2, 1, 65]) == nil)
        #expect(RecipientLimit(encoded: [UInt8](repeating: 0, count: 2 * (RecipientLimit.entriesMax + 1))) == nil)
        #expect(RecipientLimit(encoded: [UInt8](repeating: 0, count: RecipientLimit.bytesMax + 2)) == nil)
        var random = SeededRandom(seed: 5)
        for _ in 0..<2_000 {
            let bytes = (0..<random.below(40)).map { _ in UInt8(random.below(random.chance(0.5) ? 3 : 256)) }
            if let read = RecipientLimit(encoded: bytes) {
                #expect(read.encoded == bytes)
                _ = read.allows("alice")
            }
        }
    }
}

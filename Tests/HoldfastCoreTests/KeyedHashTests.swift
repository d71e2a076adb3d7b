import Testing

@testable import HoldfastCore

@Suite struct KeyedHashTests {
    private let hash = KeyedHash(low: 0x0706_0504_0302_0100, high: 0x0F0E_0D0C_0B0A_0908)

    /// Appendix A of the paper, and the reference implementation's `vectors.h`: the input is 00 01 02 …
    @Test(arguments: [(0, 0x726F_DB47_DD0E_0E31), (8, 0x93F5_F579_9A93_2462), (15, 0xA129_CA61_49BE_45E5)] as [(UInt8, UInt64)])
    func `with 2 and 4 rounds it gives the published values`(count: UInt8, value: UInt64) {
        #expect(hash.hash([UInt8](0..<count).span, rounds: (2, 4)) == value)
    }

    @Test func `a word is hashed as its bytes are`() {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
        #expect(hash.hash(0x0807_0605_0403_0201) == hash.hash(bytes.span.extracting(0..<8)))
        #expect(hash.hash(0x0807_0605_0403_0201, 0x100F_0E0D_0C0B_0A09) == hash.hash(bytes.span))
    }

    @Test func `another key is another hash`() {
        #expect(KeyedHash(low: 1, high: 0).hash(7) != KeyedHash(low: 2, high: 0).hash(7))
        #expect(KeyedHash.random() != KeyedHash.random())
    }
}

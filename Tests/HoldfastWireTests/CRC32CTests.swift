import HoldfastWire
import Testing

@Suite struct CRC32CTests {
    /// RFC 3720 appendix B.4, and the check value of CRC catalogues.
    @Test func `known checksums`() {
        #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(checksum(Array(0..<32)) == 0x46DD_794E)
        #expect(checksum([]) == 0)
    }

    @Test func `bytes that are added in parts have the checksum of the whole`() {
        let bytes = [UInt8](0..<100)
        for end in 0...100 {
            var sum = CRC32C()
            sum.add(bytes.span.extracting(0..<end))
            sum.add(bytes.span.extracting(end..<100))
            #expect(sum.value == checksum(bytes))
        }
    }

    private func checksum(_ bytes: [UInt8]) -> UInt32 { CRC32C.checksum(bytes.span, 0..<bytes.count) }
}

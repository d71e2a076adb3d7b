import Testing

@testable import HoldfastIO

@Suite struct ProxyHeaderTests {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    static func header(_ command: UInt8 = 0x21, _ family: UInt8 = 0x11, _ body: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
    }
    static let ipv4: [UInt8] = [203, 0, 113, 9, 10, 0, 0, 1, 0x30, 0x39, 0x1C, 0xEB]
    static let ipv6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 0, count: 16) + [0x01, 0x02, 0x03, 0x04]

    private func parse(_ bytes: [UInt8]) throws -> ProxyHeader.Progress { try ProxyHeader.parse(bytes.span) }
    private func failure(_ bytes: [UInt8]) -> ProxyHeader.Failure? {
        do {
            _ = try ProxyHeader.parse(bytes.span)
            return nil
        } catch { return error }
    }

    @Test func `the source of TCP over IPv4 and IPv6 is read`() throws {
        #expect(try parse(Self.header(0x21, 0x11, Self.ipv4)) == .done(SocketAddress(parsing: "203.0.113.9:12345")))
        #expect(try parse(Self.header(0x21, 0x21, Self.ipv6)) == .done(SocketAddress(parsing: "[2001:db8::7]:258")))
    }

    @Test func `a proxy's own connection and an unspecified one name no source`() throws {
        #expect(try parse(Self.header(0x20, 0x00, [])) == .done(nil))
        #expect(try parse(Self.header(0x20, 0x11, Self.ipv4)) == .done(nil))
        #expect(try parse(Self.header(0x21, 0x00, [1, 2, 3])) == .done(nil))
    }

    @Test func `any beginning of a header asks for bytes of the header only`() throws {
        let whole = Self.header(0x21, 0x11, Self.ipv4 + [4, 0, 2, 9, 9])
        for count in 0..<whole.count {
            guard case .needs(let wanted) = try parse(Array(whole[..<count])) else {
                Issue.record("\(count) bytes were enough")
                return
            }
            #expect(wanted == (count < 16 ? 16 : whole.count))
        }
        #expect(try parse(whole) == .done(SocketAddress(parsing: "203.0.113.9:12345")))
    }

    @Test func `additions are checked, a checksum too`() throws {
        // The check value of CRC-32C.
        #expect(crc32c(Array("123456789".utf8)) == 0xE306_9283)
        let withZeros = Self.header(0x21, 0x11, Self.ipv4 + [3, 0, 4, 0, 0, 0, 0])
        let crc = crc32c(withZeros)
        var good = withZeros
        for index in 0..<4 { good[withZeros.count - 4 + index] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(index))) }
        #expect(try parse(good) == .done(SocketAddress(parsing: "203.0.113.9:12345")))
        good[17] ^= 1
        #expect(failure(good) == .badChecksum)
        #expect(failure(Self.header(0x21, 0x11, Self.ipv4 + [3, 0, 3, 0, 0, 0])) == .malformed)
        #expect(failure(Self.header(0x21, 0x11, Self.ipv4 + [4, 0])) == .malformed)
        #expect(failure(Self.header(0x21, 0x11, Self.ipv4 + [4, 0, 9, 1])) == .malformed)
    }

    @Test func `what isn't a header of version 2 is refused`() {
        #expect(failure(Array("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".utf8)) == .notProxyV2)
        #expect(failure(Array("GET".utf8)) == .notProxyV2)
        #expect(failure(Self.header(0x11, 0x11, Self.ipv4)) == .unsupported)
        #expect(failure(Self.header(0x22, 0x11, Self.ipv4)) == .unsupported)
        #expect(failure(Self.header(0x21, 0x12, Self.ipv4)) == .notTCP)
        #expect(failure(Self.header(0x21, 0x31, [UInt8](repeating: 0, count: 216))) == .notTCP)
        #expect(failure(Self.header(0x21, 0x11, Array(Self.ipv4.dropLast()))) == .malformed)
        #expect(failure(Self.header(0x21, 0x21, Self.ipv4)) == .malformed)
        #expect(failure(Self.signature + [0x21, 0x11, 0xFF, 0xFF]) == .tooLong)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no bytes trap`(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<20_000 {
            var bytes = Self.header(0x21, Bool.random(using: &random) ? 0x11 : 0x21, Self.ipv6 + [3, 0, 4, 1, 2, 3, 4])
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 12..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? ProxyHeader.parse(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))).span)
        }
    }

    // By table, unlike the one that is tested.
    private func crc32c(_ bytes: [UInt8]) -> UInt32 {
        let table = (0..<256 as Range<UInt32>).map {
            (0..<8).reduce($0) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
        }
        return ~bytes.reduce(~0) { $0 >> 8 ^ table[Int(($0 ^ UInt32($1)) & 0xFF)] }
    }
}

import HoldfastTestSupport
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
        #expect(try parse(Self.header(0x21, 0x11, Self.ipv4)) == .done(SocketAddress(parsing: "203.0.113.9:12345"), byteCount: 28))
        #expect(try parse(Self.header(0x21, 0x21, Self.ipv6)) == .done(SocketAddress(parsing: "[2001:db8::7]:258"), byteCount: 52))
    }

    @Test func `a proxy's own connection and an unspecified one name no source`() throws {
        #expect(try parse(Self.header(0x20, 0x00, [])) == .done(nil, byteCount: 16))
        #expect(try parse(Self.header(0x20, 0x11, Self.ipv4)) == .done(nil, byteCount: 28))
        #expect(try parse(Self.header(0x21, 0x00, [1, 2, 3])) == .done(nil, byteCount: 19))
    }

    @Test func `any beginning of a header asks for more, and what follows it isn't its`() throws {
        let line = Array("PROXY TCP4 203.0.113.9 10.0.0.1 12345 7403\r\n".utf8)
        for whole in [Self.header(0x21, 0x11, Self.ipv4 + [4, 0, 2, 9, 9]), line] {
            for count in 0..<whole.count { #expect(try parse(Array(whole[..<count])) == .needsMore) }
            for rest in [[], [0], line] {
                #expect(try parse(whole + rest) == .done(SocketAddress(parsing: "203.0.113.9:12345"), byteCount: whole.count))
            }
        }
    }

    @Test func `additions are checked, a checksum too`() throws {
        // The check value of CRC-32C.
        #expect(crc32c(Array("123456789".utf8)) == 0xE306_9283)
        let withZeros = Self.header(0x21, 0x11, Self.ipv4 + [3, 0, 4, 0, 0, 0, 0])
        let crc = crc32c(withZeros)
        var good = withZeros
        for index in 0..<4 { good[withZeros.count - 4 + index] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(index))) }
        #expect(try parse(good) == .done(SocketAddress(parsing: "203.0.113.9:12345"), byteCount: good.count))
        good[17] ^= 1
        #expect(failure(good) == .badChecksum)
        #expect(failure(Self.header(0x21, 0x11, Self.ipv4 + [3, 0, 3, 0, 0, 0])) == .malformed)
        #expect(failure(Self.header(0x21, 0x11, Self.ipv4 + [4, 0])) == .malformed)
        #expect(failure(Self.header(0x21, 0x11, Self.ipv4 + [4, 0, 9, 1])) == .malformed)
    }

    private static func line(_ rest: String) -> [UInt8] { Array("PROXY \(rest)\r\n".utf8) }

    @Test func `a line of version 1 names the source`() throws {
        for (rest, source) in [
            ("TCP4 255.255.255.255 255.255.255.255 65535 65535", "255.255.255.255:65535"), ("TCP4 1.2.3.4 0.0.0.0 0 0", "1.2.3.4:0"),
            ("TCP6 2001:db8::7 ::1 258 443", "[2001:db8::7]:258"), ("TCP6 FFFF:f:F:f:f:f:f:FFFF ::1 1 2", "[ffff:f:f:f:f:f:f:ffff]:1"),
            // As nginx writes an IPv4 address on a socket for both.
            ("TCP6 ::ffff:203.0.113.9 ::ffff:10.0.0.1 5 6", "203.0.113.9:5"),
        ] {
            let line = Self.line(rest)
            #expect(try parse(line) == .done(SocketAddress(parsing: source), byteCount: line.count))
        }
        for rest in ["UNKNOWN", "UNKNOWN ffff:: ffff:: 65535 65535", "UNKNOWN \r whatever", "UNKNOWN " + String(repeating: "x", count: 91)]
        {
            let line = Self.line(rest)
            #expect(try parse(line) == .done(nil, byteCount: line.count))
        }
        #expect(Self.line("UNKNOWN " + String(repeating: "x", count: 91)).count == ProxyHeader.lineBytesMax)
    }

    @Test(arguments: [
        "TCP4", "TCP4 1.2.3.4", "TCP4 1.2.3.4 5.6.7.8 1", "TCP4 1.2.3.4 5.6.7.8 1 2 3", "TCP4  1.2.3.4 5.6.7.8 1 2",
        "TCP4 1.2.3.4 5.6.7.8 1 2 ",
        "TCP4 01.2.3.4 5.6.7.8 1 2", "TCP4 256.2.3.4 5.6.7.8 1 2", "TCP4 1.2.3 5.6.7.8 1 2", "TCP4 1.2.3.4.5 5.6.7.8 1 2",
        "TCP4 1.2..4 5.6.7.8 1 2",
        "TCP4 0x1.2.3.4 5.6.7.8 1 2", "TCP4 ::1 ::1 1 2", "TCP4 1.2.3.4 5.6.7.8 65536 2", "TCP4 1.2.3.4 5.6.7.8 01 2",
        "TCP4 1.2.3.4 5.6.7.8 -1 2",
        "TCP4 1.2.3.4 5.6.7.8 1 +2", "TCP4 1.2.3.4 5.6.7 1 2", "TCP6 1.2.3.4 5.6.7.8 1 2", "TCP6 :::1 ::1 1 2", "TCP6 fe80::1%lo ::1 1 2",
        "TCP6 1::2::3 ::1 1 2", "TCP6 12345::1 ::1 1 2", "TCP4 1.2.3.4 5.6.7.8 1 2\nx",
    ])
    func `a line that isn't written as version 1 prescribes is refused`(_ rest: String) {
        #expect(failure(Self.line(rest)) == .malformed)
    }

    @Test func `a line has its family and its end`() throws {
        #expect(failure(Self.line("TCP5 1.2.3.4 5.6.7.8 1 2")) == .notTCP)
        #expect(failure(Self.line("UDP4 1.2.3.4 5.6.7.8 1 2")) == .notTCP)
        #expect(failure(Self.line("")) == .notTCP)
        #expect(failure(Array("PROXY UNKNOWN\n".utf8)) == .malformed)
        #expect(failure(Self.line("UNKNOWN a\nb")) == .malformed, "whole or not")
        let endless = Array("PROXY UNKNOWN ".utf8) + [UInt8](repeating: 0x78, count: 200)
        #expect(failure(endless) == .tooLong)
        #expect(failure(Array(endless[..<107])) == .tooLong)
        #expect(try parse(Array(endless[..<106])) == .needsMore)
        #expect(failure(Self.line("UNKNOWN " + String(repeating: "x", count: 92))) == .tooLong)
    }

    @Test func `the beginnings of headers are told from others`() {
        func signature(_ text: String) -> ProxyHeader.Signature { ProxyHeader.signature(Array(text.utf8).span) }
        #expect(
            signature("") == .partial && signature("P") == .partial && signature("PROXY") == .partial && signature("\r\n\r\n") == .partial)
        #expect(signature("PROXY ") == .version1 && signature("PROXY TCP4") == .version1)
        #expect(ProxyHeader.signature(Self.signature.span) == .version2)
        #expect(signature("POST / HTTP") == .none && signature("PROXY\r") == .none && signature("\r\n\r\nGET") == .none)
    }

    @Test func `what isn't a header is refused`() {
        #expect(failure(Array("GET".utf8)) == .missing)
        #expect(failure([0x8C, 0x48, 0x46, 0x44]) == .missing)
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
        var random = SeededRandom(seed: seed)
        for _ in 0..<20_000 {
            var bytes = Self.header(0x21, Bool.random(using: &random) ? 0x11 : 0x21, Self.ipv6 + [3, 0, 4, 1, 2, 3, 4])
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 12..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? ProxyHeader.parse(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))).span)
            var line = Self.line("TCP6 2001:db8::7 ::ffff:1.2.3.4 258 443")
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                line[Int.random(in: 6..<line.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? ProxyHeader.parse(Array(line.prefix(Int.random(in: 0...line.count, using: &random))).span)
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

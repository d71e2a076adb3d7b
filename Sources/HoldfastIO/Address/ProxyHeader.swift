/// The PROXY protocol, version 2: how a proxy tells whose connection it passes on. Version 1, which is text, isn't spoken.
package enum ProxyHeader {
    /// Why bytes aren't a header.
    package enum Failure: Error, Equatable {
        /// They don't begin as one.
        case notProxyV2
        /// Another version or command.
        case unsupported
        /// A family that isn't TCP over IPv4 or IPv6.
        case notTCP
        /// Longer than `byteCountMax`.
        case tooLong
        /// The parts don't fit its length.
        case malformed
        /// The checksum that it carries is wrong.
        case badChecksum
    }

    /// What can be said after the bytes so far.
    package enum Progress: Equatable {
        /// The header has at least this many bytes. (Its own ones: none beyond the header is ever asked for.)
        case needs(Int)
        /// The header is whole, and names this source; nil for a connection of the proxy's own, like a health check.
        case done(SocketAddress?)
    }

    /// The longest header that is read: addresses, and room for what a proxy adds about TLS.
    package static let byteCountMax = 2048
    private static let fixedCount = 16
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    /// Parses a header from its first byte on. `bytes` must not go beyond what `.needs` asked for.
    package static func parse(_ bytes: Span<UInt8>) throws(Failure) -> Progress {
        for index in 0..<min(bytes.count, signature.count) where bytes[index] != signature[index] { throw .notProxyV2 }
        guard bytes.count >= fixedCount else { return .needs(fixedCount) }
        guard bytes[12] >> 4 == 2, bytes[12] & 0xF <= 1 else { throw .unsupported }
        let isLocal = bytes[12] & 0xF == 0
        let count = fixedCount + Int(bytes[14]) << 8 + Int(bytes[15])
        guard count <= byteCountMax else { throw .tooLong }
        guard bytes.count >= count else { return .needs(count) }
        guard bytes.count == count else { throw .malformed }
        // A proxy may leave the family of its own connections open, and says nothing by it.
        if isLocal || bytes[13] == 0 { return .done(nil) }
        let source: SocketAddress
        let addressesEnd: Int
        switch bytes[13] {
        case 0x11:
            addressesEnd = fixedCount + 12
            guard count >= addressesEnd else { throw .malformed }
            source = SocketAddress(ipv4: UInt32(number(bytes, at: 16, count: 4)), port: UInt16(number(bytes, at: 24, count: 2)))
        case 0x21:
            addressesEnd = fixedCount + 36
            guard count >= addressesEnd else { throw .malformed }
            source = SocketAddress(
                high: number(bytes, at: 16, count: 8), low: number(bytes, at: 24, count: 8), port: UInt16(number(bytes, at: 48, count: 2)))
        default:
            throw .notTCP
        }
        try checkAdditions(bytes, from: addressesEnd)
        return .done(source)
    }

    // Additions are type, length (2 bytes), value; the one of type 3 is a CRC-32C of the header with its own value as 0.
    private static func checkAdditions(_ bytes: Span<UInt8>, from start: Int) throws(Failure) {
        var index = start
        while index < bytes.count {
            guard index + 3 <= bytes.count else { throw .malformed }
            let count = Int(number(bytes, at: index + 1, count: 2))
            let value = index + 3
            guard value + count <= bytes.count else { throw .malformed }
            if bytes[index] == 3 {
                guard count == 4 else { throw .malformed }
                let given = UInt32(number(bytes, at: value, count: 4))
                guard given == checksum(bytes, zeroing: value..<value + 4) else { throw .badChecksum }
            }
            index = value + count
        }
    }

    private static func number(_ bytes: Span<UInt8>, at start: Int, count: Int) -> UInt64 {
        (start..<start + count).reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    }

    // Bit by bit: it is a few bytes, once per connection.
    private static func checksum(_ bytes: Span<UInt8>, zeroing zeroed: Range<Int>) -> UInt32 {
        var crc: UInt32 = ~0
        for index in bytes.indices {
            crc ^= zeroed.contains(index) ? 0 : UInt32(bytes[index])
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        return ~crc
    }
}

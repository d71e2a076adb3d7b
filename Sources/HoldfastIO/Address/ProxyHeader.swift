/// The PROXY protocol, versions 1 and 2: how a proxy tells whose connection it passes on.
package enum ProxyHeader {
    /// Why bytes aren't a header.
    package enum Failure: Error, Equatable {
        /// They don't begin as one.
        case missing
        /// Another version or command.
        case unsupported
        /// A family that isn't TCP over IPv4 or IPv6.
        case notTCP
        /// Longer than a header may be.
        case tooLong
        /// The parts don't fit its length, or aren't written as the version prescribes.
        case malformed
        /// The checksum that it carries is wrong.
        case badChecksum
        /// The connection ended, or its time was over, in the middle of it.
        case cut
    }

    /// What can be said after the bytes so far.
    package enum Progress: Equatable {
        /// All bytes so far belong to the header, and more do.
        case needsMore
        /// The header is whole, has this many bytes, and names this source; nil for a connection of the proxy's own, like a health check.
        case done(SocketAddress?, byteCount: Int)
    }

    /// How the beginning of a connection compares with the beginnings of headers.
    package enum Signature {
        /// No header begins like this.
        case none
        /// Too few bytes to tell.
        case partial
        case version1
        case version2
    }

    /// The longest header that is read: addresses, and room for what a proxy adds about TLS.
    package static let byteCountMax = 2048
    private static let fixedCount = 16
    private static let signature1: [UInt8] = Array("PROXY ".utf8)
    private static let signature2: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    /// Compares the first bytes of a connection with what headers begin with.
    package static func signature(_ bytes: Span<UInt8>) -> Signature {
        if begins(bytes, as: signature1) { return bytes.count >= signature1.count ? .version1 : .partial }
        if begins(bytes, as: signature2) { return bytes.count >= signature2.count ? .version2 : .partial }
        return .none
    }

    /// Parses a header from its first byte on; `bytes` may go beyond it.
    package static func parse(_ bytes: Span<UInt8>) throws(Failure) -> Progress {
        switch signature(bytes) {
        case .none: throw .missing
        case .partial: .needsMore
        case .version1: try parseLine(bytes, from: signature1.count)
        case .version2: try parseBinary(bytes)
        }
    }

    // As far as both go.
    private static func begins(_ bytes: Span<UInt8>, as signature: [UInt8]) -> Bool {
        for index in 0..<min(bytes.count, signature.count) where bytes[index] != signature[index] { return false }
        return true
    }

    private static func parseBinary(_ bytes: Span<UInt8>) throws(Failure) -> Progress {
        guard bytes.count >= fixedCount else { return .needsMore }
        guard bytes[12] >> 4 == 2, bytes[12] & 0xF <= 1 else { throw .unsupported }
        let isLocal = bytes[12] & 0xF == 0
        let count = fixedCount + Int(bytes[14]) << 8 + Int(bytes[15])
        guard count <= byteCountMax else { throw .tooLong }
        guard bytes.count >= count else { return .needsMore }
        // A proxy may leave the family of its own connections open, and says nothing by it.
        if isLocal || bytes[13] == 0 { return .done(nil, byteCount: count) }
        let header = bytes.extracting(0..<count)
        let source: SocketAddress
        let addressesEnd: Int
        switch header[13] {
        case 0x11:
            addressesEnd = fixedCount + 12
            guard count >= addressesEnd else { throw .malformed }
            source = SocketAddress(ipv4: UInt32(number(header, at: 16, count: 4)), port: UInt16(number(header, at: 24, count: 2)))
        case 0x21:
            addressesEnd = fixedCount + 36
            guard count >= addressesEnd else { throw .malformed }
            source = SocketAddress(
                high: number(header, at: 16, count: 8), low: number(header, at: 24, count: 8),
                port: UInt16(number(header, at: 48, count: 2)))
        default:
            throw .notTCP
        }
        try checkAdditions(header, from: addressesEnd)
        return .done(source, byteCount: count)
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

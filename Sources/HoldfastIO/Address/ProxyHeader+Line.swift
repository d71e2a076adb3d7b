/// Version 1: one line of text, `PROXY TCP4 SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT` and CR LF.
extension ProxyHeader {
    /// The longest line, CR and LF included.
    package static let lineBytesMax = 107

    /// Parses the line; what comes before `start` is known.
    static func parseLine(_ bytes: Span<UInt8>, from start: Int) throws(Failure) -> Progress {
        let end = lineEnd(bytes, from: start)
        // A line feed without what belongs before it ends no line, and nothing else may hold one: the same whether the line is whole or not.
        for index in start..<(end ?? min(bytes.count, lineBytesMax)) where bytes[index] == lineFeed { throw .malformed }
        guard let end else {
            guard bytes.count < lineBytesMax else { throw .tooLong }
            return .needsMore
        }
        let byteCount = end + 2
        let fields = split(bytes.extracting(start..<end))
        // The rest of such a line says nothing, whatever it is.
        if fields.first == Array("UNKNOWN".utf8) { return .done(nil, byteCount: byteCount) }
        let isIPv4: Bool
        switch fields.first {
        case Array("TCP4".utf8): isIPv4 = true
        case Array("TCP6".utf8): isIPv4 = false
        default: throw .notTCP
        }
        guard fields.count == 5, let source = address(fields[1], isIPv4: isIPv4, port: port(fields[3])),
            address(fields[2], isIPv4: isIPv4, port: port(fields[4])) != nil
        else { throw .malformed }
        return .done(source, byteCount: byteCount)
    }

    private static let carriageReturn: UInt8 = 0x0D
    private static let lineFeed: UInt8 = 0x0A

    /// Where CR LF stands, within the longest line.
    private static func lineEnd(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        for index in start..<max(start, min(bytes.count, lineBytesMax) - 1) where bytes[index] == carriageReturn {
            if bytes[index + 1] == lineFeed { return index }
        }
        return nil
    }

    /// The fields between single spaces; two spaces in a row make an empty one.
    private static func split(_ line: Span<UInt8>) -> [[UInt8]] {
        var fields: [[UInt8]] = [[]]
        for index in line.indices {
            if line[index] == UInt8(ascii: " ") { fields.append([]) } else { fields[fields.count - 1].append(line[index]) }
        }
        return fields
    }

    private static func address(_ text: [UInt8], isIPv4: Bool, port: UInt16?) -> SocketAddress? {
        guard let port else { return nil }
        return isIPv4 ? ipv4(text).map { SocketAddress(ipv4: $0, port: port) } : ipv6(text, port: port)
    }

    private static func port(_ text: [UInt8]) -> UInt16? { decimal(text, max: 65_535).map { UInt16($0) } }

    /// Four numbers of 0 to 255. (Parsers of the system take other notations.)
    private static func ipv4(_ text: [UInt8]) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let number = decimal(Array(part), max: 255) else { return nil }
            value = value << 8 | number
        }
        return value
    }

    /// As the system writes it, with the dotted end that some proxies give an IPv4 address. No zone, which means nothing elsewhere.
    private static func ipv6(_ text: [UInt8], port: UInt16) -> SocketAddress? {
        guard text.contains(UInt8(ascii: ":")), !text.contains(UInt8(ascii: "%")) else { return nil }
        return try? SocketAddress.parseHost(String(decoding: text, as: UTF8.self), port: port)
    }

    /// Digits without a needless zero in front, which some would read as octal.
    private static func decimal(_ text: [UInt8], max: UInt32) -> UInt32? {
        guard (1...5).contains(text.count), text.count == 1 || text[0] != UInt8(ascii: "0") else { return nil }
        var value: UInt32 = 0
        for byte in text {
            guard case UInt8(ascii: "0")...UInt8(ascii: "9") = byte else { return nil }
            value = value * 10 + UInt32(byte - UInt8(ascii: "0"))
        }
        return value <= max ? value : nil
    }
}

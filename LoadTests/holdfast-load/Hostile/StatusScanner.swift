/// Finds the status lines of HTTP/1.1 in what a server says, wherever that is cut.
struct StatusScanner {
    /// What came last, as far as a status line may have begun in it.
    private var tail: [UInt8] = []

    private static let version = Array("HTTP/1.1 ".utf8)
    private static let digits = 3

    /// The statuses in what came, each as three digits.
    mutating func statuses(in bytes: Span<UInt8>) -> [String] {
        let text = tail + bytes.indices.map { bytes[$0] }
        let length = Self.version.count + Self.digits
        var found: [String] = []
        var offset = 0
        while offset + length <= text.count {
            let end = offset + Self.version.count
            let digits = text[end..<(end + Self.digits)]
            if text[offset] == Self.version[0], text[offset..<end].elementsEqual(Self.version),
                digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
            {
                found.append(String(decoding: digits, as: UTF8.self))
                offset += length
            } else {
                offset += 1
            }
        }
        tail = Array(text[offset...])
        return found
    }
}

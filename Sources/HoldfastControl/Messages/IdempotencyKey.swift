/// The header Idempotency-Key: a string of the structured fields (RFC 8941, 3.3.3), in double quotes.
package enum IdempotencyKey {
    package static let bytesMax = 255

    /// The characters between the quotes; nil: it is no such string.
    package static func parse(_ value: String) -> [UInt8]? {
        var rest = Array(value.utf8)[...]
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var key: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return rest.isEmpty && (1...bytesMax).contains(key.count) ? key : nil
            case UInt8(ascii: "\\"):
                guard let next = rest.popFirst(), next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") else { return nil }
                key.append(next)
            case 0x20...0x7E: key.append(byte)
            default: return nil
            }
        }
        return nil
    }
}

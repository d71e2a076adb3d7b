internal import HTTPTypes
internal import HoldfastCore
internal import HoldfastGateway

/// The header Idempotency-Key: a string of the structured fields (RFC 8941, 3.3.3), in double quotes.
enum IdempotencyKey {
    static let bytesMax = 255

    /// What the ledger knows the request by.
    static func requestKey(_ request: ControlRequest) throws(Problem) -> RequestKey {
        guard let caller = request.caller else { preconditionFailure("what has a key has a caller") }
        let values = request.headers[values: .idempotencyKey]
        guard let value = values.first else { throw Problem(.keyMissing, "There is no header Idempotency-Key.") }
        guard values.count == 1, let key = parse(value) else {
            throw Problem(.keyMalformed, "\(value.prefix(100)) is not a quoted string of 1 to \(bytesMax) visible characters.")
        }
        return RequestHash.key(subject: caller.subject, key: key)
    }

    /// The characters between the quotes; nil: it is no such string.
    static func parse(_ value: String) -> [UInt8]? {
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

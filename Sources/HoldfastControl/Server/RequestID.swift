internal import HTTPTypes

/// What ties an answer, a problem and the lines of the log to a request.
package enum RequestID {
    private static let bytesMax = 64

    /// The client's, if it is 1 to 64 letters, digits, dots, dashes and underscores; else a new one.
    static func of(_ headers: HTTPFields) -> String {
        guard let given = headers[.requestID], isGood(given) else { return make() }
        return given
    }

    package static func isGood(_ text: String) -> Bool {
        (1...bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// A new one, of 16 hexadecimal digits.
    package static func make() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension HTTPField.Name {
    static let requestID = Self("Request-Id") ?? .date
    static let rateLimit = Self("RateLimit") ?? .date
    static let rateLimitPolicy = Self("RateLimit-Policy") ?? .date
    static let idempotencyKey = Self("Idempotency-Key") ?? .date
    static let lastEventID = Self("Last-Event-ID") ?? .date
}

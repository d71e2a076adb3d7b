internal import HoldfastGateway

/// Why a request isn't answered as it hoped: a problem document (RFC 9457).
package struct Problem: Error, Equatable {
    package let kind: ProblemKind
    /// What was wrong this time, with the limit that is broken.
    package var detail: String
    /// The field of the body that is at fault (RFC 6901); nil: none is.
    package var pointer: String?
    /// Seconds after which the same request may be answered; nil: not by waiting.
    var retryAfterSeconds: Int?
    /// The methods that the path has, for `methodNotAllowed`.
    var allowed: [String] = []

    init(_ kind: ProblemKind, _ detail: String, at pointer: String? = nil, retryAfterSeconds: Int? = nil) {
        self.kind = kind
        self.detail = detail
        self.pointer = pointer
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The field at the pointer, or the whole body for an empty one, is not as the schema has it.
    static func field(_ pointer: String, _ detail: String) -> Problem { Problem(.invalidField, detail, at: pointer) }

    /// The document.
    func json(requestID: String) -> [UInt8] {
        JSONWriter.object { write(to: &$0, requestID: requestID) }
    }

    /// Its members.
    func write(to json: inout JSONWriter, requestID: String) {
        json.add("type", kind.type)
        json.add("title", kind.title)
        json.add("status", kind.status)
        json.add("detail", detail)
        json.add("pointer", pointer)
        json.add("action", kind.action)
        json.add("requestId", requestID)
    }
}

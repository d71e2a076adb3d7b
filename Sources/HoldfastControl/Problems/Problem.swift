internal import HTTPTypes
internal import HoldfastGateway
internal import HummingbirdCore
internal import NIOCore

/// Why a request isn't answered as it hoped: a problem document (RFC 9457).
struct Problem: Error, Equatable {
    let kind: ProblemKind
    /// What was wrong this time, with the limit that is broken.
    var detail: String
    /// The field of the body that is at fault (RFC 6901); nil: none is.
    var pointer: String?
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

    /// The answer, without its request id.
    func response(requestID: String) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = Self.contentType
        if let retryAfterSeconds { headers[.retryAfter] = String(retryAfterSeconds) }
        if !allowed.isEmpty { headers[.allow] = allowed.joined(separator: ", ") }
        switch kind {
        case .tokenMissing: headers[.wwwAuthenticate] = "Bearer"
        case .tokenInvalid, .tokenExpired, .tokenRevoked: headers[.wwwAuthenticate] = "Bearer error=\"invalid_token\""
        case .scopeMissing: headers[.wwwAuthenticate] = "Bearer error=\"insufficient_scope\""
        default: break
        }
        return Response(
            status: .init(code: kind.status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json(requestID: requestID))))
    }

    static let contentType = "application/problem+json"
}

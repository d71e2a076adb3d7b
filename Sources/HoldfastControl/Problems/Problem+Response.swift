internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

extension Problem {
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

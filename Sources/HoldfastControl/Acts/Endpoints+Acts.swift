internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastWire
internal import HummingbirdCore

extension Endpoints {
    /// Ends a session.
    func revokeSession(_ request: ControlRequest) async throws(Problem) -> Response {
        try await act(.revokeSession(SessionID(rawValue: try request.match.number64("session"))), request)
    }

    /// Ends the session of a device.
    func revokeDevice(_ request: ControlRequest) async throws(Problem) -> Response {
        try await act(.revokeDevice(try request.match.name("device", bytesMax: WireLimits.deviceBytesMax)), request)
    }

    /// Ends all sessions of a user, and refuses tokens that were issued before a time.
    func revokeTokens(_ request: ControlRequest) async throws(Problem) -> Response {
        var fields = try JSONFields(Problem.parse(request.body))
        guard let before = try fields.seconds("before") else { throw .field("/before", "The field is missing.") }
        try fields.finish()
        return try await act(.revokeTokens(before: before), request, time: "/before")
    }

    /// Keeps a user out.
    func blockUser(_ request: ControlRequest) async throws(Problem) -> Response {
        var fields = try JSONFields(Problem.parse(request.body))
        let until = try fields.seconds("until") ?? 0
        let reason = try fields.text("reason", bytes: 1...Self.reasonBytesMax) ?? ""
        try fields.finish()
        return try await act(.block(until: until, reason: Array(reason.utf8)), request, time: "/until")
    }

    private static let reasonBytesMax = 255

    /// Lets a user in again.
    func unblockUser(_ request: ControlRequest) async throws(Problem) -> Response { try await act(.unblock, request) }

    /// Closes a user's connections, or one session's.
    func disconnectUser(_ request: ControlRequest) async throws(Problem) -> Response {
        var fields = try JSONFields(Problem.parse(request.body))
        let session = try fields.number64("session")
        let seconds = try fields.integer("retryAfterSeconds", 0...Self.retrySecondsMax) ?? 0
        try fields.finish()
        let milliseconds = UInt32(seconds) * 1_000
        return try await act(
            session.map { .disconnectSession(SessionID(rawValue: $0), retryAfterMilliseconds: milliseconds) }
                ?? .disconnect(retryAfterMilliseconds: milliseconds), request)
    }

    private static let retrySecondsMax = 3_600

    /// - Parameter time: the field that says one, for the problem with it.
    private func act(_ act: Act, _ request: ControlRequest, time: String? = nil) async throws(Problem) -> Response {
        let name = try request.match.name("user")
        let (port, actor) = (try port, caller(request).actor)
        let user = String(decoding: name, as: UTF8.self)
        guard
            case .acted(let result, at: let position) = try await answered({ () throws(PortError) in
                try await port.act(act, on: name, by: actor, requestID: Array(request.id.utf8))
            })
        else { throw Problem.userLost }
        switch result.outcome {
        case .done, .unchanged: break
        case .unknownUser: throw Problem(.unknownUser, "Nobody is called \"\(user)\".")
        case .unknownSession: throw Problem(.unknownSession, "\"\(user)\" has no such session.")
        case .unknownDevice: throw Problem(.unknownDevice, "\"\(user)\" has no session on a device of this name.")
        case .wrongTime: throw .field(time ?? "", "The time can't be meant: it lies on the wrong side of now.")
        }
        return .json { json in
            json.add("outcome", "\(result.outcome)")
            json.add("sessionsEnded", result.sessionsEnded)
            json.add("connectionsClosed", result.connectionsClosed)
            json.add("position", position.rawValue)
        }
    }

    /// A page of the audit log.
    func audit(_ request: ControlRequest) async throws(Problem) -> Response {
        let (after, limit) = (Position(rawValue: try request.match.optionalNumber64("after") ?? 0), try request.match.limit())
        let port = try port
        guard case .audit(let page, _) = try await answered({ () throws(PortError) in try await port.audit(after: after, limit: limit) })
        else { preconditionFailure("a question about the audit log is answered by a page") }
        return .json { json in
            json.add("entries", list: page.entries) { $1.write(to: &$0) }
            json.add("next", page.hasMore ? page.entries.last?.position.rawValue : nil)
        }
    }
}

package import HTTPTypes
package import HoldfastGateway

/// Every operation of the control API. The raw value is its `operationId` in `Protocol/openapi.yaml`; a test keeps paths, methods and answers equal.
package enum Operation: String, CaseIterable, Sendable {
    case getHealth, getReadiness, getMetrics, getSpecification
    case getBuild, getLimits, getConfiguration
    case pushMessage, uploadMessages, getUpload, getMessage
    case listUsers, getUser, getReachability, listConnections
    case revokeSession, revokeDevice, revokeTokens, blockUser, unblockUser, disconnectUser, listAudit
    case getEvents, listConsumers, getConsumer, setConsumer, moveConsumer, removeConsumer

    /// What an operation takes and gives.
    package struct Facts {
        package var method: HTTPRequest.Method
        /// With names of parameters in braces; each takes a whole segment.
        package var path: String
        /// What the caller must be allowed; nil: anybody may call it.
        package var scope: TokenScopes?
        /// The content type of the body; nil: there is none.
        var contentType: String?
        /// The names of the query's parameters.
        package var query: [String] = []
        /// The status of its success, and the problems that are its own.
        var success = 200
        var problems: [ProblemKind] = []
    }

    package var facts: Facts {
        guard let facts = Self.table[self] else { preconditionFailure("every operation is in the table") }
        return facts
    }

    private static let table = Dictionary(uniqueKeysWithValues: allCases.map { ($0, $0.listed) })

    private var listed: Facts {
        switch self {
        case .getHealth: Facts(method: .get, path: "/healthz")
        case .getReadiness: Facts(method: .get, path: "/readyz", problems: [.stopping])
        case .getMetrics: Facts(method: .get, path: "/metrics")
        case .getSpecification: Facts(method: .get, path: "/openapi.yaml")
        case .getBuild: Facts(method: .get, path: "/v1/build", scope: .read)
        case .getLimits: Facts(method: .get, path: "/v1/limits", scope: .read)
        case .getConfiguration: Facts(method: .get, path: "/v1/configuration", scope: .operate)
        case .pushMessage:
            Facts(
                method: .post, path: "/v1/messages", scope: .push, contentType: Self.json,
                problems: Self.keyProblems + [.keyReused, .recipientForbidden, .storageFull, .userLost])
        case .uploadMessages:
            Facts(
                method: .post, path: "/v1/messages:stream", scope: .push, contentType: Self.ndjson, query: ["firstLine"],
                problems: Self.keyProblems + [.keyReused, .uploadGap])
        case .getUpload: Facts(method: .get, path: "/v1/uploads/{key}", scope: .push, problems: [.unknownKey])
        case .getMessage: Facts(method: .get, path: "/v1/messages/{position}", scope: .read, problems: [.unknownMessage])
        case .listUsers: Facts(method: .get, path: "/v1/users", scope: .read, query: ["prefix", "after", "limit"])
        case .getUser: Facts(method: .get, path: "/v1/users/{user}", scope: .read, problems: [.unknownUser, .userLost])
        case .getReachability: Facts(method: .post, path: "/v1/users:reachability", scope: .read, contentType: Self.json)
        case .listConnections: Facts(method: .get, path: "/v1/connections", scope: .read, query: ["user", "from", "limit"])
        case .revokeSession: Self.act(.delete, "/sessions/{session}", [.unknownSession])
        case .revokeDevice: Self.act(.delete, "/devices/{device}", [.unknownDevice])
        case .revokeTokens: Self.act(.post, "/revoke", body: Self.json)
        case .blockUser: Self.act(.put, "/block", body: Self.json)
        case .unblockUser: Self.act(.delete, "/block")
        case .disconnectUser: Self.act(.post, "/disconnect", [.unknownSession], body: Self.json)
        case .listAudit: Facts(method: .get, path: "/v1/audit", scope: .operate, query: ["after", "limit"])
        case .getEvents:
            Facts(
                method: .get, path: "/v1/events", scope: .events,
                query: ["after", "consumer", "types", "user", "tag", "wait", "limit", "bodies"], problems: [.cursorAhead, .unknownConsumer])
        case .listConsumers: Facts(method: .get, path: "/v1/consumers", scope: .events)
        case .getConsumer: Self.consumer(.get)
        case .setConsumer: Self.consumer(.put, problems: [.cursorAhead, .consumersFull, .tooManyDevices], body: Self.json)
        case .moveConsumer: Self.consumer(.post, "/cursor", problems: [.cursorAhead, .tooManyDevices], body: Self.json)
        case .removeConsumer: Self.consumer(.delete)
        }
    }

    /// An act of an operator's on a user.
    private static func act(
        _ method: HTTPRequest.Method, _ path: String, _ problems: [ProblemKind] = [], body: String? = nil
    ) -> Facts {
        Facts(
            method: method, path: "/v1/users/{user}" + path, scope: .operate, contentType: body,
            problems: [.unknownUser, .userLost] + problems)
    }

    private static func consumer(
        _ method: HTTPRequest.Method, _ path: String = "", problems: [ProblemKind] = [], body: String? = nil
    ) -> Facts {
        Facts(
            method: method, path: "/v1/consumers/{consumer}" + path, scope: .events, contentType: body,
            problems: [.unknownConsumer] + problems)
    }

    private static let json = "application/json"
    private static let ndjson = "application/x-ndjson"
    private static let keyProblems: [ProblemKind] = [.keyMissing, .keyMalformed, .keyUnderWay, .keysFull]

    /// Whether its body may be of any length and is answered while it comes.
    package var isUpload: Bool { self == .uploadMessages }

    /// Whether it is among those of `metricsListen`, and is answered however much is under way: probes must see a gateway that is busy.
    var isProbe: Bool {
        switch self {
        case .getHealth, .getReadiness, .getMetrics: true
        default: false
        }
    }

    /// All problems that it can answer with, those of any request included.
    package var problems: Set<ProblemKind> {
        let facts = facts
        var problems: Set<ProblemKind> = [.malformedRequest, .misdirected, .originForbidden, .headTooLarge, .internalError]
        problems.formUnion(facts.problems)
        if facts.path.contains("{") || !facts.query.isEmpty || facts.contentType == nil { problems.insert(.invalidParameter) }
        if facts.scope != nil {
            problems.formUnion([
                .tokenMissing, .tokenInvalid, .tokenExpired, .roleMissing, .scopeMissing, .rateLimited, .tokenRevoked, .blocked, .userLost,
            ])
        }
        if !isProbe { problems.formUnion([.overloaded, .stopping]) }
        if facts.contentType != nil { problems.insert(.wrongContentType) }
        // What is wrong with an upload's line is told in the line that answers it.
        if facts.contentType != nil && !isUpload { problems.formUnion([.bodyTooLarge, .malformedJSON, .invalidField]) }
        return problems
    }

    /// Whether a request's body may be of any length.
    package static func isUpload(_ head: HTTPRequest) -> Bool {
        guard head.method == .post, let path = head.path else { return false }
        return allCases.contains { $0.isUpload && path.prefix { $0 != "?" } == $0.facts.path }
    }
}

internal import HTTPTypes
internal import HoldfastGateway
internal import HummingbirdCore
internal import NIOCore

/// Carries out the operations.
struct Endpoints: Sendable {
    let gateway: Gateway
    let access: ControlAccess
    let configuration: Configuration
    let limits: ControlLimits
    let metrics: MetricsPage

    /// The core's door.
    var port: CorePort {
        get throws(Problem) {
            guard let port = gateway.port else { throw Problem(.stopping, "The gateway doesn't serve yet.", retryAfterSeconds: 1) }
            return port
        }
    }

    /// Who makes the request.
    func caller(_ request: ControlRequest) -> Caller {
        guard let caller = request.caller else { preconditionFailure("an operation with a scope has a caller") }
        return caller
    }

    func answer(_ request: ControlRequest) async throws -> Response {
        switch request.match.operation {
        case .getHealth: return .text("ok\n")
        case .getReadiness:
            guard gateway.isServing else { throw Problem(.stopping, "The gateway doesn't serve phones now.", retryAfterSeconds: 5) }
            return .text("ready\n")
        case .getMetrics: return Response(.metrics, await metrics.text().utf8)
        case .getSpecification: return Response(.yaml, SpecificationDocument.bytes)
        case .getBuild: return .json(build)
        case .getLimits: return .json(limitsInForce)
        case .getConfiguration: return .json(configurationInForce)
        case .pushMessage: return try await push(request)
        case .uploadMessages: return try await startUpload(request)
        case .getUpload: return try await upload(request)
        case .getMessage: return try await message(request)
        case .listUsers: return try await users(request)
        case .getUser: return try await user(request)
        case .getReachability: return try await reachability(request)
        case .listConnections: return try await connections(request)
        case .revokeSession: return try await revokeSession(request)
        case .revokeDevice: return try await revokeDevice(request)
        case .revokeTokens: return try await revokeTokens(request)
        case .blockUser: return try await blockUser(request)
        case .unblockUser: return try await unblockUser(request)
        case .disconnectUser: return try await disconnectUser(request)
        case .listAudit: return try await audit(request)
        case .getEvents: return try await events(request)
        case .listConsumers: return try await consumers()
        case .getConsumer: return try await consumer(request)
        case .setConsumer: return try await setConsumer(request)
        case .moveConsumer: return try await moveConsumer(request)
        case .removeConsumer: return try await removeConsumer(request)
        }
    }

    private func build(_ json: inout JSONWriter) {
        json.add("name", "holdfast")
        json.add("apiVersion", SpecificationDocument.version)
        json.add("dataFormat", gateway.dataFormat)
    }

    private func limitsInForce(_ json: inout JSONWriter) {
        json.add("bodyBytesMax", configuration.bodyBytesMax)
        json.add("requestBytesMax", configuration.controlBodyBytesMax)
        json.add("requestsMax", configuration.controlRequestsMax)
        json.add("requestsSeconds", configuration.controlRequestsSeconds)
        json.add("inboxMessagesMax", configuration.inboxMessagesMax)
        json.add("inboxBytesMax", configuration.inboxBytesMax)
        json.add("inboxDays", configuration.inboxDays)
        json.add("devicesPerUserMax", configuration.devicesPerUserMax)
        json.add("consumerHours", configuration.consumerHours)
        json.add("consumerBytesMax", configuration.consumerBytesMax)
    }

    /// What the gateway runs with, sizes that follow from the memory included.
    private func configurationInForce(_ json: inout JSONWriter) {
        let configuration = gateway.configurationInForce
        json.add("keys", list: ConfigurationKey.all) { json, key in
            json.add("name", key.name)
            json.add("value", key.text(in: configuration))
        }
    }
}

extension Response {
    /// The content types of answers.
    enum ContentType: String {
        case json = "application/json"
        case ndjson = "application/x-ndjson"
        case events = "text/event-stream"
        case text = "text/plain; charset=utf-8"
        case yaml = "application/yaml"
        /// The text format of Prometheus.
        case metrics = "text/plain; version=0.0.4; charset=utf-8"
    }

    init(_ type: ContentType, _ bytes: some Sequence<UInt8>, status: HTTPResponse.Status = .ok) {
        var headers = HTTPFields()
        headers[.contentType] = type.rawValue
        // What is told of users must not stay in caches on the way.
        headers[.cacheControl] = "no-store"
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func json(_ body: (inout JSONWriter) -> Void) -> Response { Response(.json, JSONWriter.object(body)) }

    static func text(_ text: String) -> Response { Response(.text, text.utf8) }
}

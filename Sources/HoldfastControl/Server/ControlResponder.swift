internal import HTTPTypes
internal import HoldfastGateway
internal import HummingbirdCore
internal import Logging
internal import NIOCore

/// Answers the requests of all listeners: one order of checks for every operation, then its endpoint.
struct ControlResponder: Sendable {
    private let gateway: Gateway
    private let access: ControlAccess
    private let endpoints: Endpoints
    private let limits: ControlLimits
    private let routes = Routes()
    private let names: HostName
    private let rates: RequestRates
    private let room: RequestRoom
    private let meter = RequestMeter()
    private let bodyBytesMax: Int
    private let logger: Logger

    init(gateway: Gateway, configuration: Configuration, limits: ControlLimits, library: LibraryMetrics, logger: Logger) {
        self.gateway = gateway
        self.limits = limits
        self.logger = logger
        access = ControlAccess(gateway: gateway)
        endpoints = Endpoints(
            gateway: gateway, access: access, configuration: configuration, limits: limits, metrics: MetricsPage(gateway, meter, library))
        names = HostName(configuration.controlNames)
        rates = RequestRates(quota: configuration.controlRequestsMax, window: configuration.controlRequestsSeconds)
        room = RequestRoom(limits)
        bodyBytesMax = configuration.controlBodyBytesMax
    }

    /// What a request holds until its answer is written.
    private struct Held {
        var room: RequestRoom.Kind?
        var isPush = false
        var rate: RequestRates.State?
        var operation: Operation?
        /// Of the answer, as soon as it is known.
        var status: Int?
    }

    // The writer is used by the library's functions, which run beside actors: so do these.
    @concurrent func respond(to request: Request, _ writer: consuming ResponseWriter, _ connection: Connection) async throws {
        let id = RequestID.of(request.headers)
        let start = NIODeadline.now()
        var held = Held()
        meter.began()
        defer {
            meter.ended(held.operation, status: held.status, microseconds: UInt64((NIODeadline.now() - start).nanoseconds / 1_000))
            if held.isPush { room.leavePush() }
            if let kind = held.room { room.leave(kind) }
        }
        var response: Response
        do {
            response = try await answer(request, id, writer, connection, &held)
        } catch let problem as Problem {
            response = problem.response(requestID: id)
        } catch is ConnectionBroken {
            throw ConnectionBroken()
        } catch {
            logger.error("a request of the control API failed: \(error)", metadata: ["requestId": "\(id)"])
            response = Problem(.internalError, "The request could not be answered.").response(requestID: id)
        }
        held.status = response.status.code
        response.headers[.requestID] = id
        if let rate = held.rate {
            response.headers[.rateLimitPolicy] = rates.policy
            response.headers[.rateLimit] = RequestRates.header(rate)
        }
        logger.debug(
            "answered a request",
            metadata: [
                "requestId": "\(id)", "method": "\(request.method)", "status": "\(response.status.code)",
                "milliseconds": "\(Double((NIODeadline.now() - start).nanoseconds) / 1e6)",
            ])
        try await writer.write(response: response.head, body: response.body)
    }

    /// The checks, from those that cost least on.
    @concurrent private func answer(
        _ request: Request, _ id: String, _ writer: borrowing ResponseWriter, _ connection: Connection, _ held: inout Held
    ) async throws -> Response {
        try checkOrigin(request, connection)
        let match = try routes.match(request.method, request.head.path ?? "")
        held.operation = match.operation
        let facts = match.operation.facts
        if connection.door == .metrics && !match.operation.isProbe {
            throw Problem(.noSuchPath, "This address serves /metrics, /healthz and /readyz only.")
        }
        var caller: Caller?
        if let scope = facts.scope {
            let now = ControlAccess.now
            let found = try await access.caller(connection, authorization: request.headers[.authorization], now: now)
            caller = found
            if let user = found.user {
                let rate = rates.take(user, now: now)
                held.rate = rate
                guard rate.isAllowed else {
                    throw Problem(
                        .rateLimited, "\(rates.quota) requests in \(rates.window) seconds are allowed.", retryAfterSeconds: rate.seconds)
                }
            }
            try found.require(scope)
        }
        if !match.operation.isProbe { try await enter(match.operation, &held) }
        var made = ControlRequest(
            id: id, match: match, headers: request.headers, caller: caller, connection: connection,
            parts: request.body)
        try checkBody(request, facts, isUpload: match.operation.isUpload)
        if facts.contentType != nil {
            if request.headers[.expect]?.lowercased() == "100-continue" {
                try await writer.writeInformationalHead(.init(status: .continue))
            }
            if !match.operation.isUpload { made.body = try await collect(request.body) }
        }
        return try await endpoints.answer(made)
    }

    /// Browsers send a page's origin, and call by the name that the page has.
    private func checkOrigin(_ request: Request, _ connection: Connection) throws(Problem) {
        if connection.door != .socket {
            guard let host = request.head.authority else { throw Problem(.malformedRequest, "There is no header Host.") }
            // Most clients call what they have connected to.
            guard host == connection.localAuthority || names.allows(host, localHost: connection.localHost) else {
                throw Problem(
                    .misdirected, "\"\(host.prefix(200))\" is neither loopback, nor the address that was called, nor in controlNames.")
            }
        }
        if let origin = request.headers[.origin] {
            guard HostName.isOwn(origin: origin, authority: request.head.authority ?? "") else {
                throw Problem(.originForbidden, "The Origin \"\(origin.prefix(200))\" is not this gateway's.")
            }
        }
    }

    /// Takes room for the request; a push lets phones that find no room go first.
    private func enter(_ operation: Operation, _ held: inout Held) async throws {
        guard gateway.isServing else { throw Problem(.stopping, "The gateway takes no more requests.", retryAfterSeconds: 5) }
        guard room.enter(operation.room) else {
            let (count, what) = operation.room == .feed ? (limits.feedsMax, "readers of events") : (limits.requestsMax, "requests")
            throw Problem(.overloaded, "\(count) \(what) are under way.", retryAfterSeconds: 1)
        }
        held.room = operation.room
        guard operation.room == .push else { return }
        let end = NIODeadline.now() + limits.shedWait
        while !room.enterPush(isShedding: gateway.isShedding) {
            guard NIODeadline.now() < end else {
                throw Problem(.overloaded, "Phones that connect find no room, and go before pushes.", retryAfterSeconds: 2)
            }
            try await Task.sleep(for: RequestRoom.shedStep)
        }
        held.isPush = true
    }

    /// Refuses a body before it is read.
    private func checkBody(_ request: Request, _ facts: Operation.Facts, isUpload: Bool) throws(Problem) {
        guard let wanted = facts.contentType else {
            let hasBody = request.headers[.transferEncoding] != nil || (request.headers[.contentLength].flatMap { Int($0) } ?? 0) > 0
            if hasBody { throw Problem(.invalidParameter, "This operation takes no body.") }
            return
        }
        let given = request.headers[.contentType] ?? ""
        guard given == wanted || ContentType.matches(given, wanted) else {
            throw Problem(.wrongContentType, "The Content-Type must be \(wanted), not \"\(given.prefix(100))\".")
        }
        guard request.headers[.contentEncoding] == nil else {
            throw Problem(.wrongContentType, "The body must come as it is, without a Content-Encoding.")
        }
        if !isUpload, let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bodyBytesMax {
            throw Problem(.bodyTooLarge, "The body has \(length) bytes; it can have \(bodyBytesMax).")
        }
    }

    private func collect(_ body: RequestBody) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await part in body {
                guard bytes.count + part.readableBytes <= bodyBytesMax else {
                    throw Problem(.bodyTooLarge, "The body has more than \(bodyBytesMax) bytes.")
                }
                bytes.append(contentsOf: part.readableBytesView)
            }
        } catch let problem as Problem {
            throw problem
        } catch {
            throw ConnectionBroken()
        }
        return bytes
    }
}

/// The connection ends in the middle of a request: nobody waits for an answer.
struct ConnectionBroken: Error {}

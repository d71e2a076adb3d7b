internal import HTTPTypes
internal import HoldfastCore
internal import HoldfastGateway
internal import HummingbirdCore

extension Endpoints {
    /// A page of events, or a stream of them.
    func events(_ request: ControlRequest) async throws -> Response {
        let isStream = AcceptHeader.takes(request.headers[.accept] ?? "", Response.ContentType.events.rawValue)
        let query = try FeedQuery(request.match, lastEventID: isStream ? request.headers[.lastEventID] : nil)
        if query.wantsBodies { try caller(request).require(.eventsBodies) }
        var reader = try await reader(query)
        let place = reader.place
        if isStream { return stream(from: place, try await reader.next(), reader, request) }
        // Whoever doesn't say where to begin is told where he could: first the place, then what comes.
        guard query.after != nil || query.consumer != nil else { return answer([], next: place, isAtEnd: true) }
        let end = ContinuousClock.now + .seconds(query.wait)
        while true {
            let page = try await reader.next()
            let isEmpty = page.events.isEmpty && page.missed == nil && page.rewoundTo == nil
            let left = end - .now
            guard isEmpty, left > .zero, gateway.isServing, !request.connection.clientEnd.isOver else {
                return answer(page.events, next: page.next, isAtEnd: page.isAtEnd, missed: page.missed, rewoundTo: page.rewoundTo)
            }
            if page.isAtEnd { await reader.wait(atMost: left, request.connection.clientEnd) }
        }
    }

    private func reader(_ query: FeedQuery) async throws(Problem) -> FeedReader {
        let port = try port
        var (filter, place) = (query.filter, query.after)
        if query.consumer != nil || place == nil {
            let consumers = try await askConsumers()
            if let name = query.consumer {
                let consumer = try consumers.find(name).consumer
                filter = consumer.filter
                place = place ?? consumer.place
            }
            place = place ?? consumers.newest
        }
        return FeedReader(
            port: port, filter: filter, consumer: Array((query.consumer ?? "").utf8), limit: query.limit, wantsBodies: query.wantsBodies,
            after: place ?? .start)
    }

    private func answer(
        _ events: [FeedEvent], next: FeedPlace, isAtEnd: Bool, missed: FeedPage.Missed? = nil, rewoundTo: FeedPlace? = nil
    ) -> Response {
        .json { json in
            json.add("events", list: events) { $1.write(to: &$0, source: configuration.eventSource) }
            json.add("next", "\(next)")
            json.add("atEnd", isAtEnd)
            if let missed { json.add("missed") { missed.write(to: &$0) } }
            json.add("rewoundTo", rewoundTo.map { "\($0)" })
        }
    }

    private func stream(from place: FeedPlace, _ first: FeedPage, _ reader: FeedReader, _ request: ControlRequest) -> Response {
        let (access, connection, authorization) = (access, request.connection, request.headers[.authorization])
        let checkAgain: @Sendable () async throws(Problem) -> Void = { () throws(Problem) in
            try await access.caller(connection, authorization: authorization, now: ControlAccess.now).require(.events)
        }
        let stream = EventStream(
            gateway: gateway, source: configuration.eventSource, beat: limits.feedBeat, checkAgain: checkAgain,
            clientEnd: request.connection.clientEnd)
        var headers = HTTPFields()
        headers[.contentType] = Response.ContentType.events.rawValue
        headers[.cacheControl] = "no-store"
        return Response(
            status: .ok, headers: headers, body: ResponseBody { writer in try await stream.run(from: place, first, reader, &writer) })
    }
}

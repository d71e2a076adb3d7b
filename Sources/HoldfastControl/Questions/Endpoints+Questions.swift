internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastWire
internal import HummingbirdCore

extension Endpoints {
    /// Everything that is known of a user.
    func user(_ request: ControlRequest) async throws(Problem) -> Response {
        let name = try request.match.name("user")
        let port = try port
        let details: UserDetails
        switch try await answered({ () throws(PortError) in try await port.user(name) }) {
        case .user(let found?, _): details = found
        case .userLost: throw Problem.userLost
        default: throw Problem(.unknownUser, "Nobody is called \"\(String(decoding: name, as: UTF8.self))\".")
        }
        let facts = await gateway.facts(of: details.sessions.map(\.connection).filter { $0 != .none })
        return .json { json in
            json.add("name", name: name)
            json.add("number", details.inbox.number)
            json.add("connected", details.sessions.contains { $0.connection != .none })
            if let block = details.access.block {
                json.add("block") { json in
                    json.add("until", time: block.until == 0 ? nil : UInt64(block.until) * 1_000)
                    if !block.reason.isEmpty { json.add("reason", name: block.reason) }
                    json.add("holds", block.holds(at: gateway.wallSeconds * 1_000))
                }
            }
            if details.access.tokensFrom > 0 { json.add("tokensFrom", time: UInt64(details.access.tokensFrom) * 1_000) }
            json.add("inbox") { json in
                json.add("messages", details.inbox.messages)
                json.add("bytes", details.inbox.bytes)
                if let oldest = details.oldest {
                    json.add("oldest") { json in
                        json.add("position", oldest.position.rawValue)
                        json.add("time", time: oldest.time)
                        json.add("expires", time: oldest.expires)
                    }
                }
            }
            json.add("sessions", list: details.sessions) { json, session in
                json.add("session", session.id.rawValue)
                json.add("device", name: session.device)
                json.add("connected", session.connection != .none)
                json.add("sendOnly", session.isSendOnly)
                json.add("service", session.isService)
                json.add("ended", session.hasEnded)
                json.add("expired", session.hasExpired)
                json.add("revoked", session.isRevoked)
                json.add("lastSequence", session.lastSequence.rawValue)
                json.add("cursor", session.cursor.rawValue)
                json.add("lastSeen", time: session.lastSeen)
                Self.write(facts[session.connection], to: &json)
            }
        }
    }

    /// A page of users.
    func users(_ request: ControlRequest) async throws(Problem) -> Response {
        let prefix = request.match.query["prefix"].map { Array($0.utf8) } ?? []
        guard prefix.count <= WireLimits.userBytesMax else {
            throw Problem(.invalidParameter, "The parameter prefix has \(prefix.count) bytes; it can have \(WireLimits.userBytesMax).")
        }
        let (after, limit) = (try request.match.optionalNumber64("after") ?? 0, try request.match.limit())
        let port = try port
        guard
            case .users(let page, _) = try await answered({ () throws(PortError) in
                try await port.users(after: after, prefix: prefix, limit: limit)
            })
        else { preconditionFailure("a question about users is answered by a page") }
        return .json { json in
            json.add("users", list: page.users) { json, user in
                json.add("name", name: user.name)
                json.add("number", user.number)
            }
            json.add("next", page.next)
        }
    }

    /// Whether users can be reached.
    func reachability(_ request: ControlRequest) async throws(Problem) -> Response {
        var fields = try JSONFields(Problem.parse(request.body))
        guard case .list(let list) = try fields.require("users") else { throw .field("/users", "This must be a list of names.") }
        try fields.finish()
        guard (1...MessageRecord.recipientsMax).contains(list.count) else {
            throw .field("/users", "\(list.count) users are named; 1 to \(MessageRecord.recipientsMax) can be.")
        }
        var names: [[UInt8]] = []
        for (index, value) in list.enumerated() { names.append(Array(try JSONFields.name(value, at: "/users/\(index)").utf8)) }
        let (port, asked) = (try port, names)
        guard case .reachability(let found, _) = try await answered({ () throws(PortError) in try await port.reachability(of: asked) })
        else {
            preconditionFailure("a question about reachability is answered by it")
        }
        return .json { json in
            json.add("users", list: zip(asked, found)) { json, user in
                json.add("name", name: user.0)
                json.add("known", user.1.isKnown)
                json.add("connections", user.1.connections)
                json.add("devices", user.1.devices)
                json.add("waitingMessages", user.1.waitingMessages)
            }
        }
    }

    /// A page of connected sessions.
    func connections(_ request: ControlRequest) async throws(Problem) -> Response {
        let user = try request.match.optionalName("user")
        let (from, limit) = (try request.match.optionalInteger("from", 0...Int(Int32.max)) ?? 0, try request.match.limit())
        let port = try port
        guard
            case .connections(let page, _) = try await answered({ () throws(PortError) in
                try await port.connections(of: user, from: from, limit: limit)
            })
        else { preconditionFailure("a question about connections is answered by a page") }
        let facts = await gateway.facts(of: page.connections.map(\.handle))
        return .json { json in
            json.add("connections", list: page.connections) { json, connection in
                json.add("user", name: connection.user)
                json.add("device", name: connection.device)
                json.add("session", connection.session.rawValue)
                json.add("sendOnly", connection.isSendOnly)
                json.add("service", connection.isService)
                json.add("live", connection.isLive)
                json.add("unacknowledgedMessages", connection.unacknowledgedMessages)
                Self.write(facts[connection.handle], to: &json)
            }
            json.add("next", page.next.map { UInt64($0) })
        }
    }

    /// What the connection's loop knows of it; nothing if it has ended meanwhile.
    private static func write(_ facts: ConnectionFacts?, to json: inout JSONWriter) {
        guard let facts else { return }
        json.add("connectedSince", time: facts.since)
        json.add("address", facts.address)
        json.add("transport", facts.isTLS ? "tls" : "plain")
    }
}

internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastWire
internal import HummingbirdCore

extension Endpoints {
    /// All consumers of the feed, by name.
    func consumers() async throws(Problem) -> Response {
        let all = try await askConsumers()
        return .json { json in json.add("consumers", list: all.list) { all.write($1, to: &$0) } }
    }

    /// One of them.
    func consumer(_ request: ControlRequest) async throws(Problem) -> Response { try await tell(Self.name(request)) }

    /// Registers a consumer, or changes one.
    func setConsumer(_ request: ControlRequest) async throws(Problem) -> Response {
        let name = try Self.name(request)
        let fields = try ConsumerFields(
            request.body, hoursMax: configuration.consumerHours, bytesMax: configuration.consumerBytesMax)
        let before = try await askConsumers().list.first { $0.name == Array(name.utf8) }?.consumer.users ?? []
        try requireInboxes(before + fields.registration.users, request)
        try await hold(.register(HoldName(.consumer, name), fields.registration))
        try await consume(fields.registration.users, name, through: nil)
        try await leave(before.filter { !fields.registration.users.contains($0) }, name, request)
        return try await tell(name)
    }

    /// A consumer has acknowledged everything up to a cursor.
    func moveConsumer(_ request: ControlRequest) async throws(Problem) -> Response {
        let name = try Self.name(request)
        var fields = try JSONFields(Problem.parse(request.body))
        guard let text = try fields.text("cursor", bytes: 1...64) else { throw .field("/cursor", "The field is missing.") }
        guard let place = FeedPlace(text) else { throw .field("/cursor", "This is not a cursor: 20 digits, a minus sign and 5 digits.") }
        try fields.finish()
        let users = try await askConsumers().find(name).consumer.users
        try requireInboxes(users, request)
        try await hold(.acknowledge(HoldName(.consumer, name), place))
        try await consume(users, name, through: place)
        return try await tell(name)
    }

    /// Nothing is kept for the consumer any more. The answer has it as it was.
    func removeConsumer(_ request: ControlRequest) async throws(Problem) -> Response {
        let name = try Self.name(request)
        let all = try await askConsumers()
        let consumer = try all.find(name)
        try requireInboxes(consumer.consumer.users, request)
        try await hold(.release(HoldName(.consumer, name)))
        try await leave(consumer.consumer.users, name, request)
        return .json { all.write(consumer, to: &$0) }
    }

    // MARK: Inboxes that a consumer reads

    /// Anybody may read the inbox of his own user; those of others are for operators.
    private func requireInboxes(_ users: [[UInt8]], _ request: ControlRequest) throws(Problem) {
        let caller = caller(request)
        let own = caller.user.map { Array($0.utf8) }
        if users.contains(where: { $0 != own }) { try caller.require(.operate) }
    }

    /// What the consumer has acknowledged leaves the inboxes, unless another device waits for it. One that can't be emptied holds up none of the others.
    /// - Parameter place: nil: nothing yet.
    private func consume(_ users: [[UInt8]], _ consumer: String, through place: FeedPlace?) async throws(Problem) {
        var first: Problem?
        for user in users {
            do throws(Problem) {
                // The session may have ended since: it begins anew then, and moves with the next call.
                try await consume(user, consumer, through: .zero)
                if let place { try await consume(user, consumer, through: try await last(of: user, upTo: place)) }
            } catch {
                first = first ?? error
            }
        }
        if let first { throw first }
    }

    private func consume(_ user: [UInt8], _ consumer: String, through position: Position) async throws(Problem) {
        let (port, device) = (try port, FeedConsumer.device(of: Array(consumer.utf8)))
        switch try await answered({ () throws(PortError) in try await port.consume(user: user, device: device, through: position) }) {
        case .consumed: break
        case .noConsumer: throw .unknownConsumer(Array(consumer.utf8))
        case .tooManyDevices:
            throw Problem(
                .tooManyDevices, "\"\(String(decoding: user, as: UTF8.self))\" has no room for the device consumer:\(consumer).")
        default: throw Problem.userLost
        }
    }

    /// The last position whose event for the user lies at a place or before it: a message has one for each recipient, in their order.
    private func last(of user: [UInt8], upTo place: FeedPlace) async throws(Problem) -> Position {
        guard place.index < .max else { return place.position }
        let port = try port
        let answer = try await answered({ () throws(PortError) in try await port.message(at: place.position) })
        guard case .message(let message?, _) = answer, let index = message.recipients.firstIndex(where: { $0.name == user }),
            index <= Int(place.index)
        else { return place.wholeThrough }
        return place.position
    }

    /// The consumer's devices are no more: the inboxes don't wait for it.
    private func leave(_ users: [[UInt8]], _ consumer: String, _ request: ControlRequest) async throws(Problem) {
        let (port, actor, id) = (try port, caller(request).actor, Array(request.id.utf8))
        for user in users {
            _ = try await answered({ () throws(PortError) in
                try await port.act(.revokeDevice(FeedConsumer.device(of: Array(consumer.utf8))), on: user, by: actor, requestID: id)
            })
        }
    }

    private static func name(_ request: ControlRequest) throws(Problem) -> String {
        let name = request.match.text("consumer") ?? ""
        guard ConsumerName.isGood(name) else { throw request.match.invalid("consumer", ConsumerName.rule) }
        return name
    }

    private func hold(_ change: HoldRequest) async throws(Problem) {
        let port = try port
        switch try await answered({ () throws(PortError) in try await port.hold(change) }) {
        case .held: break
        case .placeAhead(let newest): throw Problem(.cursorAhead, "The cursor is ahead of the newest, \(newest).")
        case .noConsumer: throw .unknownConsumer(change.name.id)
        case .tooManyHolds: throw Problem(.consumersFull, "No more consumers can be registered.")
        default: preconditionFailure("a change of a consumer is answered by what became of it")
        }
    }

    private func tell(_ name: String) async throws(Problem) -> Response {
        let all = try await askConsumers()
        let consumer = try all.find(name)
        return .json { all.write(consumer, to: &$0) }
    }

    func askConsumers() async throws(Problem) -> Consumers {
        let port = try port
        guard case .consumers(let list, at: let position) = try await answered({ () throws(PortError) in try await port.consumers() })
        else { preconditionFailure("a question about consumers is answered by all of them") }
        return Consumers(list: list, newest: .end(of: position))
    }
}

/// All consumers, and how far the feed was at the same time.
struct Consumers {
    let list: [ConsumerStatus]
    let newest: FeedPlace

    func find(_ name: String) throws(Problem) -> ConsumerStatus {
        let bytes = Array(name.utf8)
        guard let found = list.first(where: { $0.name == bytes }) else { throw .unknownConsumer(bytes) }
        return found
    }

    func write(_ status: ConsumerStatus, to json: inout JSONWriter) {
        let (hold, consumer) = (status.hold, status.consumer)
        json.add("name", name: status.name)
        json.add("types", texts: consumer.filter.types.names)
        if !consumer.filter.user.isEmpty { json.add("user", name: consumer.filter.user) }
        if !consumer.filter.tag.isEmpty { json.add("tag", name: consumer.filter.tag) }
        if !consumer.users.isEmpty { json.add("inboxes", texts: consumer.users.map { String(decoding: $0, as: UTF8.self) }) }
        json.add("cursor", "\(consumer.place)")
        json.add("newest", "\(newest)")
        json.add("lag", lag(consumer.place))
        if let missed = consumer.missed { json.add("missed") { missed.write(to: &$0) } }
        json.add("floor", hold.floor.rawValue)
        json.add("hours", Int(hold.ageMax / 3_600))
        json.add("bytesMax", Int(hold.bytesMax))
    }

    /// Records behind the place. Their numbers go on from one era to the next.
    private func lag(_ place: FeedPlace) -> UInt64 {
        func number(_ position: Position) -> UInt64 { position.rawValue & (1 << 56 - 1) }
        return number(newest.position) - min(number(newest.position), number(place.position))
    }
}

extension Problem {
    static func unknownConsumer(_ name: [UInt8]) -> Problem {
        Problem(.unknownConsumer, "No consumer is called \"\(String(decoding: name, as: UTF8.self))\".")
    }
}

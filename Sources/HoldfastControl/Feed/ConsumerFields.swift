package import HoldfastCore
internal import HoldfastWire

/// What a consumer is registered with, as a body has it, checked.
package struct ConsumerFields {
    package let registration: HoldRequest.Registration

    private static let bytesMin = 1 << 20

    /// - Parameters:
    ///   - hoursMax: how long the journal may keep anything for the consumer; what it keeps if nothing else is said.
    ///   - bytesMax: the same in bytes.
    package init(_ json: [UInt8], hoursMax: Int, bytesMax: Int) throws(Problem) {
        var fields = try JSONFields(Problem.parse(json))
        var filter = FeedFilter()
        if let value = fields.take("types") {
            guard case .list(let list) = value else { throw .field("/types", "This must be a list of texts, not \(value.kindText).") }
            var names: [String] = []
            for (index, value) in list.enumerated() { names.append(try JSONFields.text(value, at: "/types/\(index)", bytes: 1...64)) }
            guard let types = FeedEventTypes(names: names) else { throw .field("/types", "The list \(FeedEventTypes.rule).") }
            filter.types = types
        }
        filter.user = Array((try fields.name("user") ?? "").utf8)
        filter.tag = Array((try fields.text("tag", bytes: 1...MessageFields.tagBytesMax) ?? "").utf8)
        let users = try Self.inboxes(&fields)
        let start = try Self.start(&fields)
        let hours = try fields.integer("hours", 1...hoursMax) ?? hoursMax
        let bytes = try fields.integer("bytesMax", Self.bytesMin...max(Self.bytesMin, bytesMax)) ?? bytesMax
        try fields.finish()
        registration = .init(
            filter: filter, start: start, users: users, ageMax: UInt32(hours) * 3_600, bytesMax: UInt64(bytes))
    }

    private static func inboxes(_ fields: inout JSONFields) throws(Problem) -> [[UInt8]] {
        guard let value = fields.take("inboxes") else { return [] }
        guard case .list(let list) = value else { throw .field("/inboxes", "This must be a list of texts, not \(value.kindText).") }
        guard list.count <= FeedConsumer.usersMax else {
            throw .field("/inboxes", "\(list.count) users are named; at most \(FeedConsumer.usersMax) can be.")
        }
        var users: [[UInt8]] = []
        for (index, value) in list.enumerated() {
            let name = Array(try JSONFields.name(value, at: "/inboxes/\(index)").utf8)
            guard !users.contains(name) else { throw .field("/inboxes/\(index)", "The user is named twice.") }
            users.append(name)
        }
        return users
    }

    private static func start(_ fields: inout JSONFields) throws(Problem) -> FeedStart {
        switch try fields.text("start", bytes: 1...64) {
        case "kept", nil: return .kept
        case "newest": return .newest
        case "oldest": return .oldest
        case let text?:
            guard let place = FeedPlace(text) else { throw .field("/start", "This must be kept, newest, oldest or a cursor.") }
            return .after(place)
        }
    }
}

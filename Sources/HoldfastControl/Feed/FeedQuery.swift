package import HoldfastCore
internal import HoldfastWire

/// What a request asks of the feed.
package struct FeedQuery: Equatable, Sendable {
    /// nil: from a consumer's place on, or from what is newest.
    package var after: FeedPlace?
    /// The name of the consumer who asks; nil: it isn't one.
    package var consumer: String?
    /// A consumer has its own.
    package var filter = FeedFilter()
    /// How many seconds an answer may wait for an event.
    package var wait = 0
    package var limit = 0
    package var wantsBodies = false

    package static let waitSecondsMax = 60

    /// - Parameter lastEventID: of a stream that goes on; `after` goes before it.
    package init(_ match: Routes.Match, lastEventID: String?) throws(Problem) {
        after = try match.optionalCursor("after")
        if after == nil, let lastEventID, !lastEventID.isEmpty {
            guard let place = FeedPlace(lastEventID) else {
                throw Problem(.invalidParameter, "The header Last-Event-ID is not a cursor: 20 digits, a minus sign and 5 digits.")
            }
            after = place
        }
        consumer = match.text("consumer")
        if let consumer, !ConsumerName.isGood(consumer) { throw match.invalid("consumer", ConsumerName.rule) }
        if let text = match.text("types") {
            let names = text.split(separator: ",", omittingEmptySubsequences: false)
            guard let types = FeedEventTypes(names: names) else { throw match.invalid("types", FeedEventTypes.rule) }
            filter.types = types
        }
        filter.user = try match.optionalName("user") ?? []
        filter.tag = try match.optionalName("tag", bytesMax: MessageFields.tagBytesMax) ?? []
        if consumer != nil, filter != FeedFilter() {
            throw Problem(.invalidParameter, "A consumer has its filter: the parameters types, user and tag can't come with consumer.")
        }
        wait = try match.optionalInteger("wait", 0...Self.waitSecondsMax) ?? 0
        limit = try match.limit()
        wantsBodies = try match.flag("bodies")
    }
}

/// The names of consumers.
package enum ConsumerName {
    package static let bytesMax = 64
    static let rule = "must have 1 to \(bytesMax) letters, digits, dots, underscores and minus signs"

    package static func isGood(_ text: String) -> Bool {
        (1...bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "._-".utf8.contains(byte)
                }
            }
    }
}

extension FeedEventTypes {
    static let rule = "must have types of events: \(FeedEventType.allCases.map(\.name).joined(separator: ", "))"

    /// - Returns: nil when one of the names is no event's, or there is none.
    init?(names: some Collection<some StringProtocol>) {
        self = []
        for name in names {
            guard let type = FeedEventType(name: String(name)) else { return nil }
            insert(FeedEventTypes(type))
        }
        if isEmpty { return nil }
    }

    /// In their order.
    var names: [String] { types.map(\.name) }
}

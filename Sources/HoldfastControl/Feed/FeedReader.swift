internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastWire

/// Follows the feed, one page after the other.
struct FeedReader: Sendable {
    let port: CorePort
    let filter: FeedFilter
    /// The name of the consumer who asks; empty: it isn't one.
    let consumer: [UInt8]
    let limit: Int
    let wantsBodies: Bool
    /// The next page has what follows it.
    private(set) var place: FeedPlace
    private var asked = ContinuousClock.now

    /// A follower asks no more often: while much happens, it gets at once what several commits have brought.
    private static let interval = Duration.milliseconds(10)

    init(port: CorePort, filter: FeedFilter, consumer: [UInt8], limit: Int, wantsBodies: Bool, after place: FeedPlace) {
        self.port = port
        self.filter = filter
        self.consumer = consumer
        self.limit = limit
        self.wantsBodies = wantsBodies
        self.place = place
    }

    mutating func next() async throws(Problem) -> FeedPage {
        asked = .now
        let (port, place, filter, consumer, limit, wantsBodies) = (port, place, filter, consumer, limit, wantsBodies)
        let answer = try await answered { () throws(PortError) in
            try await port.events(after: place, filter, consumer: consumer, limit: limit, wantsBodies: wantsBodies)
        }
        switch answer {
        case .events(let page, _):
            self.place = page.next
            return page
        case .placeAhead(let newest): throw .cursorAhead(place, newest: newest)
        default: preconditionFailure("a question for events is answered by a page")
        }
    }

    /// Waits until there may be more, for a time at most.
    func wait(atMost duration: Duration, _ clientEnd: ClientEnd) async {
        let (port, position, early) = (port, place.position, asked + Self.interval)
        await clientEnd.wait {
            await port.waitForEvents(behind: position, atMost: duration)
            try? await Task.sleep(until: early, clock: .continuous)
        }
    }
}

extension Problem {
    static func cursorAhead(_ place: FeedPlace, newest: FeedPlace) -> Problem {
        Problem(.cursorAhead, "The cursor \(place) is ahead of the newest, \(newest).")
    }
}

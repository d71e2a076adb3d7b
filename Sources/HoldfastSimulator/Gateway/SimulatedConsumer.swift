import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// A consumer of the feed, a program of its own: it outlives the gateway's process, knows how far it has read, and acknowledges now and then.
final class SimulatedConsumer {
    static let name = "crm"
    static var holdName: HoldName { HoldName(.consumer, name) }

    private let oracle: Oracle
    /// Events up to here are its own; nil: it isn't registered, as far as it knows.
    private(set) var place: FeedPlace?
    /// A request of it is on its way to this process.
    private weak var asked: GatewayRun?
    private var isWaiting = false
    private var readsInbox = false

    init(_ oracle: Oracle) { self.oracle = oracle }

    /// Registers itself, reads a page, or acknowledges.
    func act(_ run: GatewayRun, _ number: UInt64) {
        // The answer of a process that is gone doesn't come.
        guard !isWaiting || asked !== run else { return }
        (asked, isWaiting) = (run, true)
        var random = SeededRandom(seed: number)
        guard let place else {
            readsInbox = random.chance(0.4) || readsInbox
            return register(run, .newest, &random)
        }
        switch random.below(10) {
        case 0: run.backend.hold(.register(Self.holdName, registration(.kept, &random)))
        case 1, 2:
            run.backend.hold(.acknowledge(Self.holdName, place))
            consume(run)
        default: read(run, after: place, limit: 1 + random.below(40))
        }
    }

    private func register(_ run: GatewayRun, _ start: FeedStart, _ random: inout SeededRandom) {
        run.backend.hold(.register(Self.holdName, registration(start, &random)))
    }

    private func registration(_ start: FeedStart, _ random: inout SeededRandom) -> HoldRequest.Registration {
        .init(
            filter: FeedFilter(), start: start, users: readsInbox ? [Array(oracle.world.profile.users[0].utf8)] : [],
            ageMax: random.chance(0.3) ? UInt32(3_600 + random.below(200_000)) : 0,
            bytesMax: random.chance(0.3) ? UInt64(2_000 + random.below(50_000)) : 0)
    }

    /// It stands for a device of one of the users, and empties that inbox.
    private func consume(_ run: GatewayRun) {
        guard readsInbox, let place else { return }
        run.backend.consume(run.world.profile.users[0], device: "consumer:" + Self.name, through: place.wholeThrough)
    }

    private func read(_ run: GatewayRun, after place: FeedPlace, limit: Int) { run.backend.readEvents(after: place, limit: limit) }

    /// Reads what there is, if it is a consumer.
    func catchUp(_ run: GatewayRun) {
        guard !isWaiting || asked !== run, place != nil || readsInbox else { return }
        consume(run)
        (asked, isWaiting, isAtEnd) = (run, true, false)
        guard let place else {
            // Its device is there, and holds the inbox.
            var random = SeededRandom(seed: 0)
            return register(run, .newest, &random)
        }
        read(run, after: place, limit: 1_000)
    }

    /// It has read everything that there was when it read last, or is none.
    private(set) var isAtEnd = true

    // MARK: Answers

    /// It is registered, or its acknowledgement is stored; where it stands is asked for if it doesn't know.
    func held(_ request: HoldRequest, _ run: GatewayRun) {
        isWaiting = false
        if case .register = request, place == nil {
            isWaiting = true
            run.backend.askConsumers()
        }
    }

    func isToldOf(_ consumers: [ConsumerStatus]) {
        isWaiting = false
        guard let found = consumers.first(where: { $0.name == Array(Self.name.utf8) }) else { return }
        if place == nil { place = found.consumer.place }
        oracle.checkConsumer(found, read: place)
    }

    func refused() {
        isWaiting = false
        // The gateway was put back: the consumer begins anew, with the oldest that is there.
        (place, isAtEnd) = (nil, true)
        oracle.world.coverage.count("feed: begins anew")
    }

    func take(_ page: FeedPage, after: FeedPlace) {
        isWaiting = false
        guard after == place else { return }
        oracle.feedRead(page, after: after)
        place = page.next
        isAtEnd = page.isAtEnd
    }
}

import HoldfastCore
import HoldfastWire

// The feed: each thing that a record says is told once to who reads on, in order, or said to be missing.
extension Oracle {
    /// A record is on the disk.
    func noteForFeed(_ record: Record, at position: Position) {
        if let problem = feed?.add(record, at: position) { world.fail("the record at \(position.rawValue): \(problem)") }
    }

    /// A page that follows a place which is the consumer's.
    func feedRead(_ page: FeedPage, after: FeedPlace) {
        world.note("the feed after \(after): \(page.events.count) events, next \(page.next)")
        if let place = page.rewoundTo {
            world.coverage.count("feed: rewound")
            // Of the undone events the consumer can have read some: only a restore takes them away.
            if restoredAt == nil { world.fail("the feed went back to \(place), and the gateway was never put back") }
            if place >= after && place.position.era == after.position.era { world.fail("the feed goes back to \(place), from \(after)") }
            return
        }
        guard page.next > after || page.events.isEmpty else { return world.fail("the feed goes from \(after) to \(page.next)") }
        var from = after
        if let missed = page.missed {
            world.coverage.count("feed: missed")
            if missed.after != after || missed.through <= after { world.fail("the feed misses \(missed) after \(after)") }
            // What a hold keeps is there. Who had no hold any more, because the gateway was put back, has nothing to claim.
            if let floor = holdFloors[SimulatedConsumer.holdName], missed.through.position > floor {
                world.fail("the feed misses what lies through \(missed.through), and the consumer holds what is above \(floor.rawValue)")
            }
            from = missed.through
        }
        guard let feed else { return }
        // A backup may have whole what is damaged since.
        let damaged = Set(page.events.filter { $0.type == .recordDamaged }.map(\.place.position))
        if let wrong = damaged.subtracting(damagedPositions).min() { world.fail("the record at \(wrong.rawValue) is said to be damaged") }
        let expected = feed.entries(after: from, through: page.next, damaged: damaged)
        guard expected.map(\.place) == page.events.map(\.place) else {
            return world.fail(
                "the feed after \(from) through \(page.next) has \(page.events.map(\.place)), by the records it is \(expected.map(\.place))"
            )
        }
        for (event, entry) in zip(page.events, expected) {
            world.coverage.count("event \(event.type.name)")
            if event.type == .recordDamaged { continue }
            if event.type != entry.type || event.subject.number != entry.user {
                world.fail("the event at \(event.place) is \(event.type.name) of user \(event.subject.number): it is another one")
            }
            if event.subject.name.isEmpty, entry.user != 0, !hasDamage, restoredAt == nil {
                world.fail("the event at \(event.place) doesn't know the name of user \(entry.user)")
            }
        }
    }

    /// The consumer has taken from the first user's inbox what is there up to a position.
    func consumed(through position: Position) {
        world.coverage.count("feed: inbox read")
        consumedThrough = max(consumedThrough, position)
    }

    /// - Parameter place: how far the consumer has read.
    func checkConsumer(_ status: ConsumerStatus, read place: FeedPlace?) {
        // It acknowledges what it has read only.
        guard let place, restoredAt == nil, status.consumer.place > place else { return }
        world.fail("the consumer has read through \(place), and is said to have acknowledged \(status.consumer.place)")
    }
}

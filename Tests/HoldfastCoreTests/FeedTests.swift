import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// The feed, as a consumer sees it through a port.
@Suite struct FeedTests {
    private func page(
        _ scenario: Scenario, after place: FeedPlace, _ filter: FeedFilter = FeedFilter(), consumer: String = "", limit: Int = 1_000,
        wantsBodies: Bool = false
    ) throws -> FeedPage {
        let harness = scenario.harness
        let reply = harness.askEvents(after: place, filter, consumer: consumer, limit: limit, wantsBodies: wantsBodies)
        try scenario.settle()
        guard case .events(let page, _)? = harness.answers[reply] else { throw Problem("\(String(describing: harness.answers[reply]))") }
        return page
    }

    private struct Problem: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// All events after a place, in pages of a few.
    private func events(
        _ scenario: Scenario, after place: FeedPlace = .start, _ filter: FeedFilter = FeedFilter(), limit: Int = 3
    ) throws -> [FeedEvent] {
        var (place, events) = (place, [FeedEvent]())
        while true {
            let page = try page(scenario, after: place, filter, limit: limit)
            #expect(page.events.count <= limit)
            #expect(page.next >= place)
            events += page.events
            place = page.next
            if page.isAtEnd { return events }
        }
    }

    private func register(
        _ name: String, _ scenario: Scenario, _ start: FeedStart = .newest, _ filter: FeedFilter = FeedFilter(), users: [String] = [],
        age: UInt32 = 0, bytes: UInt64 = 0
    ) throws -> PortAnswer? {
        let reply = scenario.harness.hold(
            .register(
                HoldName(.consumer, name),
                .init(filter: filter, start: start, users: users.map { Array($0.utf8) }, ageMax: age, bytesMax: bytes)))
        try scenario.settle()
        return scenario.harness.answers[reply]
    }

    private func acknowledge(_ name: String, _ place: FeedPlace, _ scenario: Scenario) throws -> PortAnswer? {
        let reply = scenario.harness.hold(.acknowledge(HoldName(.consumer, name), place))
        try scenario.settle()
        return scenario.harness.answers[reply]
    }

    private func consumers(_ scenario: Scenario) throws -> [ConsumerStatus] {
        let reply = scenario.harness.ask { _ in .consumers }
        try scenario.settle()
        guard case .consumers(let consumers, _)? = scenario.harness.answers[reply] else { throw Problem("no answer") }
        return consumers
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// A line for each event, of what matters in it.
    private func lines(_ events: [FeedEvent]) -> [String] {
        events.map { event in
            let subject = text(event.subject.name)
            switch event.content {
            case .stored(let stored): return "\(event.type.name) \(text(stored.sender.name))>\(subject) \(text(stored.tag))"
            case .delivered(let delivered):
                return "\(event.type.name) \(subject)/\(text(delivered.session.device)) after \(delivered.from.rawValue)"
            case .deliveredMessage(let delivered):
                let message = delivered.message.map { "\(text($0.sender.name))>\(subject) \(text($0.tag))" } ?? "\(subject) gone"
                return "\(event.type.name) \(message) by \(text(delivered.session.device))"
            case .left(let left): return "\(event.type.name) \(subject) \(left.count)"
            case .sessionBegun(let session), .sessionRevoked(let session), .sessionEnded(let session, _):
                return "\(event.type.name) \(subject)/\(text(session.device))"
            case .userBlocked(_, let reason): return "\(event.type.name) \(subject) \(text(reason))"
            case .damaged: return event.type.name
            case .act(let act): return "\(event.type.name) \(subject) \(act.act.kind)"
            }
        }
    }

    @Test func `each record tells what has happened, in order and under places that never change`() throws {
        let scenario = try Scenario()
        let start = scenario.harness.now.wall
        _ = try register("crm", scenario)
        let (ann, bob) = (try scenario.online("ann"), try scenario.online("bob"))
        ann.send(1...1, to: "bob")
        try scenario.settle()
        bob.acknowledge()
        try scenario.settle()
        scenario.harness.push(from: "shop", to: ["bob", "nobody", "ann"], "order", mustExist: true, tag: "order")
        try scenario.settle()
        _ = scenario.harness.act(.block(until: 0, reason: Array("spam".utf8)), on: "ann")
        try scenario.settle()
        bob.logout()
        try scenario.settle()
        let before = try events(scenario)
        let sent = "message.stored"
        #expect(
            lines(before) == [
                "session.begun ann/phone", "session.begun bob/phone", "\(sent) ann>bob ", "message.delivered bob/phone after 0",
                "\(sent) shop>bob order", "\(sent) shop>ann order", "audit.act ann block", "user.blocked ann spam",
                "session.ended bob/phone",
            ])
        #expect(before.map(\.place.index) == [0, 0, 0, 0, 0, 2, 0, 1, 0])
        #expect(zip(before, before.dropFirst()).allSatisfy { $0.place < $1.place })
        #expect(before.allSatisfy { (start...scenario.harness.now.wall).contains($0.time) })
        // Names are the store's from here on.
        try scenario.toDisk()
        #expect(try events(scenario, limit: 1) == before)
        scenario.check()
    }

    @Test func `filters name types, a user and a tag, and bodies come when they are asked for`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        _ = try scenario.online("bob")
        ann.send(1...2, to: "bob")
        try scenario.settle()
        scenario.harness.push(from: "shop", to: ["bob"], "order", tag: "order")
        scenario.harness.push(from: "shop", to: ["cid"], "news", tag: "news")
        try scenario.settle()
        let stored = FeedEventTypes(.messageStored)
        #expect(try events(scenario, FeedFilter(types: stored)).count == 4)
        #expect(try events(scenario, FeedFilter(types: stored, user: Array("ann".utf8))).count == 2)
        #expect(try events(scenario, FeedFilter(user: Array("cid".utf8))).count == 1)
        #expect(try events(scenario, FeedFilter(user: Array("zoe".utf8))).isEmpty)
        #expect(lines(try events(scenario, FeedFilter(tag: Array("order".utf8)))) == ["message.stored shop>bob order"])
        let bodies = try page(scenario, after: .start, FeedFilter(types: stored), wantsBodies: true).events.map { event -> String in
            guard case .stored(let stored) = event.content, let body = stored.body else { return "-" }
            return text(body)
        }
        #expect(bodies.suffix(2) == ["order.", "news."])
        #expect(bodies.count == 4 && !bodies.contains("-"))
    }

    @Test(arguments: [false, true]) func `a consumer's records stay until it has acknowledged them`(crashes: Bool) throws {
        let scenario = try Scenario()
        let (ann, bob) = (try scenario.online("ann"), try scenario.online("bob"))
        _ = try register("crm", scenario, .newest, FeedFilter(types: FeedEventTypes(.messageStored)))
        let start = try #require(try consumers(scenario).first?.consumer.place)
        func pass(_ range: ClosedRange<Int>) throws {
            ann.send(range, to: "bob")
            try scenario.settle()
            bob.acknowledge()
            try scenario.toDisk()
        }
        try pass(1...5)
        if crashes {
            try scenario.phones.crash()
            try ann.comeBack()
            try bob.comeBack()
        }
        try pass(6...10)
        let consumer = try #require(try consumers(scenario).first)
        #expect(text(consumer.name) == "crm" && consumer.consumer.place == start)
        let first = try page(scenario, after: start, consumer.consumer.filter, consumer: "crm", limit: 4)
        #expect(first.missed == nil && first.events.count == 4)
        #expect(try page(scenario, after: first.next, consumer.consumer.filter, limit: 100).events.count == 6)
        // What it has acknowledged goes, what follows stays.
        guard case .held? = try acknowledge("crm", first.next, scenario) else { throw Problem("not acknowledged") }
        try pass(11...11)
        let again = try page(scenario, after: start, consumer.consumer.filter, consumer: "crm")
        #expect(again.missed?.after == start)
        #expect(again.missed?.through.position ?? .zero < first.next.position)
        #expect(try events(scenario, after: first.next, consumer.consumer.filter).count == 7)
        // An older acknowledgement changes nothing.
        _ = try acknowledge("crm", start, scenario)
        #expect(try consumers(scenario).first?.consumer.place == first.next)
        // A filter may change without a loss of place.
        _ = try register("crm", scenario, .kept, FeedFilter(tag: Array("x".utf8)))
        #expect(try consumers(scenario).first?.consumer.place == first.next)
        scenario.check()
    }

    @Test func `a consumer whose hold gives way is told what it has missed, until it has acknowledged what follows`() throws {
        let scenario = try Scenario()
        let (ann, bob) = (try scenario.online("ann"), try scenario.online("bob"))
        _ = try register("crm", scenario, .newest, bytes: 2_000)
        let start = try #require(try consumers(scenario).first?.consumer.place)
        for number in 1...40 {
            ann.send(number...number, to: "bob", size: 200)
            try scenario.settle()
            bob.acknowledge()
            scenario.harness.tick(milliseconds: 120_000)
            try scenario.toDisk()
        }
        let consumer = try #require(try consumers(scenario).first)
        let missed = try #require(consumer.consumer.missed)
        #expect(missed.after == start && missed.cause == .bytesLimit)
        #expect(consumer.consumer.place == start)
        let page = try page(scenario, after: start, consumer: "crm")
        #expect(page.missed?.after == start && page.missed?.cause == .bytesLimit)
        #expect(page.events.allSatisfy { $0.place > missed.through })
        #expect(!page.events.isEmpty)
        _ = try acknowledge("crm", page.events[0].place, scenario)
        #expect(try consumers(scenario).first?.consumer.missed == nil)
        scenario.check()
    }

    @Test(arguments: [false, true]) func `a consumer that reads a user's inbox keeps it, and empties it by what it acknowledges`(
        onDisk: Bool
    ) throws {
        let scenario = try Scenario {
            $0.inboxMessagesMax = 4
            $0.inboxPolicy = .refuseSender
        }
        let harness = scenario.harness
        func consume(through position: Position) throws {
            let reply = harness.consume("shop", "consumer:crm", through: position)
            try scenario.settle()
            guard case .consumed? = harness.answers[reply] else { throw Problem("\(String(describing: harness.answers[reply]))") }
        }
        func waiting() throws -> Int {
            let reply = harness.ask(["shop"]) { .inbox(user: $0[0]) }
            try scenario.settle()
            guard case .inbox(let inbox?, _)? = harness.answers[reply] else { throw Problem("no inbox") }
            return inbox.messages
        }
        let early = harness.consume("shop", "consumer:crm", through: .zero)
        try scenario.settle()
        guard case .noConsumer? = harness.answers[early] else { throw Problem("nobody is registered, and a session begins") }
        _ = try register("crm", scenario, users: ["shop"])
        try consume(through: .zero)
        let ann = try scenario.online("ann")
        var (place, read) = (try #require(try consumers(scenario).first?.consumer.place), 0)
        for round in 0..<5 {
            let texts = (round * 3 + 1)...(round * 3 + 3)
            ann.send(texts, to: "shop")
            try scenario.settle()
            if onDisk { try scenario.toDisk() }
            #expect(try waiting() == 3)
            let stored = FeedFilter(types: FeedEventTypes(.messageStored), user: Array("shop".utf8))
            let page = try page(scenario, after: place, stored)
            read += page.events.count
            place = page.next
            try consume(through: place.wholeThrough)
            #expect(try waiting() == 0)
            if round == 2 { try scenario.phones.crash(); try ann.comeBack() }
            #expect(try waiting() == 0)
        }
        #expect(read == 15)
        // What it says again, or of an earlier place, or where nothing was for the user, changes nothing, and tells nothing.
        let last = try page(scenario, after: place).next
        for position in [Position(rawValue: 1), last.position, Position(rawValue: last.position.rawValue + 1)] {
            try consume(through: position)
        }
        #expect(try waiting() == 0)
        #expect(try events(scenario, after: last).isEmpty)
        // Nobody else comes in as the consumer's device: both would move its cursor.
        let other = scenario.phones.add("shop", device: "consumer:crm", isSendOnly: false)
        other.hello()
        try scenario.settle()
        #expect(other.closes == [.deviceMismatch])
        scenario.check()
    }

    @Test(arguments: [0, 1, 2]) func `a tracked message's delivery is told once, by the device that has it first`(place: Int) throws {
        let scenario = try Scenario()
        let harness = scenario.harness
        let (phone, tablet) = (try scenario.online("bob"), try scenario.online("bob", "tablet"))
        _ = try register("crm", scenario)
        try phone.leave()
        try tablet.leave()
        harness.push(from: "shop", to: ["bob"], "plain", tag: "a")
        harness.push(from: "shop", to: ["bob"], "tracked", tag: "b", isTracked: true)
        harness.push(from: "shop", to: ["bob", "cid"], "tracked, too", tag: "c", isTracked: true)
        try scenario.settle()
        // Wherever the user's row is by then.
        if place > 0 { try scenario.toDisk() }
        if place == 2 { try scenario.phones.crash() }
        try phone.comeBack()
        phone.acknowledge()
        try scenario.settle()
        try tablet.comeBack()
        tablet.acknowledge()
        try scenario.settle()
        let start = try #require(try consumers(scenario).first?.consumer.place)
        let delivered = lines(try events(scenario, after: start, FeedFilter(types: FeedEventTypes(.messageDelivered))))
        #expect(
            delivered.filter { $0.contains(" by ") } == ["message.delivered shop>bob b by phone", "message.delivered shop>bob c by phone"])
        #expect(delivered.count == 4)
        scenario.check()
    }

    @Test func `what is to come can't be asked for, and a place of an undone future is told`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        let harness = scenario.harness
        let last = try page(scenario, after: .start).next
        let reply = harness.askEvents(after: .end(of: Position(rawValue: last.position.rawValue + 1)))
        try scenario.settle()
        guard case .placeAhead(let newest)? = harness.answers[reply] else { throw Problem("not refused") }
        #expect(newest == last)
        guard case .placeAhead? = try register("crm", scenario, .after(.end(of: Position(rawValue: 900)))) else { throw Problem("taken") }
        guard case .noConsumer? = try acknowledge("crm", last, scenario) else { throw Problem("taken") }
        // The store of before two of the messages, in a new era: as after a restored backup.
        let restored = try Scenario(storage: MemoryStorage())
        let bob = try restored.online("ann")
        bob.send(1...1, to: "bob")
        try restored.toDisk()
        let kept = try self.page(restored, after: .start).next
        try restored.harness.storage.raiseEra()
        let after = try Scenario(storage: restored.harness.storage)
        _ = try after.online("cid")
        #expect(try page(after, after: kept).rewoundTo == nil)
        #expect(lines(try page(after, after: kept).events) == ["session.begun cid/phone"])
        let lost = FeedPlace.end(of: Position(rawValue: kept.position.rawValue + 1))
        let page = try page(after, after: lost)
        let place = try #require(page.rewoundTo)
        #expect(page.events.isEmpty && page.next == place)
        #expect(lines(try self.page(after, after: place).events) == ["session.begun cid/phone"])
    }

    @Test func `an expired and an evicted message are told with what left`() throws {
        let scenario = try Scenario {
            $0.inboxMessagesMax = 3
            $0.inboxPolicy = .evictWithGap
        }
        let ann = try scenario.online("ann")
        _ = try scenario.offline("bob")
        ann.send(1...5, to: "bob")
        try scenario.settle()
        let left = try events(scenario).compactMap { event -> FeedEvent.Left? in
            if case .left(let left) = event.content { left } else { nil }
        }
        #expect(left.reduce(0) { $0 + $1.count } == 2)
        #expect(left.allSatisfy { $0.reason == .evicted && $0.from < $0.through })
        scenario.check()
    }

    @Test func `places are read digit for digit`() {
        let place = FeedPlace(Position(era: 3, offset: 77), 9)
        #expect(place.description == "00216172782113783885-00009")
        #expect(FeedPlace(place.description) == place)
        for wrong in [
            "", "-", "00216172782113783885-00009 ", "216172782113783885-9", "00216172782113783885-65536", "99999999999999999999-00000",
            "00216172782113783885_00009", "+0216172782113783885-00009", "００２１６１７２７８２１１３７８３８８５-00009",
        ] {
            #expect(FeedPlace(wrong) == nil, "\(wrong)")
        }
    }

    @Test func `records that speak of cursors, ends and evictions are read as they were written, also those of earlier versions`() throws {
        let session = SessionID(user: 3, serial: 2)
        let entry = InboxEntry(position: Position(era: 1, offset: 500), ordinal: 4, cumulativeBytes: 90)
        let records: [Record] = [
            .cursors(
                [
                    CursorRecord(
                        session: session, attach: AttachNumber(rawValue: 7), entry, from: .zero,
                        tracked: [Position(rawValue: 7), entry.position])
                ], time: 9),
            .cursors([CursorRecord(session: session, attach: AttachNumber(rawValue: 7), entry, from: entry.position)], time: 0),
            .sessionEnded(session, hasExpired: true, time: 5),
            .evicted(
                EvictedRecord(
                    user: 3, through: entry, reason: .evicted, from: Position(rawValue: 4), count: 6, time: 8,
                    tracked: [Position(rawValue: 9)])),
            .hold(
                HoldRecord(
                    name: HoldName(.consumer, "crm"),
                    hold: Hold(
                        floor: .zero, ageMax: 1, bytesMax: 2,
                        consumer: FeedConsumer(
                            filter: FeedFilter(types: .all, user: [65], tag: [66]), place: .start,
                            missed: .init(after: .start, through: .end(of: entry.position), cause: .noRoom))), cause: .ageLimit)),
        ]
        for record in records {
            var bytes: [UInt8] = []
            record.encode(into: &bytes)
            #expect(Record.decode(bytes.span) == record)
        }
        // crc, kind 2, session, attach, position, ordinal, bytes: without origin and time.
        var old: [UInt8] = [0, 0, 0, 0, 2]
        old.append(bigEndian: session.rawValue)
        old.append(bigEndian: UInt32(7))
        entry.encode(into: &old)
        old.seal(from: 0)
        #expect(
            Record.decode(old.span)
                == .cursors([CursorRecord(session: session, attach: AttachNumber(rawValue: 7), entry, from: .zero)], time: 0))
    }
}

extension CoreHarness {
    /// What a consumer has read of an inbox.
    func consume(_ user: String, _ device: String, through position: Position) -> ReplyID {
        let reply = newReply()
        submit(
            to: loops,
            encoding: { .consume(reply, $0.appendConsumed(user: Array(user.utf8), device: Array(device.utf8), through: position)) })
        return reply
    }

    /// Asks for events by the port.
    func askEvents(
        after place: FeedPlace, _ filter: FeedFilter = FeedFilter(), consumer: String = "", limit: Int = 1_000, wantsBodies: Bool = false
    ) -> ReplyID {
        ask(encoding: { $0.appendEvents(after: place, filter, consumer: Array(consumer.utf8), limit: limit, wantsBodies: wantsBodies) })
    }
}

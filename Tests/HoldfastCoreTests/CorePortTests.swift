import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct CorePortTests {
    private func answer(_ scenario: Scenario, _ reply: ReplyID) -> PortAnswer? { scenario.harness.answers[reply] }

    private func refusals(of reply: ReplyID, _ scenario: Scenario) -> [RefusalCode?] {
        guard case .pushed(let pushed)? = answer(scenario, reply) else { return [] }
        return pushed.refusals
    }

    // MARK: Pushes

    @Test(arguments: [false, true]) func `a push reaches those who are there, those who are away, and those who are new`(cold: Bool) throws
    {
        let scenario = try Scenario { if cold { ($0.cachedUsersMax, $0.cachedLookupsMax) = (1, 1) } }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        if cold { try scenario.toDisk() }
        let reply = scenario.harness.push(from: "shop", to: ["ann", "bob", "cat"], "t1")
        try scenario.settle()
        guard case .pushed(let pushed) = answer(scenario, reply) else { return #expect(Bool(false)) }
        let (position, refusals) = (pushed.position, pushed.refusals)
        #expect(refusals == [nil, nil, nil])
        #expect(ann.texts == ["t1"])
        #expect(scenario.harness.stored.messages[position]?.record.recipients.count == 3)
        try bob.comeBack()
        #expect(bob.texts == ["t1"])
        #expect(bob.peers.isEmpty || bob.peers.values.allSatisfy { $0 == "shop" })
        let cat = try scenario.online("cat")
        #expect(cat.texts == ["t1"])
        // The conversation is one with two members: the answer goes to the account's user.
        cat.send("answer", to: "shop")
        try scenario.settle()
        let shop = try scenario.online("shop")
        #expect(shop.texts == ["answer"])
        scenario.check()
    }

    @Test func `who is refused is in the record, and nobody else is affected`() throws {
        let scenario = try Scenario { $0.inboxMessagesMax = 2 }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...2, to: "bob")
        try scenario.settle()
        let reply = scenario.harness.push(from: "ann", to: ["bob", "nobody", "cat"], "t3")
        let strict = scenario.harness.push(from: "ann", to: ["bob", "stranger", "cat"], "t4", mustExist: true)
        try scenario.settle()
        #expect(refusals(of: reply, scenario) == [.inboxFull, nil, nil])
        guard case .pushed(let pushed) = answer(scenario, strict) else { return #expect(Bool(false)) }
        let (position, refusals) = (pushed.position, pushed.refusals)
        #expect(refusals[0] == .inboxFull && refusals[1] == .invalidRecipient)
        #expect(scenario.harness.stored.messages[position]?.record.recipients.map(\.refusal) == refusals)
        try scenario.phones.crash()
        try bob.comeBack()
        #expect(bob.texts == ["t1", "t2"])
        #expect(scenario.harness.stored.number(of: "stranger") == 0)
        scenario.check()
    }

    @Test func `a body that is too large, one name twice, and a full disk store nothing`() throws {
        let scenario = try Scenario { $0.bodyBytesMax = 8 }
        let large = scenario.harness.push(from: "ann", to: ["bob"], "123456789")
        let twice = scenario.harness.push(from: "ann", to: ["bob", "cat", "bob"], "t1")
        try scenario.settle()
        #expect(answer(scenario, large) == .refused(.bodyTooLarge(bytesMax: 8)))
        #expect(answer(scenario, twice) == .refused(.recipientTwice))
        scenario.harness.storage.setSpaceLow(true)
        scenario.harness.tick()
        let full = scenario.harness.push(from: "ann", to: ["bob"], "t2")
        try scenario.settle()
        #expect(answer(scenario, full) == .refused(.storageFull))
        #expect(scenario.harness.stored.messages.isEmpty)
        scenario.check()
    }

    @Test func `an account that begins with a push can write to itself`() throws {
        let scenario = try Scenario()
        let reply = scenario.harness.push(from: "shop", to: ["cat", "shop"], "t1")
        try scenario.settle()
        #expect(refusals(of: reply, scenario) == [nil, nil])
        try scenario.phones.crash()
        try scenario.toDisk()
        for name in ["shop", "cat"] {
            let phone = try scenario.online(name)
            #expect(phone.texts == ["t1"])
        }
        scenario.check()
    }

    @Test(arguments: [0, 2_000]) func `a thousand users are one command, whatever the caches hold`(cached: Int) throws {
        let scenario = try Scenario {
            ($0.cachedUsersMax, $0.cachedLookupsMax) = (cached, cached)
            $0.readKeysMax = 64
        }
        let names = (1...1_000).map { "user\($0)" }
        let first = scenario.harness.push(from: "shop", to: names, "t1")
        try scenario.toDisk()
        try scenario.phones.crash()
        let second = scenario.harness.push(from: "shop", to: names.reversed(), "t2", mustExist: true)
        try scenario.settle()
        for reply in [first, second] {
            guard case .pushed(let pushed)? = answer(scenario, reply) else { continue }
            let (position, refusals) = (pushed.position, pushed.refusals)
            #expect(refusals.allSatisfy { $0 == nil })
            #expect(scenario.harness.stored.messages[position]?.record.recipients.count == 1_000)
        }
        #expect(answer(scenario, second) != nil)
        try scenario.toDisk()
        for name in ["user1", "user500", "user1000"] {
            let phone = try scenario.online(name)
            #expect(phone.texts == ["t1", "t2"])
        }
        #expect(scenario.harness.core.counts.waitingCommands == 0)
        scenario.check()
    }

    @Test func `messages of one upload keep their order although some wait for rows`() throws {
        let scenario = try Scenario { ($0.cachedUsersMax, $0.cachedLookupsMax) = (1, 1) }
        for name in ["ann", "bob", "cat"] { _ = try scenario.offline(name) }
        try scenario.toDisk()
        let upload = scenario.harness.newReply()
        let replies = (1...30).map {
            scenario.harness.push(from: "shop", to: [["ann", "bob", "cat"][$0 % 3]], "t\($0)", upload: upload)
        }
        try scenario.settle()
        let positions = replies.compactMap { reply -> Position? in
            guard case .pushed(let pushed)? = answer(scenario, reply) else { return nil }
            return pushed.position
        }
        #expect(positions.count == 30 && positions == positions.sorted())
        scenario.check()
    }

    // MARK: Questions

    @Test func `a user's sessions are as the last synced record says`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        bob.acknowledge()
        // Asked at the moment when the cursor has moved and has no record.
        let reply = scenario.harness.ask(["bob"]) { .sessions(user: $0[0]) }
        let stranger = scenario.harness.ask(["zoe"]) { .sessions(user: $0[0]) }
        try scenario.settle()
        guard case .sessions(let found?, let position) = answer(scenario, reply) else { return #expect(Bool(false)) }
        #expect(found.sessions.map(\.id) == [bob.session])
        #expect(found.sessions[0].isConnected && !found.sessions[0].hasEnded)
        guard case .sessions(nil, _) = answer(scenario, stranger) else { return #expect(Bool(false)) }
        // What was answered is still so after a crash.
        try scenario.phones.crash()
        #expect(scenario.harness.storage.nextPosition > position)
        let again = scenario.harness.ask(["bob"]) { .sessions(user: $0[0]) }
        try scenario.settle()
        guard case .sessions(let after?, _) = answer(scenario, again) else { return #expect(Bool(false)) }
        #expect(after.sessions[0].cursor >= found.sessions[0].cursor)
        #expect(!after.sessions[0].isConnected)
        scenario.check()
    }

    private func askInbox(_ name: String, _ scenario: Scenario) -> ReplyID { scenario.harness.ask([name]) { .inbox(user: $0[0]) } }

    /// What waits for the user, as the gateway says now: messages and bytes; nil: nobody has the name.
    private func inbox(of name: String, _ scenario: Scenario) throws -> [Int]? {
        let reply = askInbox(name, scenario)
        try scenario.settle()
        return inbox(reply, scenario)
    }

    private func inbox(_ reply: ReplyID, _ scenario: Scenario) -> [Int]? {
        guard case .inbox(let found, _)? = answer(scenario, reply) else {
            Issue.record("the question has no answer, or another one's")
            return nil
        }
        return found.map { [$0.messages, $0.bytes] }
    }

    @Test(arguments: [false, true]) func `what waits for a user is what not all of his devices have acknowledged`(cold: Bool) throws {
        let scenario = try Scenario { if cold { ($0.cachedUsersMax, $0.cachedLookupsMax) = (1, 1) } }
        let ann = try scenario.online("ann")
        let phone = try scenario.online("bob")
        let tablet = try scenario.online("bob", "tablet")
        _ = try scenario.online("bob", "service", isSendOnly: true)
        ann.send(1...3, to: "bob", size: 10)
        ann.send(4...4, to: "bob", size: 50)
        try scenario.settle()
        #expect(try inbox(of: "bob", scenario) == [4, 80])
        #expect(try inbox(of: "ann", scenario) == [0, 0])
        #expect(try inbox(of: "zoe", scenario) == nil)
        phone.acknowledge()
        try scenario.settle()
        #expect(try inbox(of: "bob", scenario) == [4, 80])
        tablet.acknowledge(through: tablet.unacknowledged[2])
        try scenario.settle()
        #expect(try inbox(of: "bob", scenario) == [1, 50])
        if cold {
            for phone in scenario.phones.all { phone.drop() }
            try scenario.toDisk()
            // The cache has room for one.
            _ = try inbox(of: "ann", scenario)
            scenario.harness.tick()
        }
        #expect(try inbox(of: "bob", scenario) == [1, 50])
        scenario.check()
    }

    @Test(arguments: 1...20) func `what is said to wait is still so after a crash`(seed: UInt64) throws {
        let scenario = try Scenario(seed: seed)
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        let cat = try scenario.online("cat")
        for name in ["bob", "cat"] { scenario.harness.push(from: "ann", to: [name], "a \(name)") }
        ann.send(1...3, to: "bob")
        ann.send(4...6, to: "cat")
        try scenario.settle()
        // Asked when the cursors have moved and have no records, and one device has gone for good.
        bob.acknowledge(through: bob.unacknowledged[1])
        cat.acknowledge(through: cat.unacknowledged[1])
        cat.logout()
        let replies = ["bob", "cat"].map { askInbox($0, scenario) }
        while replies.contains(where: { answer(scenario, $0) == nil }) { try scenario.harness.step() }
        let before = replies.map { inbox($0, scenario) }
        try scenario.phones.crash()
        // The question may have overtaken an acknowledgement, which counts by now; what was said to have left doesn't come back.
        for (name, said) in zip(["bob", "cat"], before) {
            let found = try #require(try inbox(of: name, scenario))
            #expect(found.count == 2 && zip(found, said ?? []).allSatisfy { $0 <= $1 })
        }
        scenario.check()
    }

    @Test(arguments: 1...20) func `what waits at the answer's position is what the journal has up to there`(seed: UInt64) throws {
        let scenario = try Scenario(seed: seed) { ($0.cachedUsersMax, $0.checkpointEntries) = (1, 5) }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        var replies: [ReplyID] = []
        for number in 1...30 {
            ann.send("t\(number)", to: "bob", size: 10 + number)
            replies.append(askInbox("bob", scenario))
            for _ in 0..<Int(seed % 5) { try scenario.harness.step() }
        }
        try scenario.settle()
        let stored = scenario.harness.stored
        for reply in replies {
            guard case .inbox(let found?, let position)? = answer(scenario, reply) else { return #expect(Bool(false)) }
            let positions = stored.inbox(of: stored.number(of: "bob"), after: .zero, through: position)
            #expect(found.messages == positions.count)
            #expect(found.bytes == positions.compactMap { stored.messages[$0]?.record.body.count }.reduce(0, +))
        }
        #expect(bob.texts.isEmpty)
        scenario.check()
    }

    @Test func `what was evicted doesn't wait`() throws {
        let scenario = try Scenario { ($0.inboxMessagesMax, $0.inboxPolicy) = (4, .evictWithGap) }
        let ann = try scenario.online("ann")
        _ = try scenario.offline("bob")
        ann.send(1...1, to: "bob", size: 20)
        ann.send(2...4, to: "bob")
        try scenario.settle()
        #expect(try inbox(of: "bob", scenario) == [4, 44])
        ann.send(5...5, to: "bob")
        try scenario.settle()
        #expect(try inbox(of: "bob", scenario) == [4, 32])
        scenario.check()
    }

    @Test(arguments: 1...20) func `users in pages, while checkpoints move them to the disk, are all users once`(seed: UInt64) throws {
        let scenario = try Scenario(seed: seed) { ($0.checkpointEntries, $0.cachedLookupsMax) = (5, 2) }
        for round in 0..<4 {
            let names = (0..<7).map { "user\(round)-\($0)" }
            scenario.harness.push(from: "shop", to: names, "t\(round)")
            if round.isMultiple(of: 2) { try scenario.toDisk() } else { try scenario.settle() }
            for _ in 0..<Int(seed % 7) { try scenario.harness.step() }
            var found: [String] = []
            var after: UInt64 = 0
            while true {
                let reply = scenario.harness.ask { _ in .users(after: after, prefix: 0..<0, limit: 3) }
                try scenario.settle()
                guard case .users(let page, _)? = answer(scenario, reply) else { return #expect(Bool(false)) }
                found += page.users.map { String(decoding: $0.name, as: UTF8.self) }
                #expect(page.users.count == 3 || page.next == nil)
                guard let next = page.next else { break }
                after = next
            }
            let expected = ["shop"] + (0...round).flatMap { round in (0..<7).map { "user\(round)-\($0)" } }
            #expect(found == expected)
        }
        scenario.check()
    }
}

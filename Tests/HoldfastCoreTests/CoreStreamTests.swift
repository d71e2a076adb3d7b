import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct CoreStreamTests {
    @Test func `a window without room for the next message waits without reading it again and again`() throws {
        let scenario = try Scenario { $0.creditBytes = 100 }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...6, to: "bob", size: 60)
        try scenario.settle()
        let reads = scenario.harness.readsRun
        try bob.comeBack()
        #expect(bob.texts == scenario.texts(1...1))
        #expect(scenario.harness.readsRun < reads + 10)
        bob.acknowledgesByItself = true
        bob.acknowledge()
        try scenario.settle()
        #expect(bob.texts == scenario.texts(1...6))
        scenario.check()
    }

    @Test func `a message bigger than the window comes when nothing else is unacknowledged`() throws {
        let scenario = try Scenario { $0.creditBytes = 50 }
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send("small", to: "bob", size: 10)
        ann.send("big", to: "bob", size: 500)
        try scenario.settle()
        #expect(bob.texts == ["small"])
        bob.acknowledge()
        try scenario.settle()
        #expect(bob.texts == ["small", "big"])
        scenario.check()
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>) func `what was queued and what is new are one stream`(seed: UInt64) throws {
        let scenario = try Scenario(seed: seed) {
            $0.creditMessages = 3
            $0.pageMessagesMax = 2
            $0.checkpointEntries = 5
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...30, to: "bob")
        try scenario.settle()
        bob.acknowledgesByItself = true
        bob.hello()
        for number in 31...60 {
            ann.send("t\(number)", to: "bob")
            try scenario.harness.step()
            if number.isMultiple(of: 5) { scenario.harness.tick() }
        }
        try scenario.settle()
        #expect(bob.texts == scenario.texts(1...60))
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 0)
        scenario.check()
    }

    // REQ-STREAM-3
    @Test func `own sends are skipped for the session and delivered to the user's other devices`() throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.online("ann", "tablet")
        phone.send(1...3, to: "bob")
        try scenario.settle()
        #expect(phone.texts.isEmpty && phone.skips == 3)
        #expect(tablet.ownTexts == scenario.texts(1...3))
        let watch = try scenario.online("ann", "watch")
        #expect(watch.ownTexts == scenario.texts(1...3))
        scenario.check()
    }

    @Test func `own sends need no acknowledgement and hold nothing back`() throws {
        let scenario = try Scenario { $0.inboxMessagesMax = 8 }
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.online("ann", "tablet")
        let bob = try scenario.online("bob")
        tablet.acknowledgesByItself = true
        bob.acknowledgesByItself = true
        for number in 1...40 {
            phone.send("t\(number)", to: "bob")
            try scenario.settle()
        }
        #expect(phone.refusals.isEmpty)
        #expect(bob.texts == scenario.texts(1...40))
        #expect(scenario.harness.core.counts.deliveries == 0)
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 0)
        // One that came before is acknowledged first.
        bob.send("hello", to: "ann")
        try scenario.settle()
        phone.send(41...44, to: "bob")
        try scenario.settle()
        #expect(scenario.harness.core.counts.deliveries == 2)
        phone.acknowledge(through: phone.unacknowledged.first)
        try scenario.settle()
        #expect(scenario.harness.core.counts.deliveries == 0)
        scenario.check()
    }

    @Test func `own sends say nothing of which state the client has`() throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        _ = try scenario.online("ann", "tablet")
        phone.send(1...3, to: "bob")
        try scenario.settle()
        try phone.leave()
        let state = phone.state
        for _ in 0..<3 {
            // WELCOME and SKIP of these are lost.
            phone.state = state
            phone.confirmedThrough = 0
            try phone.comeBack()
            #expect(phone.welcomes.last?.outcome == .resumed)
            try phone.leave()
        }
        scenario.check()
    }

    // REQ-CONV-6
    @Test(arguments: [false, true]) func `a message to oneself is the user's own on the other devices, and passed over where it was sent`(
        onDisk: Bool
    ) throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.online("ann", "tablet")
        phone.send(1...3, to: "ann")
        try scenario.settle()
        #expect(tablet.ownTexts == scenario.texts(1...3) && tablet.texts == tablet.ownTexts)
        #expect(phone.texts.isEmpty && phone.skips == 3)
        #expect(phone.confirmedThrough == 3 && phone.peers.values.allSatisfy { $0 == "ann" })
        if onDisk { try scenario.toDisk() }
        // The tablet hasn't acknowledged: a device that comes later gets what is still there.
        let watch = try scenario.online("ann", "watch")
        #expect(watch.ownTexts == scenario.texts(1...3))
        tablet.acknowledge()
        watch.acknowledge()
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 0)
        scenario.check()
    }

    // REQ-CONV-6
    @Test func `with one device a message to oneself is stored, confirmed and gone, and doesn't come back`() throws {
        let scenario = try Scenario { $0.inboxMessagesMax = 4 }
        let phone = try scenario.online("ann", "phone")
        // More than the inbox takes: what the session has passed over takes no room.
        for number in 1...10 {
            phone.send("t\(number)", to: "ann")
            try scenario.settle()
        }
        #expect(phone.refusals.isEmpty && phone.confirmedThrough == 10)
        #expect(phone.texts.isEmpty)
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 0)
        let tablet = try scenario.online("ann", "tablet")
        #expect(tablet.texts.isEmpty)
        scenario.check()
    }

    // REQ-CONV-6
    @Test func `a program's notes to its own user wait for his first phone`() throws {
        let scenario = try Scenario()
        let script = try scenario.online("ann", "script", isSendOnly: true)
        script.send(1...3, to: "ann")
        try scenario.settle()
        #expect(script.confirmedThrough == 3)
        let phone = try scenario.online("ann", "phone")
        #expect(phone.ownTexts == scenario.texts(1...3))
        scenario.check()
    }

    @Test func `a user exists from the first message to him, and his first session begins with it`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send(1...5, to: "bob")
        try scenario.settle()
        try scenario.toDisk()
        try scenario.phones.crash()
        let bob = try scenario.online("bob")
        #expect(bob.welcomes.first?.outcome == .begun)
        #expect(bob.texts == scenario.texts(1...5))
        scenario.check()
    }

    @Test(arguments: [false, true]) func `a further device begins at the oldest message that is kept`(onDisk: Bool) throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let phone = try scenario.online("bob", "phone")
        ann.send(1...6, to: "bob")
        try scenario.settle()
        phone.acknowledge(through: phone.unacknowledged[1])
        try scenario.settle()
        if onDisk { try scenario.toDisk() }
        let tablet = try scenario.online("bob", "tablet")
        #expect(tablet.texts == scenario.texts(3...6))
        phone.acknowledge()
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 4)
        tablet.acknowledge()
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 0)
        scenario.check()
    }

    @Test func `a send-only session gets no stream and holds nothing back`() throws {
        let scenario = try Scenario()
        let script = try scenario.online("bob", isSendOnly: true)
        let ann = try scenario.online("ann")
        ann.send(1...3, to: "bob")
        script.send("s1", to: "ann")
        try scenario.settle()
        #expect(script.texts.isEmpty && script.skips == 0)
        #expect(ann.texts == ["s1"])
        let phone = try scenario.online("bob", "tablet")
        #expect(phone.texts == scenario.texts(1...3))
        phone.acknowledge()
        ann.acknowledge()
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 0)
        scenario.check()
    }

    @Test func `acknowledging is cumulative, and the same again does nothing`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...5, to: "bob")
        try scenario.settle()
        let positions = bob.unacknowledged
        bob.acknowledge(through: positions[3])
        try scenario.settle()
        let origin = bob.origin
        for position in positions[0...3] {
            scenario.harness.submit(to: origin.connection.loop) { _ in .acknowledge(origin, ShortPosition(position)) }
        }
        try scenario.settle()
        bob.hello(withState: false)
        try scenario.settle()
        #expect(bob.welcomes.last?.cursor == positions[3])
        #expect(bob.texts.last == "t5")
        scenario.check()
    }

    // REQ-POS-2
    @Test func `acknowledgements of the era before the current one are told apart`() throws {
        let storage = MemoryStorage(firstPosition: Position(era: 1, offset: 1))
        let before = try Scenario(storage: storage)
        let ann = try before.online("ann")
        ann.send(1...3, to: "bob")
        try before.settle()
        try storage.raiseEra()
        let scenario = try Scenario(storage: storage.crashCopy())
        let again = try scenario.online("ann")
        again.send(4...9, to: "bob")
        try scenario.settle()
        let bob = scenario.phones.add("bob")
        var positions: [Position] = []
        scenario.harness.receive = { handle, output in
            if case .deliver(_, let delivery) = output.effect { positions.append(delivery.position) }
            if case .welcome(bob.connection, _) = output.effect { bob.hear(Output(effect: output.effect)) }
        }
        bob.hello()
        try scenario.settle()
        #expect(positions.count == 9)
        let old = positions[1]
        #expect(old.era == 1)
        bob.harness.submit(to: bob.connection.loop) { _ in .acknowledge(bob.origin, ShortPosition(old)) }
        try scenario.settle()
        bob.hello(withState: false)
        try scenario.settle()
        #expect(bob.welcomes.last?.cursor == old)
        let new = positions[5]
        #expect(new.era == 2)
        bob.harness.submit(to: bob.connection.loop) { _ in .acknowledge(bob.origin, ShortPosition(new)) }
        try scenario.settle()
        bob.hello(withState: false)
        try scenario.settle()
        #expect(bob.welcomes.last?.cursor == new)
    }

    @Test func `a smaller window is kept and a larger one used`() throws {
        let scenario = try Scenario { $0.creditMessages = 8 }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...20, to: "bob")
        try scenario.settle()
        try bob.comeBack()
        #expect(bob.texts.count == 8)
        bob.setCredit(messages: 2, bytes: 1_000)
        bob.acknowledge(through: bob.unacknowledged[6])
        try scenario.settle()
        #expect(bob.texts.count == 9)
        bob.setCredit(messages: 5, bytes: 1_000)
        try scenario.settle()
        #expect(bob.texts.count == 12)
        scenario.check()
    }

    @Test func `lookups name the peer, and of others' conversations nothing`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send("t1", to: "bob")
        try scenario.settle()
        let number = try #require(ann.peers.first { $0.value == "bob" }?.key)
        try scenario.toDisk()
        try scenario.phones.crash()
        let bob = try scenario.online("bob")
        bob.lookup(number)
        bob.lookup(ConversationNumber(rawValue: number.rawValue + 1))
        let eve = try scenario.online("eve")
        eve.lookup(number)
        try scenario.settle()
        #expect(bob.peers == [number: "ann"])
        #expect(eve.peers.isEmpty)
        scenario.check()
    }

    @Test(arguments: [false, true])
    func `all that a message to one who is cold needs comes with one answer`(isFirst: Bool) throws {
        let scenario = try Scenario()
        let (ann, eve) = (try scenario.online("ann"), try scenario.online("eve"))
        ann.send("t1", to: "bob")
        try scenario.toDisk()
        try scenario.phones.crash()
        // Ann knows the conversation's number, eve bob's name.
        let sender = isFirst ? eve : ann
        try sender.comeBack()
        let reads = scenario.harness.readsRun
        sender.send("t2", to: "bob")
        try scenario.settle()
        #expect(scenario.harness.readsRun == reads + 1)
        #expect(scenario.harness.core.names.nextConversation == (isFirst ? 3 : 2))
        #expect(sender.refusals.isEmpty)
        scenario.check()
    }

    @Test func `readers are asked for many rows in parts, each row once`() throws {
        let scenario = try Scenario { $0.readKeysMax = 2 }
        let ann = try scenario.online("ann")
        let users = (1...5).map { "user \($0)" }
        for user in users { ann.send("to \(user)", to: user) }
        var parts: [ReadRequests] = []
        while parts.reduce(0, { $0 + $1.keys.count }) < users.count {
            try scenario.harness.step(reading: false)
            while let part = scenario.harness.core.takeReads() { parts.append(part) }
        }
        #expect(parts.map(\.keys.count) == [2, 2, 1])
        #expect(Set(parts.flatMap(\.keys)).count == users.count)
        // Answered in another order than asked.
        for part in parts.reversed() { scenario.harness.hear(.read(try part.run(on: scenario.harness.storage))) }
        try scenario.settle()
        #expect(scenario.harness.core.counts.waitingCommands == 0)
        #expect(scenario.harness.core.names.nextConversation == UInt64(users.count + 1))
        scenario.check()
    }

    @Test func `what was read for a message is enough for it, however little the tables hold`() throws {
        let scenario = try Scenario { $0.cachedLookupsMax = 1 }
        let ann = try scenario.online("ann")
        let users = (1...20).map { "user \($0)" }
        for user in users { ann.send("to \(user)", to: user) }
        try scenario.toDisk()
        try scenario.phones.crash()
        try ann.comeBack()
        for user in users { ann.send("again to \(user)", to: user) }
        var askedFor = 0
        while askedFor == 0 || scenario.harness.core.counts.waitingCommands > 0 {
            try scenario.harness.step(reading: false)
            while let part = scenario.harness.core.takeReads() {
                askedFor += part.keys.count
                scenario.harness.hear(.read(try part.run(on: scenario.harness.storage)))
            }
        }
        try scenario.settle()
        #expect(askedFor == users.count)
        scenario.check()
    }

    @Test func `a conversation that was asked for too early is found later`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let next = ConversationNumber(rawValue: scenario.harness.core.names.nextConversation)
        // Asked while it doesn't exist; the answer comes when it does.
        let requests = try { () throws -> ReadRequests in
            ann.lookup(next)
            while true {
                try scenario.harness.step()
                if let requests = scenario.harness.core.takeReads() { return requests }
            }
        }()
        let answer = try requests.run(on: scenario.harness.storage)
        ann.drop()
        ann.hello()
        ann.send("t1", to: "bob")
        try scenario.settle()
        scenario.harness.hear(.read(answer))
        try scenario.toDisk()
        ann.send("t2", to: "bob")
        try scenario.settle()
        #expect(ann.refusals.isEmpty)
        scenario.check()
    }
}

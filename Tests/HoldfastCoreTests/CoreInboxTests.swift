import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct CoreInboxTests {
    @Test(arguments: [false, true]) func `a full inbox refuses the sender and goes on when there is room`(byBytes: Bool) throws {
        let scenario = try Scenario {
            if byBytes { $0.inboxBytesMax = 100 } else { $0.inboxMessagesMax = 10 }
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...12, to: "bob", size: 10)
        try scenario.settle()
        #expect(ann.refusals.count == 2 && ann.refusals.allSatisfy { $0.code == .inboxFull })
        try bob.comeBack()
        #expect(bob.texts == scenario.texts(1...10))
        bob.acknowledge()
        try scenario.settle()
        ann.send(13...14, to: "bob", size: 10)
        try scenario.settle()
        #expect(bob.texts == scenario.texts(1...10) + scenario.texts(13...14))
        scenario.check()
    }

    @Test func `for whom a message was stored while he was away is known until he has it`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        let cat = try scenario.offline("cat")
        func isMarked(_ phone: Phone) -> Bool {
            scenario.harness.core.undelivered.contains(phone.session)
        }
        ann.send(1...2, to: "bob")
        try scenario.settle()
        #expect(!isMarked(bob))
        #expect(!isMarked(cat))
        ann.send(3...4, to: "cat")
        try scenario.settle()
        #expect(isMarked(cat))
        #expect(!isMarked(bob))
        try cat.comeBack()
        #expect(!isMarked(cat))
    }

    enum Where: CaseIterable { case ram, disk, diskThenRestart, half }

    private func evicting(_ place: Where, _ scenario: Scenario, _ ann: Phone) throws {
        ann.send(1...32, to: "bob", size: 10)
        try scenario.settle()
        if place != .ram { try scenario.toDisk() }
        if place == .diskThenRestart {
            try scenario.phones.crash()
            try ann.comeBack()
        }
        ann.send(33...64, to: "bob", size: 10)
        try scenario.settle()
        if place == .disk || place == .diskThenRestart { try scenario.toDisk() }
        ann.send(65...74, to: "bob", size: 10)
        try scenario.settle()
    }

    @Test(arguments: Where.allCases) func `the oldest make room, and the recipient hears how many are missing`(place: Where) throws {
        let scenario = try Scenario {
            $0.inboxPolicy = .evictWithGap
            $0.inboxMessagesMax = 64
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        try evicting(place, scenario, ann)
        #expect(ann.refusals.isEmpty)
        try bob.comeBack()
        #expect(bob.gaps.map(\.count) == [10] && bob.gaps.map(\.reason) == [.evicted])
        #expect(bob.texts == scenario.texts(11...74))
        bob.acknowledge()
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 0)
        scenario.check()
    }

    @Test(arguments: Where.allCases) func `one who never had a session hears of the gap too`(place: Where) throws {
        let scenario = try Scenario {
            $0.inboxPolicy = .evictWithGap
            $0.inboxMessagesMax = 64
        }
        let ann = try scenario.online("ann")
        try evicting(place, scenario, ann)
        let bob = try scenario.online("bob")
        #expect(bob.gaps.map(\.count) == [10])
        #expect(bob.texts == scenario.texts(11...74))
        scenario.check()
    }

    @Test func `a live recipient who doesn't acknowledge hears of the gap in its place`() throws {
        let scenario = try Scenario {
            $0.inboxPolicy = .evictWithGap
            $0.inboxMessagesMax = 10
            $0.creditMessages = 4
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...10, to: "bob")
        try scenario.settle()
        ann.send(11...20, to: "bob")
        try scenario.settle()
        #expect(bob.texts == scenario.texts(1...4))
        #expect(bob.gaps.reduce(0) { $0 + Int($1.count) } == 6)
        bob.acknowledgesByItself = true
        bob.acknowledge()
        try scenario.settle()
        #expect(bob.texts == scenario.texts(1...4) + scenario.texts(11...20))
        scenario.check()
    }

    @Test func `an inbox that was acknowledged in part since the checkpoint still makes room`() throws {
        let scenario = try Scenario {
            $0.inboxPolicy = .evictWithGap
            $0.inboxMessagesMax = 10
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...10, to: "bob")
        try scenario.toDisk()
        bob.acknowledge(through: bob.unacknowledged[3])
        try scenario.settle()
        ann.send(11...16, to: "bob")
        try scenario.settle()
        #expect(ann.refusals.isEmpty)
        scenario.check()
    }

    // REQ-STREAM-9
    @Test(arguments: [false, true]) func `what a client has beyond its last acknowledgement is no part of the gap`(onDisk: Bool) throws {
        let scenario = try Scenario {
            $0.inboxPolicy = .evictWithGap
            $0.inboxMessagesMax = 10
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...10, to: "bob")
        try scenario.settle()
        if onDisk { try scenario.toDisk() }
        // Five are with the client, which hadn't acknowledged them.
        let state = bob.state.map {
            PresentedState(session: $0.session, attach: $0.attach, position: bob.unacknowledged[4], lastSequence: $0.lastSequence)
        }
        try bob.leave()
        ann.send(11...18, to: "bob")
        try scenario.settle()
        bob.state = state
        try bob.comeBack()
        #expect(bob.welcomes.last?.cursor == state?.position)
        #expect(bob.gaps.last.map { (3...8).contains($0.count) } == true)
        #expect(bob.texts.suffix(10) == scenario.texts(9...18)[...])
    }

    @Test func `a position that names no entry doesn't confuse the counters`() throws {
        let scenario = try Scenario { $0.inboxMessagesMax = 10 }
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        let eve = try scenario.online("eve")
        ann.send(1...5, to: "bob")
        try scenario.settle()
        bob.acknowledge()
        try scenario.settle()
        // Positions that aren't in Bob's inbox.
        ann.send(20...29, to: "eve")
        try scenario.settle()
        let between = try #require(eve.unacknowledged.last)
        ann.send(30...33, to: "bob")
        try scenario.toDisk()
        try bob.leave()
        try scenario.phones.crash()
        bob.state?.position = between
        try bob.comeBack()
        #expect(bob.welcomes.last?.cursor == between)
        let found = scenario.harness.core.users.find(bob.session.userNumber)
        let slot = try #require(found)
        let kept = scenario.harness.core.users.kept(of: slot)
        #expect(kept == (4, 32))
    }

    @Test func `own sends for an absent device count in the own inbox`() throws {
        let scenario = try Scenario { $0.inboxMessagesMax = 10 }
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.offline("ann", "tablet")
        let bob = try scenario.online("bob")
        bob.acknowledgesByItself = true
        phone.send(1...15, to: "bob")
        try scenario.settle()
        #expect(phone.refusals.map(\.code) == Array(repeating: .inboxFull, count: 5))
        try tablet.comeBack()
        tablet.acknowledge()
        try scenario.settle()
        phone.send(16...20, to: "bob")
        try scenario.settle()
        #expect(bob.texts == scenario.texts(1...10) + scenario.texts(16...20))
        scenario.check()
    }

    @Test func `own sends make room in the own inbox too`() throws {
        let scenario = try Scenario {
            $0.inboxPolicy = .evictWithGap
            $0.inboxMessagesMax = 10
        }
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.offline("ann", "tablet")
        phone.send(1...10, to: "bob")
        try scenario.toDisk()
        phone.send(11...15, to: "bob")
        try scenario.settle()
        #expect(phone.refusals.isEmpty)
        try tablet.comeBack()
        #expect(tablet.texts == scenario.texts(6...15))
        #expect(tablet.gaps.map(\.count) == [5])
        scenario.check()
    }

    @Test func `a session that has expired doesn't keep an inbox full`() throws {
        let scenario = try Scenario {
            $0.inboxMessagesMax = 10
            $0.sessionDays = 5
            $0.inboxDays = 0
        }
        let ann = try scenario.online("ann")
        let phone = try scenario.online("bob", "phone")
        let tablet = try scenario.offline("bob", "tablet")
        phone.acknowledgesByItself = true
        ann.send(1...10, to: "bob")
        try scenario.settle()
        ann.send("full", to: "bob")
        try scenario.settle()
        #expect(ann.refusals.count == 1)
        scenario.days(6)
        try scenario.settle()
        ann.send(11...20, to: "bob")
        try scenario.settle()
        #expect(ann.refusals.count == 1)
        #expect(phone.texts == scenario.texts(1...20))
        let session = tablet.session
        try tablet.comeBack()
        #expect(tablet.welcomes.last?.outcome == .begunExpired)
        #expect(tablet.session != session)
        scenario.check()
    }

    @Test func `messages that are too old leave with a gap, also of a user who is away, and the others stay`() throws {
        let scenario = try Scenario { $0.inboxDays = 4 }
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...4, to: "bob")
        ann.send("early", to: "eve")
        try scenario.toDisk()
        scenario.days(2)
        ann.send(5...7, to: "bob")
        try scenario.toDisk()
        // Another boot, whose wall clock is years ahead: nothing expires by that.
        scenario.harness.now.wall += 100_000_000_000
        try scenario.phones.crash()
        try scenario.settle()
        #expect(scenario.harness.stored.evictions.isEmpty)
        scenario.days(2)
        try scenario.toDisk()
        #expect(scenario.harness.storage.recordCount == 3)
        try bob.comeBack()
        #expect(bob.gaps.map(\.count) == [4] && bob.gaps.map(\.reason) == [.expired])
        #expect(bob.texts == scenario.texts(5...7))
        let eve = try scenario.online("eve")
        #expect(eve.gaps.map(\.count) == [1] && eve.gaps.map(\.reason) == [.expired] && eve.texts.isEmpty)
        scenario.check()
    }

    @Test func `who is connected and doesn't acknowledge hears that messages have expired`() throws {
        let scenario = try Scenario {
            $0.inboxDays = 3
            $0.creditMessages = 2
        }
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...6, to: "bob")
        try scenario.toDisk()
        #expect(bob.texts == scenario.texts(1...2))
        scenario.days(4)
        ann.send(7...7, to: "bob")
        try scenario.toDisk()
        bob.acknowledgesByItself = true
        bob.acknowledge()
        try scenario.settle()
        #expect(bob.texts == scenario.texts(1...2) + ["t7"])
        #expect(bob.gaps.map(\.count) == [4] && bob.gaps.map(\.reason) == [.expired])
        scenario.check()
    }

    @Test func `a record that isn't there is no gap, which would be acknowledged: the stream stops before it`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...3, to: "bob")
        try scenario.toDisk()
        let storage = scenario.harness.storage
        var batch = JournalBatch()
        batch.deletions = [scenario.harness.stored.inbox(of: 2, after: .zero, through: Position(rawValue: .max))[1]]
        batch.nextPosition = storage.nextPosition
        try storage.commit(batch)
        try bob.comeBack()
        #expect(bob.texts == ["t1"] && bob.gaps.isEmpty && bob.closes == [.internalError])
        // Nobody else is affected.
        let eve = try scenario.online("eve")
        ann.send(4...4, to: "eve")
        try scenario.settle()
        #expect(eve.texts == ["t4"])
    }

    @Test func `low space refuses new messages and deliveries go on`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        scenario.harness.storage.setSpaceLow(true)
        scenario.harness.tick()
        ann.send("t4", to: "bob")
        try scenario.settle()
        #expect(ann.refusals.map(\.code) == [.storageFull])
        try bob.comeBack()
        #expect(bob.texts == scenario.texts(1...3))
        scenario.harness.storage.setSpaceLow(false)
        scenario.harness.tick()
        ann.send("t5", to: "bob")
        try scenario.settle()
        #expect(bob.texts == scenario.texts(1...3) + ["t5"])
        scenario.check()
    }

    @Test(arguments: [false, true])
    func `while room is low what is acknowledged is trimmed within seconds, although nothing else happens`(isOnDisk: Bool) throws {
        let scenario = try Scenario()
        let harness = scenario.harness
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...120, to: "bob")
        try scenario.settle()
        if isOnDisk { try scenario.toDisk() }
        harness.storage.setSpaceLow(true)
        try bob.comeBack()
        #expect(bob.texts.count == 120)
        bob.acknowledge()
        let start = harness.now.monotonic
        while harness.storage.recordCount > 0, harness.now.monotonic < start + 5_000 { try scenario.settle() }
        #expect(harness.storage.recordCount == 0)
        // The store's rows of what was trimmed go, too.
        while harness.now.monotonic < start + 5_000 { try scenario.settle() }
        var releasedCount = 0
        try harness.storage.read { (snapshot) throws(StorageError) in
            try snapshot.scan(.released, from: [UInt8]().span) { _, _ in
                releasedCount += 1
                return true
            }
        }
        #expect(releasedCount == 0)
        scenario.check()
    }

    @Test func `with room enough nothing is hurried, and before it is low what was read makes room`() throws {
        let scenario = try Scenario()
        let harness = scenario.harness
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        func go(roomBytes: Int) throws {
            for _ in 0..<20 {
                harness.tick(roomBytes: roomBytes)
                try scenario.settle()
            }
        }
        ann.send(1...100, to: "bob")
        try scenario.settle()
        #expect(bob.texts.count == 100)
        bob.acknowledge()
        try go(roomBytes: 100_000)
        #expect(harness.checkpointsWritten == 0)
        try go(roomBytes: 4_000)
        #expect(harness.checkpointsWritten == 1)
        #expect(harness.storage.recordCount == 0)
        scenario.check()
    }

    @Test func `what the next checkpoint deletes counts for the room that it needs`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.offline("bob")
        ann.send(1...80, to: "bob")
        try scenario.toDisk()
        #expect(scenario.harness.core.checkpointRows == CheckpointRows())
        try bob.comeBack()
        bob.acknowledge()
        try scenario.settle()
        var rows = CheckpointRows()
        rows[.users] = 1
        rows.timelines = 1
        rows.entriesRemoved = 80
        #expect(scenario.harness.core.checkpointRows == rows)
        try scenario.toDisk()
        // The journal doesn't have them any more: the next checkpoint forgets that they were released.
        var rest = CheckpointRows()
        rest[.released] = 80
        #expect(scenario.harness.core.checkpointRows == rest)
    }

    // REQ-CONV-5
    @Test func `nobody sends into a conversation of others`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        let carol = try scenario.online("carol")
        ann.send(1...1, to: "bob")
        try scenario.settle()
        let number = try #require(ann.peers.first?.key)
        carol.takesOutRefused = false
        carol.submit(.init(sequence: 1, text: "t9", to: "bob", size: 0), conversation: number)
        try scenario.settle()
        #expect(carol.refusals.map(\.code) == [.unknownConversation])
        #expect(bob.texts == ["t1"])
        scenario.check()
    }
}

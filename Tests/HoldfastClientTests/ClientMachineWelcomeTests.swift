import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastClient

@Suite struct ClientMachineWelcomeTests {
    /// A client with session 77, sequence 1 stored, "b" and "c" sent without an answer, "d" waiting; restarted if asked for.
    private func interrupted(restarts: Bool) throws -> (rig: MachineRig, ids: [UInt64]) {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.open(.usual(sendsInFlightMax: 3))
        rig.learn(4, "bob")
        let ids = ["a", "b", "c", "d"].map { rig.send($0, to: .conversation(4), flushes: false) }
        rig.flush()
        rig.confirm(through: 1)
        rig.send("e", to: .conversation(4))
        rig.closeTransport()
        guard restarts else { return (rig, ids) }
        var random = SeededRandom(seed: 1)
        storage.crash(losesPower: false, using: &random)
        return (try MachineRig.persistent(storage), ids)
    }

    private func previous(_ rig: MachineRig, _ lastSequence: UInt64?) {
        rig.receive {
            ServerFrameWriter.previous(
                SessionID(rawValue: 77), lastSequence: lastSequence.map { MessageSequence(rawValue: $0) }, to: &$0)
        }
    }

    private func answer(_ rig: MachineRig, _ welcome: ServerFrame.Welcome) {
        rig.connect()
        rig.advance(by: 1_000)
        rig.open(welcome)
    }

    @Test(arguments: [false, true])
    func `resumed: what was stored is confirmed, the rest is sent again under its numbers`(restarts: Bool) throws {
        let (rig, ids) = try interrupted(restarts: restarts)
        answer(rig, .usual(.resumed, attach: 2, lastSequence: 2))
        #expect(rig.resolved[ids[1]] == .stored(MessageSequence(rawValue: 2)))
        #expect(rig.takeFrames().suffix(3) == ["send 3 #4 c", "send 4 #4 d", "send 5 #4 e"])
    }

    @Test(arguments: [WelcomeOutcome.begunExpired, .begunEnded, .begunUnknown], [false, true])
    func `a new session waits for what is known of the old one, then sends what was never stored`(
        outcome: WelcomeOutcome, restarts: Bool
    ) throws {
        let (rig, ids) = try interrupted(restarts: restarts)
        answer(rig, .usual(outcome, session: 88))
        #expect(!rig.takeFrames().contains { $0.hasPrefix("send") })
        #expect(rig.file?.state.session == SessionID(rawValue: 77), "until then the disk has the old session")
        previous(rig, 2)
        #expect(rig.resolved[ids[1]] == .stored(MessageSequence(rawValue: 2)))
        #expect(rig.resolved[ids[2]] == nil)
        // A gateway that doesn't know the session numbers its conversations otherwise.
        let to = outcome == .begunUnknown ? "sendTo %d bob" : "send %d #4"
        #expect(rig.takeFrames() == [(1, "c"), (2, "d"), (3, "e")].map { "\(to.replacing("%d", with: "\($0)")) \($1)" })
        #expect(rig.file?.state.session == SessionID(rawValue: 88))
    }

    /// Found by a simulated life of months: the ticket opened the new session for the state of the old one.
    @Test(arguments: [false, true]) func `the ticket of a new session is kept with that session's state only`(ends: Bool) throws {
        let (rig, _) = try interrupted(restarts: false)
        answer(rig, .usual(.begunEnded, session: 88))
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("new".utf8).span, to: &$0) }
        #expect(rig.machine.ticket.isEmpty)
        if ends {
            rig.closeTransport()
            #expect(rig.machine.ticket.isEmpty)
        } else {
            previous(rig, 2)
            #expect(rig.machine.ticket == Array("new".utf8))
            #expect(rig.file?.state.session == SessionID(rawValue: 88))
        }
    }

    @Test func `a new session without knowledge of the old one sends nothing again that may have been sent`() throws {
        let (rig, ids) = try interrupted(restarts: true)
        answer(rig, .usual(.begunUnknown, session: 88))
        previous(rig, nil)
        #expect(ids[1...].map { rig.resolved[$0] } == [.unknown, .unknown, .unknown])
        #expect(rig.resolved.count == 4, "e too, which has no number in this state and may have had one in a later")
        #expect(!rig.takeFrames().contains { $0.hasPrefix("send") })
        #expect(rig.notices.contains(.resynchronised(.unknown)))
    }

    // REQ-SESSION-9
    @Test(arguments: [WelcomeOutcome.begunExpired, .begunEnded], [false, true])
    func `a client without a session, whose device has sent in one that has ended, sends nothing of an earlier run`(
        outcome: WelcomeOutcome, restarts: Bool
    ) throws {
        let storage = FaultyStorage()
        var rig = try MachineRig.persistent(storage)
        let id = rig.send("a")
        if restarts {
            var random = SeededRandom(seed: 1)
            storage.crash(losesPower: false, using: &random)
            rig = try MachineRig.persistent(storage)
        }
        rig.open(.usual(outcome))
        #expect(rig.resolved[id] == (restarts ? .unknown : nil))
        #expect(rig.notices == (restarts ? [.stateBehind(sends: 0)] : []))
        #expect(rig.takeFrames().contains("sendTo 1 bob a") == !restarts)
    }

    // REQ-SESSION-9
    @Test func `a client that keeps no state is not told that its state is behind`() {
        let rig = MachineRig()
        rig.open(.usual(.resumed, attach: 257, lastSequence: 3))
        #expect(rig.notices.isEmpty)
        rig.send("next")
        #expect(rig.takeFrames().last == "sendTo 4 bob next")
        // What it has learned since it started is another matter.
        rig.closeTransport()
        rig.notices = []
        rig.open(.usual(.resumed, attach: 258, lastSequence: 9))
        #expect(rig.notices == [.stateBehind(sends: 5)])
    }

    // REQ-SESSION-12
    @Test(arguments: [false, true])
    func `after a logout the session is presented once more, and what was queued since is sent`(restarts: Bool) throws {
        let storage = FaultyStorage()
        var rig = try MachineRig.persistent(storage)
        rig.open(.usual(attach: 3))
        rig.send("a")
        rig.confirm(through: 1)
        rig.step { _ = $0.close(.logout, $1, &$2) }
        let id = rig.send("b")
        if restarts {
            var random = SeededRandom(seed: 1)
            storage.crash(losesPower: true, using: &random)
            rig = try MachineRig.persistent(storage)
        }
        rig.connect()
        rig.provideToken()
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "hello token phone 3/0/1"])
        rig.receive { ServerFrameWriter.welcome(.usual(.begunEnded, session: 88, attach: 4), to: &$0) }
        previous(rig, 1)
        #expect(rig.notices.isEmpty)
        #expect(rig.outcomes.last == .begun)
        #expect(rig.takeFrames() == ["sendTo 1 bob b"])
        #expect(rig.resolved[id] == nil)
        #expect(rig.file?.state.isLoggedOut == false)
    }

    // REQ-SESSION-12
    @Test func `a logout that never arrived leaves the session, whatever was on its way then`() throws {
        let rig = try MachineRig.persistent(FaultyStorage())
        rig.open()
        let id = rig.send("a")
        rig.step { _ = $0.close(.logout, $1, &$2) }
        #expect(rig.resolved[id] == .unknown)
        rig.open(.usual(.resumed, attach: 2, lastSequence: 1))
        #expect(rig.notices.isEmpty)
        rig.send("b")
        #expect(rig.takeFrames().suffix(1) == ["sendTo 2 bob b"])
    }

    // REQ-SESSION-12
    @Test func `a state from after a logout, put back after a later session, sends nothing of an earlier run`() throws {
        let storage = FaultyStorage()
        var rig = try MachineRig.persistent(storage)
        rig.open()
        rig.step { _ = $0.close(.logout, $1, &$2) }
        let id = rig.send("b")
        var random = SeededRandom(seed: 1)
        storage.crash(losesPower: false, using: &random)
        rig = try MachineRig.persistent(storage)
        rig.open(.usual(.rewound, session: 99, attach: 9))
        #expect(rig.resolved[id] == .unknown)
        #expect(rig.notices.contains(.resynchronised(.rewound)))
    }

    // REQ-ATTACH-9
    @Test(arguments: [RefusalCode.bodyTooLarge, .inboxFull]) func `a refusal raises the attach, on the disk before anything is sent again`(
        code: RefusalCode
    ) throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.open(.usual(attach: 3))
        rig.send("a", to: .conversation(4))
        rig.send("b", to: .conversation(5))
        rig.refuse(1, code, retryAfter: 1_000)
        let sent = try #require(rig.history.lastIndex { if case .write = $0 { true } else { false } })
        let synced = try #require(rig.history[..<sent].lastIndex { if case .sync = $0 { true } else { false } })
        let raised = try #require(rig.history.lastIndex { $0 == .persist(.attachRaised(AttachNumber(rawValue: 4))) })
        #expect(raised < synced)
        #expect(rig.takeFrames().last == "send 1 #5 b")
        #expect(rig.file?.state.attach == AttachNumber(rawValue: 4))
        rig.closeTransport()
        rig.waitOut()
        rig.provideToken()
        rig.openTransport()
        #expect(rig.takeFrames().last == "hello token phone 4/100/0")
    }

    @Test func `knowledge that doesn't come in time is no knowledge`() throws {
        let (rig, ids) = try interrupted(restarts: true)
        answer(rig, .usual(.begunEnded, session: 88))
        rig.advance(by: 10_001)
        #expect(rig.resolved[ids[1]] == .unknown)
    }

    @Test func `a crash before the old session is settled asks again`() throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.open()
        rig.send("a", to: .conversation(4))
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.open(.usual(.begunEnded, session: 88))
        var random = SeededRandom(seed: 1)
        storage.crash(losesPower: false, using: &random)
        let again = try MachineRig.persistent(storage)
        again.connect()
        again.provideToken()
        again.openTransport()
        #expect(again.takeFrames() == ["preface", "hello token phone 1/100/0"])
    }

    @Test func `rewound: everything of the earlier run is reported as unknown, never sent`() throws {
        let (rig, ids) = try interrupted(restarts: true)
        let fresh = rig.send("new", to: .conversation(4))
        answer(rig, .usual(.rewound, session: 88, attach: 9))
        previous(rig, 40)
        #expect(ids[1...].map { rig.resolved[$0] } == [.unknown, .unknown, .unknown])
        #expect(rig.resolved.count == 4, "e too, which had no number")
        #expect(rig.takeFrames().suffix(1) == ["send 1 #4 new"])
        #expect(rig.resolved[fresh] == nil)
        #expect(rig.notices.contains(.resynchronised(.rewound)))
        #expect(rig.file?.state.failures.count == 4)
    }

    // REQ-SEQ-10
    @Test func `more stored than the state knows of: the state went back unnoticed`() throws {
        let (rig, ids) = try interrupted(restarts: true)
        answer(rig, .usual(.resumed, attach: 2, lastSequence: 30))
        #expect(rig.notices.contains(.stateBehind(sends: 26)))
        #expect(ids[1...].map { rig.resolved[$0] } == [.unknown, .unknown, .unknown])
        rig.send("next", to: .conversation(4))
        #expect(rig.takeFrames().last == "send 31 #4 next")
    }

    @Test(arguments: [false, true])
    func `a new era: lost sends are told, the outbox is numbered anew, nothing is left out by position`(restarts: Bool) throws {
        let storage = FaultyStorage()
        var rig = try MachineRig.persistent(storage)
        rig.open()
        rig.learn()
        for text in ["a", "b", "c"] { rig.send(text, to: .conversation(5)) }
        rig.confirm(through: 3)
        let id = rig.send("d", to: .conversation(5))
        let unaddressed = rig.send("e", to: .conversation(4))
        rig.deliver(after: 100, [(101, "one"), (105, "two")])
        rig.acknowledge(105)
        rig.closeTransport()
        if restarts {
            var random = SeededRandom(seed: 1)
            storage.crash(losesPower: false, using: &random)
            rig = try MachineRig.persistent(storage)
        }
        rig.handed = []
        answer(rig, .usual(.resumed, attach: 2, cursor: 99, era: 1, lastSequence: 1))
        #expect(rig.notices.contains(.serverWentBack(lostSends: 2)))
        // What a number stood for may be another conversation now.
        #expect(rig.resolved[unaddressed] == .refused(.unknownConversation))
        #expect(rig.takeFrames().contains("sendTo 2 bob d"))
        rig.learn()
        rig.deliver(after: 99, [(100, "zero"), (101, "one")])
        let era = UInt64(1) << 56
        rig.receive { ServerFrameWriter.skip(predecessor: Position(rawValue: 101), through: Position(rawValue: era + 1), to: &$0) }
        rig.deliver(after: era + 1, [(era + 2, "new")])
        #expect(rig.handedTexts == ["100 bob zero repeat", "101 bob one repeat", "\(era + 2) bob new"])
        rig.confirm(through: 2)
        #expect(rig.resolved[id] == .stored(MessageSequence(rawValue: 2)))
        rig.acknowledge(era + 2)
        rig.advance(by: 2_001)
        #expect(rig.takeFrames() == ["ack \((era + 2) & 0xFF_FFFF_FFFF)"])
    }

    // REQ-SESSION-7, REQ-POS-7
    @Test func `a further session of the same era hands nothing over twice`() {
        let rig = MachineRig()
        rig.open()
        rig.learn()
        rig.deliver(after: 100, [(101, "one"), (105, "two")])
        rig.acknowledge(101)
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.handed = []
        rig.open(.usual(.begunExpired, session: 88, cursor: 50))
        rig.deliver(after: 50, [(60, "old"), (101, "one"), (105, "two"), (110, "three")])
        #expect(rig.handedTexts == ["110 bob three"])
    }

    @Test func `a gateway that doesn't know the client may number its positions otherwise`() {
        let rig = MachineRig()
        rig.open(.usual(cursor: 1_000))
        rig.learn()
        rig.deliver(after: 1_000, [(1_001, "one")])
        rig.acknowledge(1_001)
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.open(.usual(.begunUnknown, session: 88, cursor: 3))
        rig.learn()
        rig.deliver(after: 3, [(4, "four")])
        #expect(rig.handedTexts == ["1001 bob one", "4 bob four repeat"])
    }

    @Test func `a position that the app has stored itself is where the stream begins`() throws {
        let rig = MachineRig()
        rig.step { machine, _, actions in machine.startAfter(Position(rawValue: 105), &actions) }
        rig.open(.usual(.resumed, cursor: 100))
        rig.learn()
        rig.deliver(after: 100, [(101, "one"), (105, "two"), (107, "three")])
        #expect(rig.handedTexts == ["107 bob three"])
        rig.advance(by: 2_001)
        #expect(rig.takeFrames().last == "ack 105")
    }

    @Test func `credit below the gateway's is asked for`() {
        var limits = ClientSettings.Limits()
        limits.creditMessagesMax = 10
        let rig = MachineRig(settings: ClientSettings(device: "phone", limits: limits))
        rig.open()
        #expect(rig.takeFrames().last == "credit 10 1048576")
    }

    // REQ-SESSION-9
    @Test(arguments: [false, true]) func `a session that others have sent in makes the outbox of earlier runs unknown`(hadSession: Bool)
        throws
    {
        let storage = FaultyStorage()
        var rig = try MachineRig.persistent(storage)
        if hadSession {
            rig.open()
            rig.closeTransport()
        }
        let id = rig.send("old")
        var random = SeededRandom(seed: 1)
        storage.crash(losesPower: false, using: &random)
        rig = try MachineRig.persistent(storage)
        let fresh = rig.send("fresh")
        rig.open(.usual(hadSession ? .begunEnded : .resumed, session: 88, lastSequence: 7))
        if hadSession { previous(rig, 0) }
        #expect(rig.notices.contains(.stateBehind(sends: 7)))
        #expect(rig.resolved[id] == .unknown)
        #expect(rig.resolved[fresh] == nil)
        #expect(rig.takeFrames().last == "sendTo 8 bob fresh")
    }

    @Test func `what the app is told of a message is on the disk before`() throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.open()
        let id = rig.send("a", waitsForRoom: false)
        rig.receive { ServerFrameWriter.refused(MessageSequence(rawValue: 1), .inboxFull, retryAfterMilliseconds: 0, to: &$0) }
        #expect(rig.resolved[id] == .refused(.inboxFull))
        rig.closeTransport()
        let withdrawn = rig.send("b")
        rig.step { machine, _, actions in #expect(machine.withdraw(id: withdrawn, &actions)) }
        var random = SeededRandom(seed: 1)
        storage.crash(losesPower: true, using: &random)
        let again = try MachineRig.persistent(storage)
        #expect(again.machine.outboxCounts == (0, 0))
    }
}

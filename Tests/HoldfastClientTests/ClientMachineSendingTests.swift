import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastClient

@Suite struct ClientMachineSendingTests {
    @Test func `sends go to the user until the conversation is learned, and are confirmed cumulatively`() {
        let rig = MachineRig()
        rig.open()
        _ = rig.takeFrames()
        let ids = ["a", "b"].map { rig.send($0) }
        #expect(rig.takeFrames() == ["sendTo 1 bob a", "sendTo 2 bob b"])
        rig.learn(9, "bob")
        rig.confirm(through: 2)
        #expect(ids.map { rig.resolved[$0] } == [.stored(MessageSequence(rawValue: 1)), .stored(MessageSequence(rawValue: 2))])
        rig.send("c")
        #expect(rig.takeFrames() == ["send 3 #9 c"])
    }

    @Test(arguments: ["", "b\0b", "a name too long for the text that a string holds in itself\0", String(repeating: "b", count: 256)])
    func `a recipient's name that can't be one is refused at once`(name: String) {
        let rig = MachineRig()
        rig.open()
        _ = rig.takeFrames()
        // The rig gives 0 for what isn't taken.
        #expect(rig.send("m", to: .user(name)) == 0)
        #expect(rig.takeFrames() == [])
    }

    @Test func `no more than allowed are in flight`() {
        let rig = MachineRig()
        rig.open(.usual(sendsInFlightMax: 3))
        _ = rig.takeFrames()
        for index in 1...5 { rig.send("m\(index)", to: .conversation(4)) }
        #expect(rig.takeFrames() == ["send 1 #4 m1", "send 2 #4 m2", "send 3 #4 m3"])
        rig.confirm(through: 2)
        #expect(rig.takeFrames() == ["send 4 #4 m4", "send 5 #4 m5"])
    }

    @Test func `a message refused in mid-pipeline is taken out and the rest gets the freed numbers`() {
        let rig = MachineRig()
        rig.open()
        _ = rig.takeFrames()
        let ids = ["a", "b", "c", "d"].map { rig.send($0, to: .conversation(4), flushes: false) }
        rig.flush()
        _ = rig.takeFrames()
        rig.confirm(through: 1)
        rig.refuse(2, .kindUnsupported)
        #expect(rig.resolved[ids[1]] == .refused(.kindUnsupported))
        #expect(rig.takeFrames() == ["send 2 #4 c", "send 3 #4 d"])
        rig.confirm(through: 3)
        #expect(rig.resolved[ids[2]] == .stored(MessageSequence(rawValue: 2)))
        #expect(rig.resolved[ids[3]] == .stored(MessageSequence(rawValue: 3)))
    }

    @Test func `a refusal that is lost with the connection changes nothing`() {
        let rig = MachineRig()
        rig.open()
        let ids = ["a", "b", "c"].map { rig.send($0, to: .conversation(4), flushes: false) }
        rig.flush()
        // The gateway stored 1, refused 2, threw 3 away; neither answer arrives.
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.open(.usual(.resumed, attach: 2, lastSequence: 1))
        #expect(rig.resolved[ids[0]] == .stored(MessageSequence(rawValue: 1)))
        #expect(rig.takeFrames().suffix(2) == ["send 2 #4 b", "send 3 #4 c"])
        rig.refuse(2, .bodyTooLarge)
        #expect(rig.takeFrames() == ["send 2 #4 c"])
        rig.confirm(through: 2)
        #expect(rig.resolved[ids[1]] == .refused(.bodyTooLarge))
        #expect(rig.resolved[ids[2]] == .stored(MessageSequence(rawValue: 2)))
    }

    @Test func `the disk knows of a refusal before the freed number is used`() throws {
        let rig = try MachineRig.persistent(FaultyStorage())
        rig.open()
        for text in ["a", "b"] { rig.send(text, to: .conversation(4), flushes: false) }
        rig.flush()
        rig.history = []
        rig.refuse(1, .kindUnsupported)
        let removed = rig.history.firstIndex { if case .persist(.removed) = $0 { true } else { false } }
        let write = rig.history.firstIndex { if case .write = $0 { true } else { false } }
        let sync = rig.history.firstIndex(of: .sync)
        #expect(try #require(removed) < #require(sync))
        #expect(try #require(sync) < #require(write))
    }

    @Test func `a full inbox holds back its recipient only, in order, and is tried with one message`() {
        let rig = MachineRig()
        rig.open()
        rig.learn(4, "bob")
        rig.learn(6, "carol")
        _ = rig.takeFrames()
        for (text, to) in [("b1", "bob"), ("b2", "bob"), ("c1", "carol"), ("b3", "bob")] { rig.send(text, to: .user(to), flushes: false) }
        rig.flush()
        _ = rig.takeFrames()
        rig.refuse(1, .inboxFull, retryAfter: 4_000)
        #expect(rig.takeFrames() == ["send 1 #6 c1"], "the others of bob wait behind the first")
        rig.confirm(through: 1)
        rig.advance(by: 3_999)
        #expect(rig.takeFrames().isEmpty)
        rig.advance(by: 1_002)
        #expect(rig.takeFrames() == ["send 2 #4 b1"])
        rig.refuse(2, .inboxFull, retryAfter: 4_000)
        rig.advance(by: 5_001)
        #expect(rig.takeFrames() == ["send 2 #4 b1"])
        rig.confirm(through: 2)
        #expect(rig.takeFrames() == ["send 3 #4 b2", "send 4 #4 b3"])
    }

    @Test func `a full disk of the gateway holds everything back`() {
        let rig = MachineRig()
        rig.open()
        _ = rig.takeFrames()
        rig.send("b", to: .conversation(4))
        rig.send("c", to: .conversation(6))
        _ = rig.takeFrames()
        rig.refuse(1, .storageFull, retryAfter: 2_000)
        #expect(rig.takeFrames().isEmpty)
        rig.advance(by: 2_501)
        #expect(rig.takeFrames() == ["send 1 #4 b"])
        rig.confirm(through: 1)
        #expect(rig.takeFrames() == ["send 2 #6 c"])
    }

    @Test func `who doesn't wait for room is refused`() {
        let rig = MachineRig()
        rig.open()
        let id = rig.send("b", waitsForRoom: false)
        rig.refuse(1, .inboxFull, retryAfter: 4_000)
        #expect(rig.resolved[id] == .refused(.inboxFull))
    }

    @Test func `a body too large for this gateway is refused here and uses no number`() {
        let rig = MachineRig()
        rig.open(.usual(frameBytesMax: 1024))
        _ = rig.takeFrames()
        let large = rig.send(String(repeating: "x", count: 1024 - 63), to: .conversation(4))
        let fitting = rig.send(String(repeating: "x", count: 1024 - 64), to: .conversation(4))
        #expect(rig.resolved[large] == .refused(.bodyTooLarge))
        #expect(rig.takeFrames().count == 1)
        rig.confirm(through: 1)
        #expect(rig.resolved[fitting] == .stored(MessageSequence(rawValue: 1)))
    }

    @Test func `a message is on the disk, with its number and the attach, before it is sent`() throws {
        let rig = try MachineRig.persistent(FaultyStorage())
        rig.open(.usual(attach: 3))
        rig.closeTransport()
        rig.history = []
        rig.advance(by: 1_000)
        rig.open(.usual(.resumed, attach: 4))
        #expect(!rig.history.contains(.sync), "an idle resume needs no sync")
        rig.history = []
        rig.send("a")
        guard case .persist(.enqueued) = rig.history[0], case .persist(.assigned) = rig.history[1] else {
            Issue.record("\(rig.history)")
            return
        }
        #expect(rig.history[2] == .sync)
        guard case .write = rig.history[3] else {
            Issue.record("\(rig.history)")
            return
        }
        #expect(rig.history.filter { $0 == .sync }.count == 1)
    }

    @Test func `without a connection a message goes to the disk at once`() throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.send("a")
        var random = SeededRandom(seed: 3)
        storage.crash(losesPower: true, using: &random)
        let again = try MachineRig.persistent(storage)
        #expect(again.machine.outboxCounts == (0, 1))
    }

    @Test func `the outbox is bounded by count and by bytes`() {
        var limits = ClientSettings.Limits()
        limits.outboxMessagesMax = 2
        limits.outboxBytesMax = 100
        let rig = MachineRig(settings: ClientSettings(device: "phone", limits: limits))
        #expect(rig.send("a") == 1)
        #expect(rig.send(String(repeating: "x", count: 100)) == 0)
        #expect(rig.send("b") == 2)
        #expect(rig.send("c") == 0)
    }

    @Test func `a message without a number can be withdrawn, one with a number can't`() {
        let rig = MachineRig()
        rig.open(.usual(sendsInFlightMax: 1))
        let first = rig.send("a")
        let second = rig.send("b")
        var results: [Bool] = []
        rig.step { machine, _, actions in results = [machine.withdraw(id: first, &actions), machine.withdraw(id: second, &actions)] }
        #expect(results == [false, true])
        #expect(rig.resolved[second] == .withdrawn)
    }

    @Test func `an answer to something that was not sent is a breach`() {
        for answer in [{ (rig: MachineRig) in rig.confirm(through: 3) }, { rig in rig.refuse(3, .inboxFull) }] {
            let rig = MachineRig()
            rig.open()
            rig.send("a")
            answer(rig)
            #expect(rig.notices == [.protocolViolation(code: CloseCode.sequenceHole.rawValue)])
        }
    }

    @Test func `a confirmation that comes twice does no harm`() {
        let rig = MachineRig()
        rig.open()
        rig.send("a")
        rig.confirm(through: 1)
        rig.confirm(through: 1)
        #expect(rig.notices.isEmpty && rig.machine.phase == .open)
    }

    @Test func `sequences pass the end of their short form`() {
        let rig = MachineRig()
        rig.open(.usual(lastSequence: 250))
        for index in 1...20 { rig.send("m\(index)", to: .conversation(4), flushes: false) }
        rig.flush()
        rig.confirm(through: 265)
        #expect(rig.resolved.count == 15)
        rig.refuse(266, .kindUnsupported)
        rig.confirm(through: 269)
        #expect(rig.resolved.count == 20)
        #expect(rig.machine.lastSequence.rawValue == 269)
    }

    @Test func `tagged messages are counted and failures are kept until forgotten`() throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.open()
        rig.send("a", tag: SendTag(high: 1, low: 1))
        let second = rig.send("b", tag: SendTag(high: 2, low: 2))
        rig.refuse(1, .unknownConversation)
        rig.confirm(through: 1)
        var random = SeededRandom(seed: 5)
        storage.crash(losesPower: true, using: &random)
        let again = try MachineRig.persistent(storage)
        #expect(again.file?.state.inputs == InputProgress(count: 2, lastTag: SendTag(high: 2, low: 2)))
        #expect(again.file?.state.failures.map(\.inputNumber) == [1])
        #expect(rig.resolved[second] == .stored(MessageSequence(rawValue: 1)))
    }
}

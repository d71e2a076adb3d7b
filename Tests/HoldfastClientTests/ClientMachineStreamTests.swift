import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastClient

@Suite struct ClientMachineStreamTests {
    private func opened(_ settings: ClientSettings = ClientSettings(device: "phone"), _ welcome: ServerFrame.Welcome = .usual())
        -> MachineRig
    {
        let rig = MachineRig(settings: settings)
        rig.open(welcome)
        rig.learn()
        _ = rig.takeFrames()
        return rig
    }

    @Test func `messages are handed over in order with their time and peer`() {
        let rig = opened()
        rig.deliver(after: 100, [(103, "a"), (110, "b")])
        #expect(rig.handedTexts == ["103 bob a", "110 bob b"])
        guard case .message(let message) = rig.handed[1].delivery else { return }
        #expect(message.time == 1_700_000_000_021)
    }

    @Test func `an unknown conversation is looked up, and what follows waits in order`() {
        let rig = opened()
        rig.deliver(after: 100, [(101, "a")], conversation: 6)
        rig.deliver(after: 101, [(102, "b")])
        rig.receive {
            ServerFrameWriter.gap(
                predecessor: Position(rawValue: 102), through: Position(rawValue: 110), count: 3, reason: .expired, to: &$0)
        }
        rig.deliver(after: 110, [(111, "c")], conversation: 8)
        #expect(rig.handed.isEmpty)
        #expect(rig.takeFrames() == ["lookup 6"])
        rig.learn(6, "carol")
        #expect(rig.handedTexts == ["101 carol a", "102 bob b", "gap 110 3 expired"])
        #expect(rig.takeFrames() == ["lookup 8"])
        rig.receive {
            ServerFrameWriter.conversation(ConversationNumber(rawValue: 8), .unknown, peer: [UInt8]().span, to: &$0)
        }
        #expect(rig.handedTexts.last == "111 ? c")
    }

    @Test func `a hole closes the connection and the stream goes on from what was handed over`() {
        let rig = opened()
        rig.deliver(after: 100, [(101, "a")])
        rig.deliver(after: 102, [(103, "c")])
        #expect(rig.notices == [.streamHole])
        #expect(rig.machine.phase == .waiting)
        rig.advance(by: 1_000)
        rig.open(.usual(.resumed, attach: 2))
        rig.deliver(after: 100, [(101, "a"), (102, "b"), (103, "c")])
        #expect(rig.handedTexts == ["101 bob a", "102 bob b", "103 bob c"])
    }

    @Test func `a skip is passed over and acknowledged with what is before it`() {
        let rig = opened()
        rig.deliver(after: 100, [(101, "a")])
        rig.receive { ServerFrameWriter.skip(predecessor: Position(rawValue: 101), through: Position(rawValue: 120), to: &$0) }
        rig.advance(by: 3_000)
        #expect(rig.takeFrames().isEmpty, "the message before it isn't dealt with")
        rig.acknowledge(101)
        rig.advance(by: 3_000)
        #expect(rig.takeFrames() == ["ack 120"])
    }

    @Test func `a gap is told in its place and acknowledged like a message`() {
        let rig = opened()
        rig.receive {
            ServerFrameWriter.gap(
                predecessor: Position(rawValue: 100), through: Position(rawValue: 150), count: 7, reason: .evicted, to: &$0)
        }
        rig.deliver(after: 150, [(151, "a")])
        #expect(rig.handedTexts == ["gap 150 7 evicted", "151 bob a"])
        rig.acknowledge(150)
        rig.advance(by: 3_000)
        #expect(rig.takeFrames() == ["ack 150"])
    }

    @Test func `a skip crosses what forty bits can't`() {
        let rig = opened()
        let far = UInt64(1) << 41
        rig.receive { ServerFrameWriter.skip(predecessor: Position(rawValue: 100), through: Position(rawValue: far), to: &$0) }
        rig.deliver(after: far, [(far + 1, "a")])
        #expect(rig.handedTexts == ["\(far + 1) bob a"])
    }

    @Test func `an acknowledgement waits for a frame to ride with`() {
        let rig = opened()
        rig.deliver(after: 100, [(101, "a"), (102, "b")])
        rig.acknowledge(101)
        #expect(rig.takeFrames().isEmpty)
        rig.send("x", to: .conversation(4))
        #expect(rig.takeFrames() == ["send 1 #4 x", "ack 101"])
        rig.acknowledge(102)
        rig.advance(by: 1_999)
        #expect(rig.takeFrames().isEmpty)
        rig.advance(by: 1)
        #expect(rig.takeFrames() == ["ack 102"])
    }

    @Test func `at half of the credit an acknowledgement goes at once`() {
        let rig = opened(ClientSettings(device: "phone"), .usual(credit: 8))
        rig.deliver(after: 100, (101...108).map { (UInt64($0), "m") })
        rig.acknowledge(103)
        #expect(rig.takeFrames().isEmpty)
        rig.acknowledge(104)
        #expect(rig.takeFrames() == ["ack 104"])
    }

    @Test func `nothing beyond what came is acknowledged`() {
        let rig = opened()
        rig.deliver(after: 100, [(101, "a")])
        rig.acknowledge(5_000)
        rig.advance(by: 2_001)
        #expect(rig.takeFrames() == ["ack 101"])
    }

    @Test func `unacknowledged messages aren't handed over twice by one run, and are marked by the next`() throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.open()
        rig.learn()
        rig.deliver(after: 100, [(101, "a"), (102, "b")])
        rig.acknowledge(101)
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.open(.usual(.resumed, attach: 2, cursor: 101))
        rig.deliver(after: 101, [(102, "b"), (103, "c")])
        #expect(rig.handedTexts == ["101 bob a", "102 bob b", "103 bob c"])
        var random = SeededRandom(seed: 1)
        storage.crash(losesPower: true, using: &random)
        let again = try MachineRig.persistent(storage)
        again.open(.usual(.resumed, attach: 3, cursor: 101))
        again.learn()
        again.deliver(after: 101, [(102, "b"), (103, "c"), (104, "d")])
        #expect(again.handedTexts == ["102 bob b repeat", "103 bob c repeat", "104 bob d"])
    }

    @Test func `the mark is on the disk before the messages are handed over, once for all that came together`() throws {
        let rig = try MachineRig.persistent(FaultyStorage())
        rig.open()
        rig.learn()
        rig.history = []
        var bytes: [UInt8] = []
        MachineRig.deliver(after: 100, [(101, "a")], to: &bytes)
        MachineRig.deliver(after: 101, [(102, "b")], to: &bytes)
        rig.receive(bytes)
        let steps = rig.history.filter { if case .armTimer = $0 { false } else { true } }
        #expect(steps == [.persist(.handedOver(Position(rawValue: 102))), .sync, .handOver(0..<2)])
    }

    @Test func `a cursor that the gateway has further on is taken`() {
        let rig = opened()
        rig.deliver(after: 100, [(101, "a")])
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.open(.usual(.resumed, attach: 2, cursor: 130))
        rig.deliver(after: 130, [(131, "b")])
        #expect(rig.handedTexts == ["101 bob a", "131 bob b"])
    }

    @Test func `without lookups messages are handed over at once`() {
        let rig = MachineRig(settings: ClientSettings(device: "phone", acknowledgesOnReceipt: true, resolvesPeers: false))
        rig.open()
        _ = rig.takeFrames()
        rig.deliver(after: 100, [(101, "a")], conversation: 12)
        #expect(rig.handedTexts == ["101 ? a"])
        rig.advance(by: 2_001)
        #expect(rig.takeFrames() == ["ack 101"])
    }

    @Test func `own messages of another device are told apart`() {
        let rig = opened()
        rig.deliver(after: 100, [(101, "a")], isOwn: true)
        #expect(rig.handedTexts == ["101 bob a own"])
    }

    @Test(arguments: 0..<40)
    func `any split of the input gives the same`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var bytes: [UInt8] = []
        MachineRig.deliver(after: 100, [(101, "a"), (103, "bb")], to: &bytes)
        ServerFrameWriter.pong(to: &bytes)
        ServerFrameWriter.skip(predecessor: Position(rawValue: 103), through: Position(rawValue: 107), to: &bytes)
        MachineRig.deliver(after: 107, [(109, "ccc")], to: &bytes)
        let rig = opened()
        var offset = 0
        while offset < bytes.count {
            let count = Int.random(in: 1...min(9, bytes.count - offset), using: &random)
            rig.receive(Array(bytes[offset..<offset + count]))
            offset += count
        }
        #expect(rig.handedTexts == ["101 bob a", "103 bob bb", "109 bob ccc"])
    }
}

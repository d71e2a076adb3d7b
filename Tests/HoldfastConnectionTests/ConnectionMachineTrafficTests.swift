import HoldfastCore
import HoldfastWire
import Testing

@testable import HoldfastConnection

@Suite struct ConnectionMachineTrafficTests {
    // MARK: Sending

    @Test func `a pipeline of sends becomes commands with whole sequences`() {
        var harness = MachineHarness.open()
        harness.receive {
            for sequence in UInt64(11)...137 {
                let body = [UInt8(sequence)]
                ClientFrameWriter.send(
                    .init(rawValue: sequence), kind: .image, conversation: .init(rawValue: 300), body: body.span, to: &$0)
            }
        }
        let (commands, bytes) = harness.takeCommands()
        #expect(commands.count == 127)
        for (index, command) in commands.enumerated() {
            guard case .send(let origin, let sequence, .image, let conversation, let body) = command else {
                Issue.record("\(command)")
                return
            }
            #expect(origin == Origin(connection: MachineHarness.handle, session: .init(rawValue: 7), attach: .init(rawValue: 2)))
            #expect(sequence.rawValue == UInt64(11 + index))
            #expect(conversation.rawValue == 300)
            #expect(bytes[body] == [UInt8(11 + index)])
        }
    }

    // REQ-SEQ-8
    @Test func `one send too many in flight closes, and an answer makes room`() {
        var harness = MachineHarness.open { $0.sendsInFlightMax = 2 }
        func send(_ sequence: UInt64) -> ConnectionAction {
            harness.receiveSends(sequence...sequence).action
        }
        #expect(send(11) == .none)
        #expect(send(12) == .none)
        harness.sent(through: 11)
        #expect(send(13) == .none)
        #expect(send(14) == .close(.sendsInFlightExceeded))
    }

    // REQ-SEQ-4
    @Test func `a number far ahead is a hole`() {
        var harness = MachineHarness.open { $0.sendsInFlightMax = 10 }
        #expect(harness.receiveSends(60...60).action == .close(.sequenceHole))
    }

    // REQ-ENC-7
    @Test(arguments: [UInt8(0), 139, 255]) func `a number below 1 is a hole`(short: UInt8) {
        // 11 is next: these mean 0, -117 and -1.
        var harness = MachineHarness.open()
        #expect(harness.receive([0x20, 3, short, 7, 0x61]).action == .close(.sequenceHole))
        #expect(harness.takeCommands().0.isEmpty)
    }

    // REQ-ENC-7, REQ-SEQ-4
    @Test func `an old number that is repeated doesn't change what the next one means`() {
        var harness = MachineHarness.open(credits: 5000)
        for start in stride(from: UInt64(11), to: 300, by: 100) {
            harness.receiveSends(start...min(start + 99, 300))
            harness.sent(through: min(start + 99, 300))
        }
        _ = harness.takeCommands()
        // Answered long ago: a duplicate. Then a hole, whose short form lies 129 above the duplicate's.
        #expect(harness.receiveSends(173...173).action == .none)
        #expect(harness.receiveSends(302...302).action == .none)
        let sequences = harness.takeCommands().0.compactMap { command -> UInt64? in
            guard case .send(_, let sequence, _, _, _) = command else { return nil }
            return sequence.rawValue
        }
        #expect(sequences == [173, 302], "the core answers the first by SENT and the second by sequenceHole")
    }

    // REQ-SEQ-5, REQ-ENC-7
    @Test func `a refused number may come again, at the end of a full pipeline too`() {
        var harness = MachineHarness.open()
        harness.receiveSends(11...137)
        _ = harness.takeCommands()
        harness.receiveSends(11...12)
        let sequences = harness.takeCommands().0.compactMap { command -> UInt64? in
            guard case .send(_, let sequence, _, _, _) = command else { return nil }
            return sequence.rawValue
        }
        #expect(sequences == [11, 12])
    }

    // REQ-TIME-6
    @Test func `what was refused comes again once for each refusal; beyond that it is slowed down and sent away like other repeats`() {
        var harness = MachineHarness.open(credits: 5000) {
            $0.controlFramesPerSecond = 1; $0.controlFramesBurst = 4
        }
        for _ in 0..<20 {
            #expect(harness.receiveSends(11...60).action == .none)
            harness.machine.refused(.init(rawValue: 11), .inboxFull, retryAfterMilliseconds: 1000, out: &harness.out)
        }
        #expect(harness.receiveSends(11...60).action == .none)
        _ = harness.takeCommands()
        // From here on nothing was refused in between.
        #expect(harness.receiveSends(11...12).action == .none)
        #expect(harness.receiveSends(11...12).action == .none)
        _ = harness.takeCommands()
        for _ in 0..<10 { #expect(harness.receiveSends(11...12).action == .slowDown(milliseconds: 1000)) }
        #expect(harness.receiveSends(11...12).action == .close(.rateLimited))
        #expect(harness.takeCommands().0.isEmpty)
    }

    // MARK: Acknowledging

    // REQ-STREAM-8
    @Test func `an acknowledgement is taken up to what was sent here`() throws {
        var harness = MachineHarness.open()
        harness.skip(1000, through: 1010)
        func acknowledge(_ position: UInt64) -> ConnectionAction {
            harness.receive { ClientFrameWriter.acknowledge(.init(rawValue: position), to: &$0) }.action
        }
        #expect(acknowledge(1000) == .none)
        #expect(harness.takeCommands().0.isEmpty)
        #expect(acknowledge(1005) == .none)
        #expect(harness.takeCommands().0.count == 1)
        #expect(acknowledge(1011) == .close(.acknowledgementBeyond))
        #expect(acknowledge(1004) == .close(.acknowledgementBeyond))
        #expect(acknowledge(1010) == .none)
    }

    // REQ-SESSION-4
    @Test func `a send-only session neither acknowledges nor gives credit`() {
        for frame: [UInt8] in [[0x14, 5, 0, 0, 0, 3, 0xE8], [0x15, 2, 1, 1]] {
            var harness = MachineHarness.open(isSendOnly: true)
            #expect(harness.receive(frame).action == .close(.wrongState))
        }
    }

    // REQ-CREDIT-2
    @Test func `credit above the window is an overflow`() {
        var harness = MachineHarness.open {
            $0.creditMessages = 100; $0.creditBytes = 1000
        }
        #expect(harness.receive { ClientFrameWriter.credit(messages: 100, bytes: 1000, to: &$0) }.action == .none)
        #expect(harness.receive { ClientFrameWriter.credit(messages: 101, bytes: 1000, to: &$0) }.action == .close(.creditOverflow))
        #expect(harness.receive { ClientFrameWriter.credit(messages: 1, bytes: 1001, to: &$0) }.action == .close(.creditOverflow))
    }

    // MARK: Limits

    // REQ-TIME-1
    @Test func `a run of PINGs is answered one by one`() throws {
        var harness = MachineHarness.open()
        #expect(harness.receive([UInt8](repeating: 1, count: 500)).end == 500)
        #expect(harness.out == [UInt8](repeating: 2, count: 500))
    }

    @Test func `without credits it stops in the middle of the input and goes on where it was`() {
        var harness = MachineHarness.open(credits: 3)
        var bytes: [UInt8] = []
        let body: [UInt8] = [9]
        for sequence in UInt64(11)...15 {
            ClientFrameWriter.send(.init(rawValue: sequence), kind: .text, conversation: .init(rawValue: 1), body: body.span, to: &bytes)
        }
        let first = harness.receive(bytes)
        #expect(first.action == .pauseReading)
        #expect(first.end == bytes.count / 5 * 3)
        #expect(harness.machine.isWaitingForCredits)
        harness.intake.returned(credits: 3, bytes: 3)
        let second = harness.receive(bytes, from: first.end)
        #expect(second == .init(end: bytes.count, action: .none))
        #expect(harness.takeCommands().0.count == 5)
        #expect(!harness.machine.isWaitingForCredits)
    }

    @Test func `without room for its body a message waits too`() {
        var harness = MachineHarness.open()
        harness.intake = CommandIntake(loop: 0, credits: 10, bytes: 100)
        let body = [UInt8](repeating: 1, count: 60)
        func send(_ sequence: UInt64) -> ConnectionAction {
            harness.receiveSends(sequence...sequence, body: body).action
        }
        #expect(send(11) == .none)
        #expect(send(12) == .pauseReading)
        #expect(harness.receive([1]).action == .none)
    }

    // REQ-TIME-6
    @Test func `a client over the limit of frames is slowed down, then closed`() {
        var harness = MachineHarness.open {
            $0.controlFramesBurst = 100; $0.controlFramesPerSecond = 10
        }
        let flood = [UInt8](repeating: 1, count: 1000)
        let first = harness.receive(flood)
        #expect(first == .init(end: 100, action: .slowDown(milliseconds: 1000)))
        var offset = first.end
        for _ in 0..<9 {
            harness.now += 1000
            #expect(harness.deadline() == .resumeReading)
            let received = harness.receive(flood, from: offset)
            #expect(received == .init(end: offset + 10, action: .slowDown(milliseconds: 1000)))
            offset = received.end
        }
        harness.now += 1000
        _ = harness.deadline()
        #expect(harness.receive(flood, from: offset).action == .close(.rateLimited))
    }

    @Test func `a client that keeps within its rate is never slowed down`() {
        var harness = MachineHarness.open {
            $0.controlFramesBurst = 20; $0.controlFramesPerSecond = 10
        }
        for _ in 0..<1000 {
            harness.now += 100
            #expect(harness.receive([1]).action == .none)
        }
    }

    @Test func `messages and new acknowledgements are no control frames`() {
        var harness = MachineHarness.open {
            $0.controlFramesBurst = 16; $0.controlFramesPerSecond = 1
        }
        for step in UInt64(1)...1000 {
            #expect(harness.receiveSends(10 + step...10 + step).action == .none)
            harness.sent(through: 10 + step)
            harness.skip(999 + step, through: 1000 + step)
            #expect(harness.receive { ClientFrameWriter.acknowledge(.init(rawValue: 1000 + step), to: &$0) }.action == .none)
            _ = harness.takeCommands()
            harness.intake.returned(credits: 2, bytes: 0)
        }
    }

    @Test func `too many bytes slow a client down`() {
        var harness = MachineHarness.open {
            $0.bytesBurst = 1000; $0.bytesPerSecond = 1000
        }
        let body = [UInt8](repeating: 1, count: 700)
        var bytes: [UInt8] = []
        for sequence in UInt64(11)...13 {
            ClientFrameWriter.send(.init(rawValue: sequence), kind: .text, conversation: .init(rawValue: 1), body: body.span, to: &bytes)
        }
        let first = harness.receive(bytes)
        #expect(first == .init(end: bytes.count / 3 * 2, action: .slowDown(milliseconds: 1000)))
        #expect(harness.takeCommands().0.count == 2)
    }
}

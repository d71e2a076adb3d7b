import HoldfastCore
import HoldfastWire
import Testing

@testable import HoldfastConnection

/// What the gateway does with the room that the protocol has for later (SPEC 3.10, 3.11).
@Suite struct ConnectionMachineRoomTests {
    private func sequences(_ commands: ContiguousArray<Command>) -> [UInt64] {
        commands.map { command in
            switch command {
            case .send(_, let sequence, _, _, _), .sendTo(_, let sequence, _, _, _): sequence.rawValue
            default: 0
            }
        }
    }

    private func refusals(_ harness: inout MachineHarness) throws -> [RefusalCode] {
        try harness.takeFrames().compactMap { frame in
            guard case .refused(let refused) = frame else { return nil }
            return refused.code
        }
    }

    // MARK: Capabilities

    // REQ-CAP-1, REQ-CAP-2
    @Test func `what a HELLO announces is kept, as far as a ticket holds it, and WELCOME says what the gateway can`() throws {
        var harness = MachineHarness()
        let token: [UInt8] = [1]
        let capabilities = Capabilities(rawValue: 0x8000_0000_0000_0015)
        harness.receive {
            Preface.append(to: &$0)
            ClientFrameWriter.hello(
                isSendOnly: false, token: token.span, device: token.span, user: [UInt8]().span, state: nil, capabilities: capabilities,
                to: &$0)
        }
        #expect(harness.machine.state == .authenticating)
        #expect(harness.machine.announced == Capabilities(rawValue: 0x15))
        #expect(MachineHarness.open().machine.announced.isEmpty, "nobody announced anything")
    }

    // MARK: Heads

    // REQ-HEAD-2
    @Test func `a message with a head that may be skipped is taken like one without`() {
        var harness = MachineHarness.open()
        let fields: [UInt8] = [2, 1, 9]
        let (user, body) = (Array("bob".utf8), Array("hi".utf8))
        let received = harness.receive {
            ClientFrameWriter.sendHeaded(
                .init(rawValue: 11), kind: .image, conversation: .init(rawValue: 7), headFlags: .max, fields: fields.span, body: body.span,
                to: &$0)
            ClientFrameWriter.sendToHeaded(
                .init(rawValue: 12), kind: .card, user: user.span, headFlags: 0, fields: [UInt8]().span, body: body.span, to: &$0)
        }
        #expect(received.action == .none)
        let (commands, bytes) = harness.takeCommands()
        #expect(commands.count == 2)
        guard case .send(_, let first, .image, let conversation, let firstBody)? = commands.first,
            case .sendTo(_, let second, .card, let name, let secondBody)? = commands.last
        else {
            Issue.record("\(commands)")
            return
        }
        #expect(first.rawValue == 11 && second.rawValue == 12 && conversation.rawValue == 7)
        #expect(Array(bytes[firstBody]) == body && Array(bytes[secondBody]) == body && Array(bytes[name]) == user)
    }

    // REQ-HEAD-2, REQ-SEQ-5
    @Test func `one with a head that must be understood is refused in its turn, by what the core refuses`() throws {
        var harness = MachineHarness.open()
        receiveHeaded(&harness, 11, fields: [4, 0, 7, 0])
        harness.receiveSends(12...12)
        let (commands, _) = harness.takeCommands()
        #expect(sequences(commands) == [11, 12])
        guard case .send(_, _, _, let conversation, let body)? = commands.first else { return }
        #expect(conversation.rawValue == 0 && body.isEmpty)
        harness.machine.refused(.init(rawValue: 11), .unknownConversation, retryAfterMilliseconds: 0, out: &harness.out)
        #expect(try refusals(&harness) == [.kindUnsupported])
        // The number is free: what comes under it now is refused for its own reasons.
        harness.receiveSends(11...11)
        #expect(sequences(harness.takeCommands().0) == [11])
        harness.machine.refused(.init(rawValue: 11), .unknownConversation, retryAfterMilliseconds: 0, out: &harness.out)
        #expect(try refusals(&harness) == [.unknownConversation])
    }

    // REQ-SEQ-5
    @Test func `of several only the first is refused, and one before them takes the turn`() throws {
        var harness = MachineHarness.open()
        harness.receiveSends(11...11)
        for sequence in UInt64(12)...14 { receiveHeaded(&harness, sequence, fields: [7, 0]) }
        harness.machine.refused(.init(rawValue: 11), .inboxFull, retryAfterMilliseconds: 1000, out: &harness.out)
        #expect(try refusals(&harness) == [.inboxFull])
        // All of it again, now with a good first one.
        harness.receiveSends(11...11)
        for sequence in UInt64(12)...14 { receiveHeaded(&harness, sequence, fields: [7, 0]) }
        harness.machine.refused(.init(rawValue: 12), .unknownConversation, retryAfterMilliseconds: 0, out: &harness.out)
        #expect(try refusals(&harness) == [.kindUnsupported])
        harness.sent(through: 11)
        #expect(sequences(harness.takeCommands().0) == [11, 12, 13, 14, 11, 12, 13, 14])
    }

    // REQ-SEQ-4
    @Test func `one that was answered already is asked for again, and what is refused then is another`() throws {
        var harness = MachineHarness.open()
        receiveHeaded(&harness, 10, fields: [7, 0])
        harness.receiveSends(11...11)
        #expect(sequences(harness.takeCommands().0) == [10, 11])
        harness.machine.refused(.init(rawValue: 11), .unknownConversation, retryAfterMilliseconds: 0, out: &harness.out)
        #expect(try refusals(&harness) == [.unknownConversation])
    }

    // REQ-OPEN-3
    @Test func `before WELCOME there is no message, with or without a head`() {
        var harness = MachineHarness()
        harness.receiveHello()
        #expect(receiveHeaded(&harness, 1, fields: []).action == .close(.wrongState))
    }

    // MARK: Operations and questions

    // REQ-OPERATION-1, REQ-OPERATION-2, REQ-SEQ-5
    @Test func `an operation has its turn among the messages, is refused, and its number is free`() throws {
        var harness = MachineHarness.open()
        harness.receiveSends(11...11)
        for sequence in UInt64(12)...13 { receiveOperation(&harness, sequence) }
        harness.receiveSends(14...14)
        #expect(sequences(harness.takeCommands().0) == [11, 12, 13, 14])
        harness.sent(through: 11)
        harness.machine.refused(.init(rawValue: 12), .unknownConversation, retryAfterMilliseconds: 0, out: &harness.out)
        #expect(try refusals(&harness) == [.kindUnsupported])
        // Taken out: what followed moves up.
        receiveOperation(&harness, 12)
        harness.machine.refused(.init(rawValue: 12), .unknownConversation, retryAfterMilliseconds: 0, out: &harness.out)
        #expect(try refusals(&harness) == [.kindUnsupported])
        harness.receiveSends(12...12)
        #expect(sequences(harness.takeCommands().0) == [12, 12])
    }

    // REQ-SEQ-8
    @Test func `operations count among what is in flight`() {
        var harness = MachineHarness.open { $0.sendsInFlightMax = 2 }
        for sequence in UInt64(11)...12 { #expect(receiveOperation(&harness, sequence).action == .none) }
        #expect(receiveOperation(&harness, 13).action == .close(.sendsInFlightExceeded))
        harness = .open()
        #expect(receiveOperation(&harness, 140).action == .close(.sequenceHole))
    }

    // REQ-ASK-2
    @Test func `a question is answered at once that nobody knows its kind, also on a send-only session`() throws {
        for isSendOnly in [false, true] {
            var harness = MachineHarness.open(isSendOnly: isSendOnly)
            let fields: [UInt8] = [3, 0]
            harness.receive {
                for request in [UInt32(5), .max] { ClientFrameWriter.question(request: request, kind: 9, fields: fields.span, to: &$0) }
            }
            let answers: [UInt32] = try harness.takeFrames().compactMap { frame in
                guard case .answer(let request, .unsupported, let fields) = frame, fields.range.isEmpty else { return nil }
                return request
            }
            #expect(answers == [5, .max])
            #expect(harness.takeCommands().0.isEmpty)
        }
    }

    // REQ-TIME-6
    @Test func `who only asks is slowed down`() {
        var harness = MachineHarness.open {
            $0.controlFramesPerSecond = 1; $0.controlFramesBurst = 4
        }
        let received = harness.receive { out in
            for request in UInt32(0)..<5 { ClientFrameWriter.question(request: request, kind: 0, fields: [UInt8]().span, to: &out) }
        }
        #expect(received.action == .slowDown(milliseconds: 1000))
    }

    // REQ-OPEN-3
    @Test func `before WELCOME there is no operation and no question`() {
        var harness = MachineHarness()
        harness.receiveHello()
        #expect(receiveOperation(&harness, 1).action == .close(.wrongState))
        harness = MachineHarness()
        harness.receiveHello()
        let question = harness.receive { ClientFrameWriter.question(request: 1, kind: 1, fields: [UInt8]().span, to: &$0) }
        #expect(question.action == .close(.wrongState))
    }

    @discardableResult
    private func receiveOperation(_ harness: inout MachineHarness, _ sequence: UInt64) -> ConnectionMachine.Received {
        harness.receive { ClientFrameWriter.operation(.init(rawValue: sequence), kind: 1, fields: [2, 0].span, to: &$0) }
    }

    @discardableResult
    private func receiveHeaded(_ harness: inout MachineHarness, _ sequence: UInt64, fields: [UInt8]) -> ConnectionMachine.Received {
        harness.receive {
            ClientFrameWriter.sendHeaded(
                .init(rawValue: sequence), kind: .text, conversation: .init(rawValue: 7), headFlags: 0, fields: fields.span,
                body: [UInt8]().span, to: &$0)
        }
    }
}

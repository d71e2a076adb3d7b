import HoldfastWire
import Testing

@testable import HoldfastClient

/// A gateway that says anything: no number of it may trap a client (REQ-SEC-5), and no session of somebody else may become this one's.
@Suite struct ClientMachineHostileTests {
    private func openedByTicket() throws -> MachineRig {
        let rig = try MachineRig.persistent(FaultyStorage())
        rig.open(.usual(attach: 3))
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("T".utf8).span, to: &$0) }
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "resume T 3/100/0"])
        return rig
    }

    /// The very frame that once trapped a client with a message in its outbox.
    @Test func `a last sequence beyond all numbers is malformed, and the message goes out on the next connection`() throws {
        let rig = MachineRig()
        rig.connect()
        rig.provideToken()
        let id = rig.send("waiting")
        rig.openTransport()
        let frame =
            "40320000000000010000010000000100000000000003e800ffffffffffffffffff01019b76daa8001eac0280800"
            + "47f8002808010"
        let digits = Array(frame)
        rig.receive(stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0 })
        #expect(rig.notices.contains(.protocolViolation(code: CloseCode.malformedFrame.rawValue)))
        rig.advance(by: 2_000)
        rig.open()
        rig.confirm(through: 1)
        #expect(rig.resolved[id] == .stored(MessageSequence(rawValue: 1)))
    }

    // REQ-ENC-9
    @Test(arguments: [UInt64(0), 1, 2, 200])
    func `at the end of the numbers only those that there are are given out`(left: UInt64) throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.connect()
        rig.provideToken()
        for index in 0..<4 { rig.send("m\(index)", flushes: false) }
        rig.openTransport()
        // The outbox is of this run, so it isn't given up.
        rig.receive { ServerFrameWriter.welcome(.usual(lastSequence: MessageSequence.max.rawValue - left), to: &$0) }
        #expect(rig.takeFrames().filter { $0.hasPrefix("send") }.count == min(4, Int(left)))
        for _ in 0..<4 { rig.confirm(through: MessageSequence.max.rawValue) }
        rig.flush()
        #expect(rig.machine.outboxCounts.line == 0 || left > 4)
        try rig.file?.close()
        rig.file = nil
        let again = try ClientStateFile.open(storage, user: "alice", device: "phone")
        #expect(again.recovery == .loaded, "what was written at the end of the numbers is read again")
    }

    // REQ-HEAD-1, REQ-HEAD-3
    @Test func `a head in front of a message is skipped, whatever it says`() {
        let rig = MachineRig()
        rig.open()
        rig.learn()
        let fields: [UInt8] = [2, 1, 9, 7, 0]
        let body = Array("hi".utf8)
        rig.receive { out in
            var writer = DeliverWriter(
                predecessor: Position(rawValue: 100), first: Position(rawValue: 101), conversation: ConversationNumber(rawValue: 5),
                timeOffset: 0, entries: 2, bodyBytes: 4, to: &out)
            for position in UInt64(101)...102 {
                writer.entry(
                    position: Position(rawValue: position), timeOffset: 0, kind: .text, isOwn: false, isLast: position == 102,
                    headFlags: .max, fields: fields.span, body: body.span, to: &out)
            }
            writer.end(to: &out)
        }
        #expect(rig.handedTexts == ["101 bob hi", "102 bob hi"])
    }

    // REQ-ASK-3, REQ-STATE-1
    @Test func `answers that nobody asked for and states are skipped, but not before WELCOME`() {
        let rig = MachineRig()
        rig.open()
        rig.learn()
        let fields: [UInt8] = [2, 1, 9, 7, 0]
        rig.receive { out in
            for status in AnswerStatus.allCases { ServerFrameWriter.answer(request: 7, status, fields: fields.span, to: &out) }
            ServerFrameWriter.state(kind: .max, fields: fields.span, to: &out)
        }
        rig.deliver(after: 100, [(101, "hi")])
        #expect(rig.handedTexts == ["101 bob hi"])
        for isState in [true, false] {
            let early = MachineRig()
            early.connect()
            early.provideToken()
            early.openTransport()
            early.receive { out in
                if isState {
                    ServerFrameWriter.state(kind: 1, fields: fields.span, to: &out)
                } else {
                    ServerFrameWriter.answer(request: 7, .answered, fields: fields.span, to: &out)
                }
            }
            #expect(early.notices.contains(.protocolViolation(code: CloseCode.wrongState.rawValue)))
        }
    }

    @Test func `a heartbeat of many years isn't counted with`() {
        let rig = MachineRig()
        rig.connect()
        rig.provideToken()
        rig.openTransport()
        rig.receive { ServerFrameWriter.welcome(.usual(heartbeat: 4_000_000_000...4_294_967_295), to: &$0) }
        #expect(rig.notices == [.protocolViolation(code: CloseCode.malformedFrame.rawValue)])
    }

    @Test func `what is dealt with may be more than four gigabytes`() {
        let rig = MachineRig()
        rig.open(.usual(credit: .max))
        rig.learn()
        rig.machine.unsentBytes = .max - 1
        rig.machine.unsentMessages = .max
        rig.deliver(after: 100, [(101, "more")])
        rig.acknowledge(101)
        #expect(rig.takeFrames().last == "ack 101")
    }

    // REQ-SESSION-8: a ticket opens its session or nothing.
    @Test(arguments: [WelcomeOutcome.resumed, .begun, .begunExpired, .begunEnded, .rewound, .begunUnknown])
    func `another session in answer to a ticket is refused, and the client shows its token`(outcome: WelcomeOutcome) throws {
        let rig = try openedByTicket()
        rig.receive { ServerFrameWriter.welcome(.usual(outcome, session: 78, attach: 4, cursor: 5_000), to: &$0) }
        #expect(rig.notices.contains(.protocolViolation(code: CloseCode.wrongState.rawValue)))
        #expect(rig.file?.state.session == SessionID(rawValue: 77), "the state is that of its own session")
        #expect(rig.file?.state.cursor == Position(rawValue: 100))
        rig.advance(by: 4_000)
        rig.provideToken()
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "hello token phone 3/100/0"])
    }

    @Test func `the own session in answer to a ticket is not begun anew either`() throws {
        let rig = try openedByTicket()
        rig.receive { ServerFrameWriter.welcome(.usual(.begunEnded, session: 77, attach: 4), to: &$0) }
        #expect(rig.notices.contains(.protocolViolation(code: CloseCode.wrongState.rawValue)))
    }

    // REQ-OPEN-4, REQ-SESSION-5
    @Test func `what is said of a previous session counts only where it is due`() throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        func previous() {
            rig.receive { ServerFrameWriter.previous(SessionID(rawValue: 77), lastSequence: MessageSequence(rawValue: 1), to: &$0) }
        }
        rig.open()
        let id = rig.send("one")
        previous()
        #expect(rig.resolved[id] == nil && rig.machine.phase == .open, "nobody asked")
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.provideToken()
        rig.openTransport()
        previous()
        #expect(rig.notices.contains(.protocolViolation(code: CloseCode.wrongState.rawValue)), "not before WELCOME")
    }

    // REQ-OPEN-8
    @Test func `the user is told to the gateway, and another user's token ends it`() {
        let rig = MachineRig(settings: ClientSettings(device: "phone", user: "carol"))
        rig.connect()
        rig.provideToken("alices")
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "hello alices phone as carol -"])
        rig.closeByServer(.tokenInvalid)
        #expect(rig.states.last == .stopped(.unauthorized(code: CloseCode.tokenInvalid.rawValue)))
    }
}

import HoldfastCore
import HoldfastWire
import Testing

@testable import HoldfastConnection

@Suite struct ConnectionMachineTests {
    @Test func `a machine takes at most 96 bytes`() {
        #expect(MemoryLayout<ConnectionMachine>.stride <= 88)
    }

    // MARK: Opening

    // REQ-OPEN-4, REQ-FRAME-8
    @Test func `RESUME becomes a command once its ticket is open, and WELCOME names the limits`() throws {
        var harness = MachineHarness()
        let state = PresentedState(
            session: .init(rawValue: 7), attach: .init(rawValue: 3), position: .init(rawValue: 1000), lastSequence: .init(rawValue: 41))
        let ticket = [UInt8](repeating: 9, count: 43)
        let received = harness.receive {
            Preface.append(to: &$0)
            ClientFrameWriter.resume(ticket: ticket.span, state: state, to: &$0)
        }
        guard case .openTicket(let resume) = received.action else {
            Issue.record("\(received)")
            return
        }
        #expect(resume.attach == state.attach)
        #expect(resume.ticket.count == 43)
        harness.machine.ticketOpened(state, expires: 2000, intake: &harness.intake)
        guard case .resume(MachineHarness.handle, state)? = harness.takeCommands().0.first else {
            Issue.record("no command")
            return
        }
        let attached = Effect.Attached(
            outcome: .resumed, session: state.session, attach: .init(rawValue: 4), cursor: state.position, era: 0,
            lastSequence: state.lastSequence, serverTime: 5, isSendOnly: false, isService: false)
        #expect(harness.machine.welcome(attached, now: harness.now, limits: harness.limits, out: &harness.out))
        guard case .welcome(let welcome)? = try harness.takeFrames().first else {
            Issue.record("no WELCOME")
            return
        }
        #expect(welcome.attach == attached.attach)
        #expect(welcome.frameBytesMax == 65536)
        #expect(welcome.sendsInFlightMax == 127)
        #expect(welcome.creditMessages == harness.limits.creditMessages)
    }

    @Test func `HELLO hands out token, device and state`() throws {
        var harness = MachineHarness()
        let token: [UInt8] = [1, 2, 3]
        let name = [UInt8]("d".utf8)
        let received = harness.receive {
            Preface.append(to: &$0)
            ClientFrameWriter.hello(isSendOnly: true, token: token.span, device: name.span, user: [UInt8]().span, state: nil, to: &$0)
        }
        guard case .verifyToken(let hello) = received.action else {
            Issue.record("\(received)")
            return
        }
        #expect(hello.isSendOnly)
        #expect(hello.token.count == 3)
        let checked = CheckedToken(
            user: Array("u".utf8), device: nil, isService: false, to: RecipientLimit(["bob"]), issuedAt: 900, expires: 0)
        harness.machine.tokenVerified(checked, device: name.span, isSendOnly: true, state: nil, expires: 2000, intake: &harness.intake)
        let (commands, bytes) = harness.takeCommands()
        guard case .hello(_, let userRange, let device, let limit?, true, false, 900, nil)? = commands.first else {
            Issue.record("no command")
            return
        }
        #expect(bytes[userRange] == [UInt8(ascii: "u")])
        #expect(bytes[device] == [UInt8(ascii: "d")])
        #expect(RecipientLimit(encoded: bytes[limit]) == RecipientLimit(["bob"]))
    }

    @Test func `every cut of the opening gives the same outcome`() {
        var bytes: [UInt8] = []
        let token: [UInt8] = [1, 2, 3]
        Preface.append(to: &bytes)
        ClientFrameWriter.hello(isSendOnly: false, token: token.span, device: token.span, user: [UInt8]().span, state: nil, to: &bytes)
        for cut in 0..<bytes.count {
            var harness = MachineHarness()
            let first = harness.receive(Array(bytes[..<cut]))
            #expect(first.action == .none)
            let second = harness.receive(Array(bytes[first.end...]))
            guard case .verifyToken = second.action else {
                Issue.record("cut at \(cut): \(second)")
                return
            }
            #expect(first.end + second.end == bytes.count)
        }
    }

    // REQ-FRAME-1
    @Test func `a wrong preface is told at its first byte`() {
        var harness = MachineHarness()
        #expect(harness.receive([UInt8]("GET / HTTP/1.1".utf8)).action == .close(.badPreface))
        #expect(harness.receive([0x8C, 0x48, 0x47]).action == .close(.badPreface))
        #expect(harness.receive([0x8C, 0x48]).action == .none)
    }

    // REQ-OPEN-1
    @Test func `before HELLO nothing but PING is allowed`() {
        for frame: [UInt8] in [[0x13, 1, 2], [0x16, 1, 7], [0x20, 3, 1, 7, 0x61]] {
            var harness = MachineHarness()
            #expect(
                harness.receive {
                    Preface.append(to: &$0); $0 += frame
                }.action == .close(.wrongState))
        }
    }

    // REQ-OPEN-11, REQ-TIME-6
    @Test func `before HELLO frames that are answered or skipped are counted`() {
        for frame: [UInt8] in [[FrameKind.ping], [0xF0, 0]] {
            var harness = MachineHarness { $0.controlFramesBurst = 20 }
            let flood = { (count: Int) -> (inout [UInt8]) -> Void in { out in for _ in 0..<count { out += frame } } }
            #expect(harness.receive { Preface.append(to: &$0) }.action == .none)
            #expect(harness.receive(flood(20)).action == .none)
            #expect(harness.out == [UInt8](repeating: FrameKind.pong, count: frame == [FrameKind.ping] ? 20 : 0))
            #expect(harness.receive(flood(1)).action == .close(.rateLimited))
        }
    }

    // REQ-OPEN-3, REQ-SEQ-9
    @Test func `until WELCOME only PING and CLOSE keep are allowed`() throws {
        func waiting() -> MachineHarness {
            var harness = MachineHarness()
            harness.receiveHello()
            return harness
        }
        var pinging = waiting()
        #expect(pinging.receive([1]).action == .none)
        #expect(try pinging.takeFrames() == [.pong])
        var leaving = waiting()
        #expect(leaving.receive([0x13, 1, 2]).action == .leave)
        // A logout, too, needs to know of which session.
        let logout: [UInt8] = [0x13, 1, 1]
        let others: [[UInt8]] = [logout, [0x16, 1, 7], [0x20, 3, 1, 7, 0x61], [0x14, 5, 0, 0, 0, 0, 1], [0x12, 1, 1], [0x17, 1, 1]]
        for frame in others {
            var harness = waiting()
            #expect(harness.receive(frame).action == .close(.wrongState))
        }
    }

    // REQ-OPEN-3
    @Test func `a second opening frame is wrongState`() {
        var harness = MachineHarness.open()
        let token: [UInt8] = [1]
        let received = harness.receive {
            ClientFrameWriter.hello(isSendOnly: false, token: token.span, device: token.span, user: [UInt8]().span, state: nil, to: &$0)
        }
        #expect(received.action == .close(.wrongState))
    }

    // MARK: Bad frames

    // REQ-FRAME-7
    @Test(arguments: try Vectors.malformedFromClient())
    func `a malformed frame gets its code`(_ vector: Vectors.Malformed) {
        let bytes = Vectors.bytes(vector.hex)
        let isOpening = vector.name.hasPrefix("hello") || vector.name.hasPrefix("resume")
        // Byte by byte and at once, from the state in which the frame is allowed.
        for step in [1, bytes.count] {
            var harness = isOpening ? MachineHarness() : .open()
            if isOpening { harness.receive { Preface.append(to: &$0) } }
            var end = min(step, bytes.count)
            var received = harness.receive(Array(bytes[..<end]))
            while received.action == .none && end < bytes.count {
                end = min(end + step, bytes.count)
                received = harness.receive(Array(bytes[received.end..<end]), from: 0)
                #expect(received.end == 0)
            }
            #expect(received.action == .close(CloseCode(rawValue: vector.code) ?? .internalError))
        }
    }

    // REQ-FRAME-4
    @Test func `an unknown optional frame is skipped in every state`() throws {
        var fresh = MachineHarness()
        let optional: [UInt8] = [0x85, 0x90, 2, 7, 7]
        let token: [UInt8] = [1]
        let received = fresh.receive {
            Preface.append(to: &$0)
            $0 += optional
            ClientFrameWriter.hello(isSendOnly: false, token: token.span, device: token.span, user: [UInt8]().span, state: nil, to: &$0)
        }
        guard case .verifyToken = received.action else {
            Issue.record("\(received)")
            return
        }
        #expect(fresh.receive(optional + [1]).action == .none)
        #expect(try fresh.takeFrames() == [.pong])
        var open = MachineHarness.open()
        #expect(open.receive(optional + [1]).end == 6)
        #expect(try open.takeFrames() == [.pong])
    }

    // REQ-CLOSE-1, REQ-CLOSE-3
    @Test func `what comes after the end is not listened to`() {
        var harness = MachineHarness.open()
        harness.receive([0x13, 1, 1])
        #expect(harness.machine.state == .leaving)
        #expect(harness.receive([0x00, 0x00]) == .init(end: 2, action: .none))
        guard case .logout(let origin)? = harness.takeCommands().0.first else {
            Issue.record("no logout")
            return
        }
        #expect(origin.session.rawValue == 7)
    }
}

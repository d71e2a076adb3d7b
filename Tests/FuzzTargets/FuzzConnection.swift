import HoldfastClient
import HoldfastCore
import HoldfastWire

func fuzzConnection(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let limits = ConnectionLimits()
    var machine = ConnectionMachine(ConnectionHandle(loop: 0, generation: 1, slot: 0), limits: limits, now: 0)
    var intake = CommandIntake(loop: 0, credits: 8, bytes: 1 << 16)
    var out: [UInt8] = []
    // Random bytes seldom begin with the preface: without it only that would be fuzzed.
    var stream: [UInt8] = []
    Preface.append(to: &stream)
    var now: UInt64 = 0
    while !input.isEmpty {
        now += UInt64(input.byte())
        stream.append(contentsOf: input.take(Int(input.byte())))
        let received = machine.received(stream.span, from: 0, now: now, limits: limits, intake: &intake, out: &out)
        precondition((0...stream.count).contains(received.end), "the machine consumed what it wasn't shown")
        answer(received.action, &machine, stream, &intake, &out, limits)
        stream.removeFirst(received.end)
        if case .close = received.action { return }
        switch input.byte() & 7 {
        case 0: intake.returned(credits: Int(input.byte() & 3), bytes: 100)
        case 1: _ = machine.deadlineReached(now: now + input.number(3), limits: limits, out: &out)
        case 2: machine.sent(through: MessageSequence(rawValue: input.number(1)), position: Position(rawValue: input.number(2)), out: &out)
        case 3:
            let end = Position(rawValue: 1000 + input.number(2))
            machine.skip(predecessor: Position(rawValue: 1000), through: end, out: &out)
        default: break
        }
        out.removeAll(keepingCapacity: true)
    }
}

/// Does what the driver would: every token and ticket is good.
private func answer(
    _ action: ConnectionAction, _ machine: inout ConnectionMachine, _ stream: [UInt8], _ intake: inout CommandIntake, _ out: inout [UInt8],
    _ limits: ConnectionLimits
) {
    let name = Array("alice".utf8)
    switch action {
    case .verifyToken(let hello):
        machine.tokenVerified(
            user: name.span, device: Array(stream[hello.device]).span, isSendOnly: hello.isSendOnly, isService: false, state: hello.state,
            expires: 1000, intake: &intake)
    case .openTicket(let resume):
        let state = PresentedState(
            session: SessionID(rawValue: 1 << 24 | 1), attach: resume.attach, position: resume.position, lastSequence: resume.lastSequence)
        machine.ticketOpened(state, expires: 1000, intake: &intake)
    case .verifyFreshToken: machine.freshTokenVerified(user: name.span, device: [UInt8]().span, expires: 2000, intake: &intake)
    default: return
    }
    let attached = Effect.Attached(
        outcome: .resumed, session: SessionID(rawValue: 1 << 24 | 1), attach: AttachNumber(rawValue: 2), cursor: Position(rawValue: 1000),
        era: 0, lastSequence: MessageSequence(rawValue: 41), serverTime: 1, isSendOnly: false, isService: false)
    _ = machine.welcome(attached, limits: limits, out: &out)
}

func fuzzClientMachine(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    var machine = ClientMachine(settings: ClientSettings(device: "fuzz", isPersistent: true))
    var actions = ClientActions()
    var stream: [UInt8] = []
    var now = ClientNow(milliseconds: 1, random: 1)
    while !input.isEmpty {
        now.milliseconds += input.number(2)
        now.random = input.number(1)
        switch input.byte() % 8 {
        case 0: machine.connectRequested(now, &actions)
        case 1: machine.transportOpened(now, &actions)
        case 2: machine.tokenProvided([1, 2, 3], now, &actions)
        case 3:
            stream.append(contentsOf: input.take(Int(input.byte())))
            let consumed = machine.received(stream.span, now, &actions)
            precondition((0...stream.count).contains(consumed), "the machine consumed what it wasn't shown")
            stream.removeFirst(consumed)
        case 4: machine.timerFired(now, &actions)
        case 5:
            _ = try? machine.send(to: .user("bob"), kind: .text, body: input.take(4), &actions)
            machine.flush(now, &actions)
        case 6: machine.acknowledge(through: Position(rawValue: input.number(3)), now, &actions)
        default:
            stream = []
            machine.transportClosed(.closedByPeer, now, &actions)
        }
        actions.removeAll()
    }
}

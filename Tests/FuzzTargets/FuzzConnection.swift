import HoldfastConnection
import HoldfastCore
import HoldfastWire

/// A connection machine that a hostile client talks to, in a session whose numbers may be at the ends of their ranges.
func fuzzConnection(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let attached = attached(&input)
    let limits = ConnectionLimits()
    var machine = ConnectionMachine(ConnectionHandle(loop: 0, generation: 1, slot: 0), limits: limits, now: 0)
    let (credits, creditBytes) = (8, 1 << 16)
    var intake = CommandIntake(loop: 0, credits: credits, bytes: creditBytes)
    var out: [UInt8] = []
    // Random bytes seldom begin with the preface: without it only that would be fuzzed.
    var stream: [UInt8] = []
    Preface.append(to: &stream)
    var now: UInt64 = 0
    while !input.isEmpty {
        now &+= input.byte() & 7 == 0 ? input.extreme() : UInt64(input.byte())
        if input.byte() & 1 == 0 {
            stream.append(contentsOf: input.take(Int(input.byte())))
        } else {
            input.clientFrame(to: &stream)
        }
        let received = machine.received(stream.span, from: 0, now: now, limits: limits, intake: &intake, out: &out)
        precondition((0...stream.count).contains(received.end), "the machine consumed what it wasn't shown")
        answer(received.action, &machine, stream, &intake, &out, limits, attached)
        stream.removeFirst(received.end)
        if case .close = received.action { return }
        switch input.byte() & 7 {
        case 0:
            // The core returns no more than it got.
            intake.returned(
                credits: min(Int(input.byte() & 3), credits - intake.credits), bytes: min(100, creditBytes - intake.bytesLeft))
        case 1: _ = machine.deadlineReached(now: now &+ input.number(3), limits: limits, out: &out)
        case 2:
            let through = MessageSequence(rawValue: min(attached.lastSequence.rawValue + input.number(1), MessageSequence.max.rawValue))
            machine.sent(through: through, position: Position(rawValue: input.extreme()), out: &out)
        case 4:
            let code: RefusalCode = input.byte() & 1 == 0 ? .inboxFull : .unknownConversation
            machine.refused(MessageSequence(rawValue: input.extreme()), code, retryAfterMilliseconds: input.extreme32(), out: &out)
        case 3:
            let end = Position(rawValue: input.byte() & 1 == 0 ? attached.cursor.rawValue &+ input.number(2) : input.extreme())
            if end > attached.cursor { machine.skip(predecessor: attached.cursor, through: end, out: &out) }
        default: break
        }
        out.removeAll(keepingCapacity: true)
    }
}

/// Does what the driver would: every token and ticket is good.
private func answer(
    _ action: ConnectionAction, _ machine: inout ConnectionMachine, _ stream: [UInt8], _ intake: inout CommandIntake, _ out: inout [UInt8],
    _ limits: ConnectionLimits, _ attached: Effect.Attached
) {
    let token = CheckedToken(user: Array("alice".utf8), device: nil, isService: false, issuedAt: 900, expires: 0)
    switch action {
    case .verifyToken(let hello):
        machine.tokenVerified(
            token, device: Array(stream[hello.device]).span, isSendOnly: hello.isSendOnly, state: hello.state, expires: 1000,
            intake: &intake)
    case .openTicket(let resume):
        let state = PresentedState(
            session: SessionID(rawValue: 1 << 24 | 1), attach: resume.attach, position: resume.position, lastSequence: resume.lastSequence)
        machine.ticketOpened(state, expires: 1000, intake: &intake)
    case .verifyFreshToken: machine.freshTokenVerified(token, expires: 2000, intake: &intake)
    default: return
    }
    _ = machine.welcome(attached, now: 0, limits: limits, out: &out)
}

/// A session as the core might have it: most are usual.
private func attached(_ input: inout FuzzInput) -> Effect.Attached {
    let isUsual = input.byte() & 1 == 0
    return Effect.Attached(
        outcome: .resumed, session: SessionID(rawValue: 1 << 24 | 1), attach: AttachNumber(rawValue: isUsual ? 2 : input.extreme32()),
        cursor: Position(rawValue: isUsual ? 1000 : input.extreme()), era: 0,
        lastSequence: MessageSequence(rawValue: isUsual ? 41 : min(input.extreme(), MessageSequence.max.rawValue)), serverTime: 1,
        isSendOnly: false, isService: false)
}

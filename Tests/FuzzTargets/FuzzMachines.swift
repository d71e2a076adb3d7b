import HoldfastClient
import HoldfastCore
import HoldfastWire

func fuzzConnection(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let handle = ConnectionHandle(loop: 0, generation: 1, slot: 0)
    let limits = ConnectionLimits()
    var machine = ConnectionMachine(handle, limits: limits, now: 0)
    var intake = CommandIntake(loop: 0, credits: 8, bytes: 1 << 16)
    var out: [UInt8] = []
    var stream: [UInt8] = []
    var now: UInt64 = 0
    while !input.isEmpty {
        now += UInt64(input.byte())
        stream.append(contentsOf: input.take(Int(input.byte())))
        let received = machine.received(stream.span, from: 0, now: now, limits: limits, intake: &intake, out: &out)
        precondition((0...stream.count).contains(received.end), "the machine consumed what it wasn't shown")
        stream.removeFirst(received.end)
        if case .close = received.action { return }
        intake.returned(credits: Int(input.byte() & 3), bytes: 0)
        precondition(out.count <= 1 << 20, "output without bound")
    }
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

import HoldfastClient
import HoldfastWire

/// A client machine that a hostile gateway talks to, over many connections and restarts, with an app that sends and acknowledges
/// meanwhile: whatever the gateway says, nothing traps, and every record that the machine wants to keep fits its state.
func fuzzClientMachine(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    var run = ClientRun()
    while !input.isEmpty { run.step(&input) }
    run.restart()
}

private struct ClientRun {
    private static let settings = ClientSettings(device: "fuzz", user: "alice", isPersistent: true)
    private var machine = ClientMachine(settings: settings)
    /// What is on the disk: the sum of what was persisted.
    private var state = ClientState()
    private var actions = ClientActions()
    private var stream: [UInt8] = []
    private var now = ClientNow(milliseconds: 1, random: 1)
    /// The end of the stream as the gateway believes the client to have it.
    private var end = Position.zero
    private var ids: [UInt64] = []

    init() { precondition(state.apply(.owner(user: "alice", device: "fuzz")), "an owner fits every state") }

    mutating func step(_ input: inout FuzzInput) {
        let operation = input.byte()
        now.random = UInt64(operation) &* 0x9E37_79B9_7F4A_7C15
        switch operation % 16 {
        case 0: machine.connectRequested(now, &actions)
        case 1: machine.transportOpened(now, &actions)
        case 2: machine.tokenProvided([1, 2, 3], now, &actions)
        case 3: receive(input.take(Int(input.byte())))
        case 4: pass(input.byte() & 1 == 0 ? input.number(2) : input.extreme() >> 16)
        case 5, 6: send(&input)
        case 7: machine.acknowledge(through: Position(rawValue: input.byte() & 1 == 0 ? end.rawValue : input.extreme()), now, &actions)
        case 8:
            stream = []
            machine.transportClosed(.closedByPeer, now, &actions)
        case 9: restart()
        case 10: open(&input)
        case 11: machine.setPace(seconds: input.extreme32(), now, &actions)
        case 12: if let id = ids.popLast() { _ = machine.withdraw(id: id, &actions) }
        case 13: _ = machine.close(input.byte() & 7 == 0 ? .logout : .keep, now, &actions)
        default:
            var frame: [UInt8] = []
            input.serverFrame(end: &end, to: &frame)
            receive(frame)
        }
        machine.flush(now, &actions)
        keep()
    }

    /// Everything from the app's wish to a `WELCOME`, in one step: few inputs would come so far by chance.
    private mutating func open(_ input: inout FuzzInput) {
        machine.connectRequested(now, &actions)
        if machine.phase == .waiting { pass(3_700_000) }
        machine.tokenProvided([1, 2, 3], now, &actions)
        keep()
        stream = []
        machine.transportOpened(now, &actions)
        let welcome = input.welcome()
        end = welcome.cursor
        var frame: [UInt8] = []
        ServerFrameWriter.welcome(welcome, to: &frame)
        receive(frame)
    }

    private mutating func receive(_ bytes: [UInt8]) {
        let shown = stream + bytes
        let consumed = machine.received(shown.span, now, &actions)
        precondition((0...shown.count).contains(consumed), "the machine consumed what it wasn't shown")
        stream = Array(shown[consumed...])
    }

    private mutating func pass(_ milliseconds: UInt64) {
        // No machine is up for longer than a few million years.
        now.milliseconds = min(now.milliseconds &+ milliseconds, 1 << 62)
        machine.timerFired(now, &actions)
    }

    private mutating func send(_ input: inout FuzzInput) {
        let choice = input.byte()
        let recipient: Recipient = choice & 1 == 0 ? .user("bob") : .conversation(UInt64(choice >> 6))
        for _ in 0..<(1 + (choice >> 1 & 7)) {
            if let id = try? machine.send(to: recipient, kind: .text, body: input.take(3), &actions) { ids.append(id) }
        }
    }

    /// The process ends and begins again with what was kept, which is written anew and read.
    mutating func restart() {
        keep()
        var again = ClientState()
        for record in state.snapshot { precondition(again.apply(record), "a snapshot that can't be read: \(record)") }
        precondition(again == state, "a state changed when it was written and read: \(state), now \(again)")
        machine = ClientMachine(settings: Self.settings, state: state)
        stream = []
        ids = []
    }

    /// Does what the driver would with the records.
    private mutating func keep() {
        for action in actions.items {
            if case .persist(let record) = action { precondition(state.apply(record), "a record that doesn't fit the state: \(record)") }
        }
        actions.removeAll()
    }
}

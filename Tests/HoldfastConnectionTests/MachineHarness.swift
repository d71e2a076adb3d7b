import HoldfastCore
import HoldfastWire

@testable import HoldfastConnection

/// One connection machine with what a loop would hold for it.
struct MachineHarness {
    static let handle = ConnectionHandle(loop: 0, generation: 1, slot: 5)
    var limits = ConnectionLimits()
    var machine: ConnectionMachine
    var intake: CommandIntake
    var out: [UInt8] = []
    var now: UInt64 = 1_000_000

    init(credits: Int = 1000, _ change: (inout ConnectionLimits) -> Void = { _ in }) {
        change(&limits)
        machine = ConnectionMachine(Self.handle, limits: limits, now: 1_000_000)
        intake = CommandIntake(loop: 0, credits: credits, bytes: 1 << 20)
    }

    /// A machine whose connection is open: session 7, attach 2, cursor 1000, last sequence 10.
    static func open(
        credits: Int = 1000, isSendOnly: Bool = false, cursor: UInt64 = 1000, _ change: (inout ConnectionLimits) -> Void = { _ in }
    ) -> MachineHarness {
        var harness = MachineHarness(credits: credits + 1, change)
        _ = harness.receive { Preface.append(to: &$0) }
        let ticket = [UInt8](repeating: 1, count: 43)
        let state = PresentedState(
            session: .init(rawValue: 7), attach: .init(rawValue: 1), position: .init(rawValue: cursor), lastSequence: .none)
        _ = harness.receive { ClientFrameWriter.resume(ticket: ticket.span, state: state, to: &$0) }
        harness.machine.ticketOpened(state, expires: harness.now / 1000 + 86400, intake: &harness.intake)
        let attached = Effect.Attached(
            outcome: .resumed, session: .init(rawValue: 7), attach: .init(rawValue: 2), cursor: .init(rawValue: cursor), era: 0,
            lastSequence: .init(rawValue: 10), serverTime: 1_700_000_000_000, isSendOnly: isSendOnly, isService: false)
        _ = harness.machine.welcome(attached, now: harness.now, limits: harness.limits, out: &harness.out)
        _ = harness.intake.takeBatch(spare: CommandBatch(door: 0))
        harness.out = []
        return harness
    }

    /// Shows the machine what `write` appends.
    @discardableResult
    mutating func receive(_ write: (inout [UInt8]) -> Void) -> ConnectionMachine.Received {
        var bytes: [UInt8] = []
        write(&bytes)
        return receive(bytes)
    }

    @discardableResult
    mutating func receive(_ bytes: [UInt8], from start: Int = 0) -> ConnectionMachine.Received {
        machine.received(bytes.span, from: start, now: now, limits: limits, intake: &intake, out: &out)
    }

    /// Shows it messages with these sequences.
    @discardableResult
    mutating func receiveSends(_ sequences: ClosedRange<UInt64>, body: [UInt8] = []) -> ConnectionMachine.Received {
        var bytes: [UInt8] = []
        for sequence in sequences {
            ClientFrameWriter.send(.init(rawValue: sequence), kind: .text, conversation: .init(rawValue: 1), body: body.span, to: &bytes)
        }
        return receive(bytes)
    }

    /// Preface and a HELLO.
    @discardableResult
    mutating func receiveHello() -> ConnectionMachine.Received {
        let token: [UInt8] = [1]
        let device: [UInt8] = [4]
        return receive {
            Preface.append(to: &$0)
            ClientFrameWriter.hello(isSendOnly: false, token: token.span, device: device.span, user: [UInt8]().span, state: nil, to: &$0)
        }
    }

    mutating func skip(_ predecessor: UInt64, through: UInt64) {
        machine.skip(predecessor: .init(rawValue: predecessor), through: .init(rawValue: through), out: &out)
    }

    mutating func sent(through sequence: UInt64) {
        machine.sent(through: .init(rawValue: sequence), position: .init(rawValue: 1), out: &out)
    }

    mutating func deadline() -> ConnectionAction { machine.deadlineReached(now: now, limits: limits, out: &out) }

    /// The frames that were written, and forgets them.
    mutating func takeFrames() throws -> [ServerFrame] {
        var frames: [ServerFrame] = []
        var offset = 0
        while let decoded = try ServerFrame.decode(out.span, at: offset, limits: .standard) {
            if let frame = decoded.frame { frames.append(frame) }
            offset += decoded.byteCount
        }
        out = []
        return frames
    }

    mutating func takeCommands() -> (ContiguousArray<Command>, [UInt8]) {
        let batch = intake.takeBatch(spare: CommandBatch(door: 0))
        return (batch?.commands ?? [], batch?.bytes ?? [])
    }
}

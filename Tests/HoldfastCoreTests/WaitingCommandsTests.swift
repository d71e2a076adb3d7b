import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct WaitingCommandsTests {
    @Test func `a queue that is never empty keeps its order, and lets go of what has run`() {
        var waiting = WaitingCommands()
        let slot = waiting.makeQueue(for: ConnectionHandle(loop: 0, generation: 1, slot: 3))
        var next = 0
        for step in 0..<1_000 {
            let command = Command.acknowledge(
                Origin(connection: .none, session: .init(rawValue: UInt64(step)), attach: .none), .init(.zero))
            waiting[slot]?.items.append(.init(command: command, bytes: [], names: CommandNames(command, [])))
            guard step >= 10 else { continue }
            guard case .acknowledge(let origin, _)? = waiting[slot]?.items.first?.command else { return #expect(Bool(false)) }
            #expect(origin.session.rawValue == UInt64(next))
            next += 1
            _ = waiting[slot]?.items.popFirst()
            #expect((waiting[slot]?.items.room ?? 0) <= 256)
        }
        #expect(waiting[slot]?.items.rest.count == 10)
    }

    @Test func `a slot that is used again is another queue`() {
        var waiting = WaitingCommands()
        let handles = (UInt32(0)..<2).map { ConnectionHandle(loop: 0, generation: 1, slot: $0) }
        let slot = waiting.makeQueue(for: handles[0])
        let serial = waiting[slot]?.serial
        waiting.remove(slot)
        #expect(waiting.slot(of: handles[0]) == nil)
        #expect(waiting.makeQueue(for: handles[1]) == slot)
        #expect(waiting.slot(of: handles[1]) == slot)
        #expect(waiting[slot]?.serial != serial)
    }
}

import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct WaitingCommandsTests {
    @Test func `a queue that is never empty keeps its order, and lets go of what has run`() {
        var waiting = WaitingCommands()
        let slot = waiting.makeQueue(for: OrderKey(ConnectionHandle(loop: 0, generation: 1, slot: 3)))
        var next = 0
        for step in 0..<1_000 {
            let command = Command.acknowledge(
                Origin(connection: .none, session: .init(rawValue: UInt64(step)), attach: .none), .init(.zero))
            let number = waiting[slot]?.append(
                .init(command: command, bytes: [], names: CommandNames(command, [], KeyedHash(low: 0, high: 0))))
            #expect(number == UInt32(step))
            guard step >= 10 else { continue }
            guard case .acknowledge(let origin, _)? = waiting[slot]?.items.first?.command else { return #expect(Bool(false)) }
            #expect(origin.session.rawValue == UInt64(next))
            next += 1
            waiting[slot]?.removeFirst()
            #expect((waiting[slot]?.items.room ?? 0) <= 256)
        }
        #expect(waiting[slot]?.items.rest.count == 10)
    }

    @Test func `a slot that is used again is another queue`() {
        var waiting = WaitingCommands()
        let handles = (UInt32(0)..<2).map { OrderKey(ConnectionHandle(loop: 0, generation: 1, slot: $0)) }
        let slot = waiting.makeQueue(for: handles[0])
        let serial = waiting[slot]?.serial
        waiting.remove(slot)
        #expect(waiting.slot(of: handles[0]) == nil)
        #expect(waiting.makeQueue(for: handles[1]) == slot)
        #expect(waiting.slot(of: handles[1]) == slot)
        #expect(waiting[slot]?.serial != serial)
    }

    @Test func `each command hears the answer to its own question, and the first one is ready first`() {
        var waiting = WaitingCommands()
        let slot = waiting.makeQueue(for: OrderKey(ConnectionHandle(loop: 0, generation: 1, slot: 3)))
        let command = Command.acknowledge(Origin(connection: .none, session: .init(rawValue: 1), attach: .none), .init(.zero))
        let key = RowKey.user(9)
        let item = WaitingCommands.Item(command: command, bytes: [], names: CommandNames(command, [], KeyedHash(low: 0, high: 0)))
        let numbers = (0..<3).compactMap { _ in waiting[slot]?.append(item) }
        for number in numbers { waiting[slot]?.wait(for: 1, number: number) }
        func hear(_ recipient: UInt64?, for place: Int) -> Bool? {
            waiting[slot]?.hear(recipient.map { .recipient(key, .init(number: $0, conversation: nil)) }, nil, number: numbers[place])
        }
        var isReady = hear(12, for: 2)
        #expect(isReady == false)
        isReady = hear(10, for: 0)
        #expect(isReady == true)
        #expect(waiting[slot]?.items.first?.found.recipients[key]?.number == 10)
        waiting[slot]?.removeFirst()
        #expect(waiting[slot]?.items.first?.unansweredCount == 1)
        isReady = hear(nil, for: 1)
        #expect(isReady == true)
        #expect(waiting[slot]?.items.first?.found.recipients.isEmpty == true)
        waiting[slot]?.removeFirst()
        #expect(waiting[slot]?.items.first?.unansweredCount == 0)
        #expect(waiting[slot]?.items.first?.found.recipients[key]?.number == 12)
    }
}

import Testing

@testable import holdfast_load

/// What the load tester's verdict rests on: a run must not pass when a message is missing.
@Suite struct StreamLedgerTests {
    private func ledger(sent: UInt64, stored: UInt64) -> StreamLedger {
        var ledger = StreamLedger()
        for _ in 0..<sent { _ = ledger.send() }
        for number in 0..<stored { ledger.store(number + 1) }
        return ledger
    }

    @Test func `all in order is clean`() {
        var ledger = ledger(sent: 3, stored: 3)
        #expect([1, 2, 3].map { ledger.deliver($0) } == [.inOrder, .inOrder, .inOrder])
        #expect(ledger.lost == 0)
    }

    @Test func `a stored message that doesn't come is lost`() {
        var ledger = ledger(sent: 3, stored: 3)
        _ = ledger.deliver(1)
        _ = ledger.deliver(3)
        #expect(ledger.lost == 1)
    }

    @Test func `the last message missing is a loss too`() {
        var ledger = ledger(sent: 2, stored: 2)
        _ = ledger.deliver(1)
        #expect(ledger.lost == 1)
    }

    @Test func `a message that was never acknowledged may be missing`() {
        var ledger = ledger(sent: 3, stored: 2)
        _ = ledger.deliver(1)
        _ = ledger.deliver(2)
        #expect(ledger.lost == 0)
    }

    @Test func `the same message twice is a double`() {
        var ledger = ledger(sent: 2, stored: 2)
        #expect([1, 2, 2, 1].map { ledger.deliver($0) } == [.inOrder, .inOrder, .duplicated, .duplicated])
        #expect(ledger.delivered == 2)
    }

    @Test func `a message after a later one is out of order, once`() {
        var ledger = ledger(sent: 4, stored: 4)
        #expect([1, 4, 2, 2, 3].map { ledger.deliver($0) } == [.inOrder, .inOrder, .reordered, .duplicated, .reordered])
        #expect(ledger.lost == 0)
    }

    @Test func `a number that was never sent is unknown`() {
        var ledger = ledger(sent: 1, stored: 1)
        #expect(ledger.deliver(0) == .unknown)
        #expect(ledger.deliver(2) == .unknown)
    }

    @Test func `one that came without being acknowledged doesn't make up for one that was acknowledged and didn't`() {
        var ledger = ledger(sent: 2, stored: 0)
        ledger.store(2)
        _ = ledger.deliver(1)
        #expect(ledger.lost == 1)
        ledger.giveUp(1)
        #expect(ledger.lost == 1)
        _ = ledger.deliver(2)
        #expect(ledger.lost == 0)
    }

    @Test func `one whose fate nobody knows may be missing, between others`() {
        var ledger = ledger(sent: 4, stored: 0)
        ledger.store(3)
        ledger.giveUp(2)
        ledger.store(1)
        _ = ledger.deliver(1)
        _ = ledger.deliver(3)
        #expect(ledger.lost == 0)
        ledger.store(4)
        #expect(ledger.lost == 1)
        #expect(ledger.stored == 3)
    }

    @Test func `answers out of order, and then in order, all count`() {
        var ledger = ledger(sent: 5, stored: 0)
        for number: UInt64 in [2, 1, 3, 5, 4] { ledger.store(number) }
        #expect(ledger.lost == 5)
        for number: UInt64 in 1...5 { _ = ledger.deliver(number) }
        #expect(ledger.lost == 0)
    }

    @Test func `what was acknowledged at some time is counted apart from what came later`() {
        var ledger = ledger(sent: 3, stored: 2)
        let before = ledger.acknowledged
        ledger.store(3)
        _ = ledger.deliver(1)
        #expect(ledger.lost(of: before) == 1)
        #expect(ledger.lost == 2)
    }
}

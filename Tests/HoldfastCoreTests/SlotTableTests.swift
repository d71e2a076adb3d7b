import Testing

@testable import HoldfastCore

@Suite struct SlotTableTests {
    @Test func `the room of a peak goes back as far as nothing behind it is used, and what is used stays in its place`() {
        var table = SlotTable<Int, UserSlot>()
        let slots = (0..<10_000).map { table.insert($0) }
        // While most is in use nothing goes.
        for slot in slots[6_000...] { table.remove(slot, leaving: -1) }
        #expect(table.giveMemoryBack().isEmpty && table.end == 10_000)
        for slot in slots[1_000..<6_000] { table.remove(slot, leaving: -1) }
        #expect(table.giveMemoryBack().count == 10_000)
        #expect(table.end == 1_000 && table.count == 1_000)
        table.remove(slots[500], leaving: -1)
        #expect(table.insert(7) == slots[500])
        #expect(table.insert(8).index == 1_000)
        for index in 0..<1_000 { #expect(table[slots[index]] == (index == 500 ? 7 : index)) }
        // A small one isn't worth it.
        for slot in slots[..<1_000] { table.remove(slot, leaving: -1) }
        #expect(table.giveMemoryBack().isEmpty)
    }
}

import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// What entries of timelines say, from the core to the store.
@Suite struct TimelineEntryTests {
    private static let mark = InboxEntry(position: Position(rawValue: 7), ordinal: 3, cumulativeBytes: 9)

    @Test func `flags have the bits of the format, and the reference its 48`() {
        let order: [TimelineFlags] = [.countsAsUnread, .own, .recalledOrEdited, .tracked, .hasTTL, .hasCollapseKey, .urgent]
        #expect(order.map(\.rawValue) == (0..<7).map { 1 << UInt16($0) })
        let entry = TimelineEntry(Self.mark, flags: [.own, .urgent], reference: 0xFFFF_FFFF_FFFE)
        #expect(entry.details == 0x0042_FFFF_FFFF_FFFE)
        #expect(entry.flags == [.own, .urgent] && entry.reference == 0xFFFF_FFFF_FFFE)
        #expect(TimelineEntry(Self.mark, details: entry.details) == entry)
    }

    @Test func `a node of a list is no larger than a mark made it`() {
        #expect(MemoryLayout<EntryNode>.stride == 32)
        #expect(MemoryLayout<TimelineEntry>.stride == TimelineEntry.encodedCount)
    }

    /// The entries on the disk.
    private func entries(_ user: UInt64, in scenario: Scenario) throws -> [TimelineEntry] {
        var entries: ContiguousArray<TimelineEntry> = []
        try scenario.harness.storage.read { (snapshot) throws(StorageError) in
            try snapshot.entries(of: .inbox(user), after: .zero, limit: 100, into: &entries)
        }
        return Array(entries)
    }

    @Test(arguments: [false, true])
    func `a recipient's entry counts as unread, a sender's is the own one, and both name the conversation`(replayed: Bool) throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        _ = try scenario.online("ann", "tablet")
        phone.send(1...2, to: "bob")
        try scenario.settle()
        phone.send(3...3, to: "ann")
        try scenario.settle()
        phone.send(4...4, to: "cem")
        try scenario.settle()
        if replayed { try scenario.harness.crash() }
        try scenario.toDisk()
        let stored = scenario.harness.stored
        let (ann, bob, cem) = (stored.number(of: "ann"), stored.number(of: "bob"), stored.number(of: "cem"))
        #expect(try entries(ann, in: scenario).map(\.flags) == [.own, .own, .own, .own])
        #expect(try entries(ann, in: scenario).map(\.reference) == [1, 1, 2, 3])
        #expect(try entries(bob, in: scenario).map(\.flags) == [.countsAsUnread, .countsAsUnread])
        #expect(try entries(bob, in: scenario).map(\.reference) == [1, 1])
        #expect(try entries(cem, in: scenario).map(\.flags) == [.countsAsUnread])
        #expect(try entries(cem, in: scenario).map(\.reference) == [3])
        scenario.check()
    }
}

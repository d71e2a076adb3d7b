import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct RepairPlanTests {
    @Test(arguments: StorageDamage.allCases) func `after a repair all else comes, and a gap for what is lost`(damage: StorageDamage) throws
    {
        let damaged = try DamagedStorage(tail: damage.isOfTail)
        try damaged.apply(damage)
        let (plan, findings) = try RepairPlan.make(for: damaged.storage, unreadable: .init(), nameSuffix: "x")
        #expect(!findings.isEmpty)
        try plan.apply(to: damaged.storage, now: CoreTime(wall: 1_800_000_000_000, monotonic: 0))

        #expect(try Verification.run(on: damaged.storage).findings == [])
        #expect(damaged.storage.nextPosition.era == 1)
        let again = try RepairPlan.make(for: damaged.storage, unreadable: .init(), nameSuffix: "x")
        #expect(again.findings.isEmpty && again.plan.losses.isEmpty)

        for (user, sent) in damaged.sent {
            let received = try damaged.received(by: damage.renamed[user] ?? user)
            let lost = damage.lost[user] ?? []
            #expect(received.texts == sent.filter { !lost.contains($0) }, "\(user)")
            #expect(received.gaps.count == lost.count + (damage.extraGaps[user] ?? 0), "\(user): \(received.gaps)")
            #expect(received.gaps.allSatisfy { $0.reason == .damaged && $0.count == 1 })
        }
        // What is said to be lost is what is lost.
        let told = plan.losses.filter { $0.kind == .message }
        guard damage != .replayedMissing else { return #expect(told.isEmpty && plan.losses.map(\.kind) == [.unknownRecord]) }
        #expect(told.count == Set(damage.lost.values.joined()).count, "\(plan.losses)")
        for loss in told { #expect(loss.to.contains { !(damage.lost[$0] ?? []).isEmpty }, "\(loss)") }
    }

    @Test func `a store that is gone is made anew from the journal, under other names where those are lost`() throws {
        let damaged = try DamagedStorage(tail: false)
        try damaged.emptyStore()
        var unreadable = UnreadableParts()
        unreadable.meta = true
        let (plan, _) = try RepairPlan.make(for: damaged.storage, unreadable: unreadable, nameSuffix: "x")
        try plan.apply(to: damaged.storage, now: CoreTime(wall: 1_800_000_000_000, monotonic: 0))
        #expect(try Verification.run(on: damaged.storage).findings == [])
        // The records that held the names are trimmed; the messages aren't.
        let names = plan.losses.filter { $0.kind == .name }.flatMap(\.to).sorted()
        let bob = try #require(names.first { $0.hasPrefix("lost-user-2-") })
        #expect(try damaged.received(by: bob).texts == damaged.sent["bob"])
        #expect(try damaged.received(by: "bob").texts == [])
        // Numbers aren't given out again: the new bob is another one.
        #expect(names.count >= 2)
    }

    @Test func `what can't be told from whom it was leads to a gap for everybody`() throws {
        let damaged = try DamagedStorage(tail: true)
        let position = try damaged.position(of: "t4")
        try damaged.storage.rewrite([(position, [1, 2, 3])], deleting: [], nextPosition: .zero)
        let (plan, _) = try RepairPlan.make(for: damaged.storage, unreadable: .init(), nameSuffix: "x")
        #expect(plan.losses.map(\.kind) == [.unknownRecord])
        try plan.apply(to: damaged.storage, now: CoreTime(wall: 1_800_000_000_000, monotonic: 0))
        for user in ["ann", "bob", "cid"] { #expect(try damaged.received(by: user).gaps.count == 1, "\(user)") }
        #expect(try damaged.received(by: "bob").texts == damaged.sent["bob"]?.filter { $0 != "t4" })
    }

    @Test func `the records of an era that a repair began follow those before without a hole`() throws {
        let damaged = try DamagedStorage(tail: true)
        try damaged.storage.raiseEra()
        let harness = try CoreHarness(storage: damaged.storage.crashCopy())
        let connection = harness.newConnection(loop: 0)
        harness.submit(to: 0, texts: [Array("dan".utf8), Array("phone".utf8)]) {
            .hello(connection: connection, user: $0[0], device: $0[1], isSendOnly: false, isService: false, state: nil)
        }
        try harness.settle()
        #expect(harness.storage.nextPosition.era == 1 && harness.storage.recordCount > damaged.storage.recordCount)
        #expect(try Verification.run(on: harness.storage).findings == [])
    }
}

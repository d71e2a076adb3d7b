import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct HoldTests {
    private let feed = HoldName(.consumer, "feed")

    /// Sends so many messages that are acknowledged, and has everything written and trimmed.
    private func pass(_ range: ClosedRange<Int>, _ scenario: Scenario, _ ann: Phone, _ bob: Phone) throws {
        ann.send(range, to: "bob")
        try scenario.settle()
        bob.acknowledge()
        try scenario.toDisk()
    }

    private func pair(_ configure: (inout CoreConfiguration) -> Void = { _ in }) throws -> (Scenario, Phone, Phone) {
        let scenario = try Scenario(configure)
        return (scenario, try scenario.online("ann"), try scenario.online("bob"))
    }

    private func floor(_ reply: ReplyID, _ scenario: Scenario) throws -> Position {
        try scenario.settle()
        guard case .held(let floor, _)? = scenario.harness.answers[reply] else { return Position(rawValue: .max) }
        return floor
    }

    private func set(_ name: HoldName, _ floor: UInt64, age: UInt32 = 0, bytes: UInt64 = 0, _ scenario: Scenario) throws -> Position {
        try self.floor(
            scenario.harness.hold(.set(name, Hold(floor: Position(rawValue: floor), ageMax: age, bytesMax: bytes))), scenario)
    }

    /// The positions that the journal has.
    private func stored(_ scenario: Scenario) throws -> [UInt64] {
        var found: [UInt64] = []
        try scenario.harness.storage.read { (snapshot) throws(StorageError) in
            try snapshot.records(after: .zero) { position, _ in
                found.append(position.rawValue)
                return true
            }
        }
        return found
    }

    @Test(arguments: [false, true]) func `everything above a hold's floor stays, what is below goes, and all when it is let go of`(
        crashes: Bool
    ) throws {
        let (scenario, ann, bob) = try pair()
        try pass(1...5, scenario, ann, bob)
        let floor = try set(feed, 0, scenario)
        // What was gone by then isn't promised.
        #expect(floor == scenario.harness.core.checkpoint.writtenThrough)
        try pass(6...10, scenario, ann, bob)
        if crashes {
            try scenario.phones.crash()
            try ann.comeBack()
            try bob.comeBack()
        }
        try pass(11...15, scenario, ann, bob)
        let next = scenario.harness.storage.nextPosition.rawValue
        #expect(try stored(scenario) == Array(floor.rawValue + 1..<next))
        let moved = floor.rawValue + 4
        #expect(try set(feed, moved, scenario) == Position(rawValue: moved))
        try scenario.toDisk()
        #expect(try stored(scenario).first == moved + 1)
        // A floor goes back as far as nothing is gone.
        #expect(try set(feed, moved - 2, scenario) == Position(rawValue: moved))
        _ = try self.floor(scenario.harness.hold(.release(feed)), scenario)
        try pass(16...17, scenario, ann, bob)
        #expect(try stored(scenario).isEmpty)
        scenario.check()
    }

    @Test func `what another hold keeps is promised to a new one`() throws {
        let (scenario, ann, bob) = try pair()
        let first = try set(feed, 0, scenario)
        try pass(1...5, scenario, ann, bob)
        #expect(try set(HoldName(.backup, "copy"), 0, scenario) == first)
        scenario.check()
    }

    @Test func `a record older than a hold's limit isn't held, and its owner is told`() throws {
        let (scenario, ann, bob) = try pair()
        let floor = try set(feed, 0, age: 3_600, scenario)
        try pass(1...5, scenario, ann, bob)
        let end = scenario.harness.core.checkpoint.writtenThrough
        scenario.harness.tick(milliseconds: 1_800_000)
        #expect(scenario.harness.core.takeHoldNotices().isEmpty)
        scenario.harness.tick(milliseconds: 2_400_000)
        // It leaves when the record is synced.
        #expect(scenario.harness.core.takeHoldNotices().isEmpty)
        try scenario.settle()
        let notice = try #require(scenario.harness.core.takeHoldNotices().first)
        #expect(notice.name == feed && notice.cause == .ageLimit && notice.from == floor && notice.to == end)
        try scenario.toDisk()
        #expect(try stored(scenario).allSatisfy { $0 > end.rawValue })
        #expect(scenario.harness.core.holds[feed]?.floor == end)
        scenario.check()
    }

    @Test func `a hold doesn't give way for records of its own`() throws {
        let (scenario, ann, bob) = try pair()
        _ = try set(feed, 0, age: 60, scenario)
        try pass(1...5, scenario, ann, bob)
        scenario.harness.tick(milliseconds: 100_000)
        try scenario.toDisk()
        #expect(scenario.harness.core.takeHoldNotices().count == 1)
        let next = scenario.harness.storage.nextPosition
        for _ in 0..<5 {
            scenario.harness.tick(milliseconds: 100_000)
            try scenario.toDisk()
        }
        #expect(scenario.harness.core.takeHoldNotices().isEmpty && scenario.harness.storage.nextPosition == next)
        scenario.check()
    }

    @Test func `what comes before a hold's last bytes isn't held`() throws {
        let (scenario, ann, bob) = try pair()
        _ = try set(feed, 0, bytes: 2_000, scenario)
        for round in 0..<10 { try pass(round * 5 + 1...round * 5 + 5, scenario, ann, bob) }
        scenario.harness.tick(milliseconds: 2_000)
        try scenario.settle()
        let notices = scenario.harness.core.takeHoldNotices()
        #expect(!notices.isEmpty && notices.allSatisfy { $0.cause == .bytesLimit })
        let hold = try #require(scenario.harness.core.holds[feed])
        #expect(hold.floor == notices.last?.to)
        scenario.check()
    }

    @Test func `a disk that is nearly full takes one hold after the other, in their order`() throws {
        let (scenario, ann, bob) = try pair { $0.holdRoomBytes = 1_000 }
        let names = [HoldName(.consumer, "feed"), HoldName(.retention, "all"), HoldName(.backup, "copy")]
        for name in names { _ = try set(name, 0, scenario) }
        try pass(1...5, scenario, ann, bob)
        var given: [HoldName] = []
        for _ in 0..<6 {
            scenario.harness.tick(milliseconds: 1_000, roomBytes: 900)
            try scenario.settle()
            given += scenario.harness.core.takeHoldNotices().map(\.name)
        }
        #expect(given == [names[1], names[2], names[0]])
        try scenario.toDisk()
        #expect(try stored(scenario).count <= 4)
        #expect(ann.refusals.isEmpty)
        scenario.check()
    }

    @Test func `more holds than there may be are refused, and one that is gone can be released again`() throws {
        let scenario = try Scenario()
        let replies = (0...Holds.countMax).map {
            scenario.harness.hold(.set(HoldName(.consumer, "c\($0)"), Hold(floor: .zero, ageMax: 0, bytesMax: 0)))
        }
        try scenario.settle()
        #expect(scenario.harness.answers[replies[Holds.countMax]] == .tooManyHolds)
        for _ in 0..<2 {
            #expect(try floor(scenario.harness.hold(.release(HoldName(.consumer, "c7"))), scenario) != Position(rawValue: .max))
        }
        scenario.check()
    }

    @Test func `a damaged row of a hold or an age is found, and a repair leaves it out`() throws {
        for (table, key) in [(StoreTable.holds, [UInt8(9), 1]), (.ages, StoreKey.number(3)), (.ages, StoreKey.number(1 << 40))] {
            let storage = try DamagedStorage(tail: true).storage
            try storage.checkpoint { (store) throws(StorageError) in
                let value: [UInt8] = key.count == 8 && key[2] != 0 ? [UInt8](repeating: 0, count: 12) : [7]
                try store.put(table, key.span, value.span)
            }
            let findings = try Verification.run(on: storage).findings
            #expect(findings.map(\.table) == ["\(table)"])
            let (plan, _) = try RepairPlan.make(for: storage, unreadable: .init(), nameSuffix: "repaired")
            try plan.apply(to: storage, now: CoreTime(wall: 1_700_000_000_000, monotonic: 1))
            #expect(try Verification.run(on: storage).findings.isEmpty)
        }
    }

    // A limit that had passed made a record in the repair's core, which has no journal: its checkpoint waited for that forever.
    @Test func `a repair doesn't make a hold give way`() throws {
        let (scenario, ann, bob) = try pair()
        _ = try set(feed, 0, age: 60, scenario)
        try pass(1...5, scenario, ann, bob)
        ann.send(6...8, to: "bob")
        try scenario.settle()
        let storage = scenario.harness.storage
        let (next, hold) = (storage.nextPosition, scenario.harness.core.holds[feed])
        try storage.checkpoint { (store) throws(StorageError) in try store.put(.ages, StoreKey.number(3).span, [UInt8(7)].span) }
        let (plan, _) = try RepairPlan.make(for: storage, unreadable: .init(), nameSuffix: "repaired")
        try plan.apply(to: storage, now: CoreTime(wall: 1_900_000_000_000, monotonic: 1))
        #expect(try Verification.run(on: storage).findings.isEmpty)
        let core = try Core.recover(
            storage: storage, configuration: CoreConfiguration(), loops: 1, now: CoreTime(wall: 1_900_000_000_000, monotonic: 1))
        #expect(core.holds[feed] == hold && storage.nextPosition > next)
    }
}

@Suite struct JournalAgesTests {
    private func ages(_ points: [(UInt64, UInt32, Int)]) -> JournalAges {
        var ages = JournalAges()
        for (position, age, bytes) in points {
            ages.count(bytes)
            ages.note(Position(rawValue: position), age: age)
        }
        return ages
    }

    @Test func `a limit by age or bytes is a position that is surely beyond it`() {
        let ages = ages([(10, 100, 1_000), (20, 200, 1_000), (30, 300, 1_000)])
        let byAge = [(UInt32(99), UInt64(0)), (100, 10), (199, 10), (250, 20), (300, 30), (900, 30)]
        for (age, position) in byAge { #expect(ages.position(upToAge: age).rawValue == position) }
        let byBytes = [(UInt64(5_000), UInt64(0)), (3_000, 0), (2_999, 10), (2_000, 10), (1_000, 20), (999, 30), (0, 30)]
        for (bytes, position) in byBytes { #expect(ages.position(leaving: bytes).rawValue == position) }
    }

    @Test func `points are a minute or 64 MB apart, but for the last`() {
        var ages = JournalAges()
        for second in 1...600 {
            ages.count(10)
            ages.note(Position(rawValue: UInt64(second)), age: UInt32(second))
        }
        #expect(ages.points.count == 11)
        #expect(ages.points.last?.position.rawValue == 600)
        #expect(ages.violation == nil)
        let rows = ages.freeze()
        #expect(rows.put.map(\.position) == ages.points.map(\.position) && rows.deleted.isEmpty)
        ages.note(Position(rawValue: 601), age: 601)
        #expect(ages.freeze().deleted.map(\.rawValue) == [600])
    }

    @Test func `points that nobody asks for go`() {
        var ages = ages([(10, 100, 0), (20, 200, 0), (30, 300, 0), (40, 400, 0)])
        _ = ages.freeze()
        ages.forget(upToAge: 250, floor: Position(rawValue: .max))
        #expect(ages.points.map(\.position.rawValue) == [20, 30, 40])
        #expect(ages.freeze().deleted.map(\.rawValue) == [10])
        ages.forget(upToAge: 900, floor: Position(rawValue: 25))
        #expect(ages.points.map(\.position.rawValue) == [20, 30, 40])
        ages.forget(upToAge: 900, floor: Position(rawValue: 35))
        #expect(ages.points.map(\.position.rawValue) == [30, 40])
        #expect(ages.position(upToAge: 350).rawValue == 30)
    }
}

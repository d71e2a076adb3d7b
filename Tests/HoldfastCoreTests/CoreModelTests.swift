import Foundation
import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// Random operations, schedules and crashes, against what was stored. A failing seed runs alone with
/// `HOLDFAST_SEED=<seed> swift test --filter CoreModelTests`.
@Suite struct CoreModelTests {
    static var seeds: [UInt64] {
        if let text = ProcessInfo.processInfo.environment["HOLDFAST_SEED"], let seed = UInt64(text) { return [seed] }
        let count = ProcessInfo.processInfo.environment["HOLDFAST_SEEDS"].flatMap(UInt64.init) ?? 150
        return Array(1...count)
    }

    // REQ-POS-1
    @Test(arguments: seeds) func `every message comes once and in order, or a gap says so`(seed: UInt64) throws {
        let run = try CoreModelRun(seed: seed)
        try run.run(operations: 400)
        if let problem = run.harness.problems.first {
            Issue.record("seed \(seed): \(problem)\n\(run.harness.trace.suffix(80).joined(separator: "\n"))")
        }
    }
}

/// One seed's run.
final class CoreModelRun {
    let harness: CoreHarness
    let phones: Phones
    private var random: SeededRandom
    private var texts = 0
    /// Looks at what is on disk after an operation.
    var observe: (MemoryStorage) throws -> Void = { _ in }

    /// - Parameter window: of a journal that may be in doubt; nil: of a disk.
    init(seed: UInt64, window: Int? = nil) throws {
        random = SeededRandom(seed: seed &* 7_919)
        var configuration = CoreConfiguration()
        configuration.inboxPolicy = random.chance(0.5) ? .refuseSender : .evictWithGap
        configuration.inboxMessagesMax = UInt32(4 + random.below(40))
        configuration.inboxBytesMax = UInt32(400 + random.below(3_000))
        configuration.creditMessages = UInt32(1 + random.below(4))
        configuration.creditBytes = UInt32(40 + random.below(200))
        configuration.pageMessagesMax = 1 + random.below(4)
        configuration.pageBytesMax = 30 + random.below(200)
        configuration.pagesInFlightMax = 1 + random.below(3)
        configuration.cachedUsersMax = 2 + random.below(9)
        configuration.cachedLookupsMax = 2 + random.below(10)
        configuration.checkpointEntries = 5 + random.below(46)
        configuration.checkpointEntriesMax = 100
        configuration.checkpointMilliseconds = 2_000
        configuration.checkpointSliceRows = 1 + random.below(4)
        configuration.turnSteps = random.chance(0.7) ? 1 + random.below(12) : 1_024
        configuration.trimSliceRecords = 1 + random.below(20)
        configuration.readKeysMax = 1 + random.below(4)
        configuration.devicesPerUserMax = 5
        configuration.sessionDays = 20
        configuration.inboxDays = UInt32(1 + random.below(6))
        configuration.expiryMilliseconds = 1_000 + UInt64(random.below(5_000))
        configuration.expirySliceMessages = 1 + random.below(10)
        if let window {
            if random.chance(0.7) { configuration.batchBytesMax = 60 + random.below(600) }
            let bytes = random.chance(0.3) ? 100 + random.below(1_000) : .max
            harness = try CoreHarness(
                configuration, seed: seed, storage: MemoryStorage(window: .init(batches: window, bytes: bytes), isFenced: true),
                doubt: random.chance(0.5) ? 0.02 : 0.15)
        } else {
            harness = try CoreHarness(configuration, seed: seed)
        }
        phones = Phones(harness)
        for user in 0..<6 {
            for device in 0..<(1 + random.below(3)) { phones.add("user\(user)", device: "device\(device)") }
        }
        phones.add("robot", device: "sender", isSendOnly: true)
        phones.add("user0", device: "script", isSendOnly: true)
        phones.add("user1", device: "script", isSendOnly: true)
    }

    func run(operations: Int) throws {
        for _ in 0..<operations where harness.problems.isEmpty {
            try operate()
            try observe(harness.storage)
            for _ in 0..<random.below(12) { try harness.step() }
        }
        guard harness.problems.isEmpty else { return }
        // Nobody was there for this one until now.
        phones.add("user6")
        try phones.drain()
        try harness.settleToDisk()
        checkEmpty()
        harness.checkSettled()
    }

    private func checkEmpty() {
        let counts = harness.core.counts
        if counts.entries != 0 || counts.deliveries != 0 || counts.waitingCommands != 0 || counts.pagesInFlight != 0 {
            harness.fail("not empty at the end: \(counts)")
        }
        if harness.storage.recordCount != 0 { harness.fail("\(harness.storage.recordCount) records are left in the journal") }
    }

    private func operate() throws {
        guard let phone = phones.all.randomElement(using: &random) else { return }
        switch random.below(100) {
        case 0..<22:
            if !phone.isConnected {
                random.chance(0.3) ? phone.resume() : phone.hello(withState: !random.chance(0.05))
            } else {
                sendSome(phone)
            }
        case 22..<50: sendSome(phone)
        case 50..<70:
            if let position = phone.unacknowledged.randomElement(using: &random) { phone.acknowledge(through: position) }
        case 70..<74: phone.acknowledge()
        case 74..<78: phone.drop()
        case 78..<80:
            // A second connection takes over.
            if phone.isOpen { phone.hello() }
        case 80..<83:
            if phone.isOpen, phone.confirmedThrough > 0 { sendAgain(phone) }
        case 83..<85:
            if phone.isOpen, !phone.isSendOnly {
                phone.setCredit(messages: UInt32(1 + random.below(5)), bytes: UInt32(20 + random.below(200)))
            }
        case 85..<87:
            if phone.isOpen { phone.lookup(ConversationNumber(rawValue: UInt64(random.below(20)))) }
        case 87:
            if phone.isOpen { phone.logout() }
        case 88:
            if random.chance(0.5) { try phones.crash() }
        case 89: harness.now.wall &+= UInt64(random.below(3)) &* 315_360_000_000
        case 90: harness.now.wall &-= min(harness.now.wall, UInt64(random.below(1_000_000_000)))
        case 91:
            if random.chance(0.3) { harness.tick(milliseconds: UInt64(random.below(3)) * 86_400_000) }
        default: harness.tick(milliseconds: UInt64(random.below(300)))
        }
    }

    private func sendSome(_ phone: Phone) {
        guard phone.state != nil, phone.outbox.count < 20 else { return }
        for _ in 0..<(1 + random.below(5)) {
            texts += 1
            phone.send("m\(texts)", to: "user\(random.below(7))", size: random.below(60))
        }
    }

    private func sendAgain(_ phone: Phone) {
        let sequence = 1 + UInt64(random.below(Int(phone.confirmedThrough)))
        phone.submit(.init(sequence: sequence, text: "again", to: "user1", size: 0))
    }
}

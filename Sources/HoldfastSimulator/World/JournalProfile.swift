import HoldfastCore
import HoldfastTestSupport

/// What the gateway's journal is like.
struct JournalProfile {
    var window = JournalWindow.one
    /// A log on other machines: what it is asked, and what it answers, may come late, in another order, or not at all. Else a disk.
    var isReplicated = false
    /// Of the requests and of the answers that are lost, each.
    var lossChance = 0.0
    /// Of those that take up to `lateMilliseconds`.
    var lateChance = 0.0
    var lateMilliseconds: UInt64 = 1
    /// Of the offers at which another gateway takes the journal over.
    var takeoverChance = 0.0
    var answerMilliseconds: UInt64 = 1 << 40
    var pauseMilliseconds: UInt64 = 1

    /// A disk mostly.
    init(_ random: inout SeededRandom) {
        guard random.chance(0.4) else { return }
        isReplicated = true
        window.batches = 1 + random.below(4)
        if random.chance(0.3) { window.bytes = 300 + random.below(3_000) }
        lossChance = random.chance(0.5) ? 0.05 : 0.005
        lateChance = random.chance(0.5) ? 0.1 : 0.01
        lateMilliseconds = random.within(20...4_000)
        takeoverChance = random.chance(0.2) ? 0.01 : 0
        answerMilliseconds = random.within(100...3_000)
        pauseMilliseconds = random.within(1...300)
    }

    init() {}
}

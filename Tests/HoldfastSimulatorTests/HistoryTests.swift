import HoldfastSimulator
import Testing

/// Histories that broke a guarantee once, written down as what was done: they stay what they are when the simulator draws otherwise. Times are in
/// milliseconds; what is done is done to the first of two phones. Each was seen to fail with the planted bug that it names.
@Suite struct HistoryTests {
    /// Twelve days: every session has expired then.
    private static let long: UInt64 = 11
    /// A crash at once, not at a step of a transaction.
    private static let atOnce: UInt64 = 7

    // laterSessionsNotAsked
    @Test(arguments: [1, 2, 4, 6] as [UInt64]) func `a text that was sent in a session that has expired isn't sent again`(
        seed: UInt64
    ) {
        check(
            [
                Operation(.crash, at: 100_000, 0, Self.atOnce), Operation(.send, at: 100_010, 0, 3), Operation(.backUpPhone, at: 100_020),
                Operation(.absence, at: 100_030, 0, Self.long), Operation(.absence, at: 1_000_000, 0, Self.long),
                Operation(.restorePhone, at: 2_000_000),
            ], seed: seed, "welcome begunExpired", "welcome rewound")
    }

    // attachNotRaised
    @Test(arguments: [10, 12, 13, 22] as [UInt64]) func `a state from before a refusal is seen to be older`(
        texts: UInt64
    ) {
        check(
            [
                Operation(.fillDisk, at: 90_000, 0, 30_000), Operation(.stall, at: 100_000, 0, 15_000),
                Operation(.send, at: 100_010, 0, texts), Operation(.backUpPhone, at: 100_900), Operation(.restorePhone, at: 300_000),
            ], seed: 2, "refused storageFull", "welcome rewound")
    }

    // freshStateBelieved
    @Test(arguments: [6, 7] as [UInt64]) func `a text from before the first session isn't sent again`(partition: UInt64) {
        check(
            [
                Operation(.partition, at: 10, 0, partition), Operation(.send, at: 31_000, 0, 3), Operation(.backUpPhone, at: 31_100),
                Operation(.absence, at: 900_000, 0, Self.long), Operation(.restorePhone, at: 1_200_000),
            ], seed: 1, "welcome begunExpired")
    }

    // unnumberedBelieved
    @Test func `a text without a number isn't sent again in a session that the gateway doesn't know`() {
        check(
            [
                Operation(.backUpGateway, at: 1_000), Operation(.crash, at: 60_000, 0, Self.atOnce), Operation(.send, at: 60_010, 0, 3),
                Operation(.backUpPhone, at: 60_020), Operation(.restoreGateway, at: 60_030), Operation(.restorePhone, at: 900_000),
            ], seed: 6, "welcome begunUnknown")
    }

    private func check(
        _ operations: [Operation], seed: UInt64, _ occurrences: String..., location: SourceLocation = #_sourceLocation
    ) {
        let result = Simulation(Plan(seed: seed, clients: 2, operations: operations), isTracing: true).run()
        #expect(result.problems == [], "\(result.trace.suffix(60).joined(separator: "\n"))", sourceLocation: location)
        for name in occurrences {
            #expect(result.occurrences.counts[name] ?? 0 > 0, "\(name) didn't occur", sourceLocation: location)
        }
    }
}

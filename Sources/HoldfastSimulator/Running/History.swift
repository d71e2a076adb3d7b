/// A life that broke a guarantee once, written down as what was done: it stays what it is when the simulator draws otherwise. Everything is done to
/// the first of two phones.
package struct History: Sendable {
    /// What went wrong.
    package let name: String
    /// The planted bug with which it goes wrong again.
    package let bug: String
    let seed: UInt64
    let operations: [Operation]
    /// What has to occur in it, or it shows nothing.
    package let occurrences: [String]

    /// Lives it.
    /// - Parameter other: in the world of another seed: for `Tests/Planted/run.sh --pin`, which looks for one that shows the bug.
    package func run(seed other: UInt64? = nil) -> SimulationResult {
        Simulation(Plan(seed: other ?? seed, clients: 2, operations: operations), isTracing: true).run()
    }

    /// Twelve days: every session has expired then.
    private static let long: UInt64 = 11
    /// A crash at once, not at a step of a transaction.
    private static let atOnce: UInt64 = 7

    package static let all: [History] = [
        History(
            name: "a text that was sent in a session that has expired was sent again", bug: "laterSessionsNotAsked", seed: 2,
            operations: [
                Operation(.crash, at: 100_000, 0, atOnce), Operation(.send, at: 100_010, 0, 3), Operation(.backUpPhone, at: 100_020),
                Operation(.absence, at: 100_030, 0, long), Operation(.absence, at: 1_000_000, 0, long),
                Operation(.restorePhone, at: 2_000_000),
            ], occurrences: ["welcome begunExpired", "welcome rewound"]),
        History(
            name: "a state from before a refusal, put back within the connection, was taken for the newest", bug: "attachNotRaised",
            seed: 1,
            operations: [
                Operation(.fillDisk, at: 90_000, 0, 30_000), Operation(.stall, at: 100_000, 0, 4_001),
                Operation(.send, at: 100_010, 0, 12), Operation(.backUpPhone, at: 100_900), Operation(.restorePhone, at: 300_000),
            ], occurrences: ["refused storageFull", "welcome rewound"]),
        History(
            name: "a text from before the first session was sent again when that had expired", bug: "freshStateBelieved", seed: 1,
            operations: [
                Operation(.partition, at: 10, 0, 6), Operation(.send, at: 31_000, 0, 3), Operation(.backUpPhone, at: 31_100),
                Operation(.absence, at: 900_000, 0, long), Operation(.restorePhone, at: 1_200_000),
            ], occurrences: ["welcome begunExpired"]),
        History(
            name: "a text without a number was sent again in a session that the gateway doesn't know", bug: "unnumberedBelieved", seed: 4,
            operations: [
                Operation(.backUpGateway, at: 1_000), Operation(.crash, at: 60_000, 0, atOnce), Operation(.send, at: 60_010, 0, 3),
                Operation(.backUpPhone, at: 60_020), Operation(.restoreGateway, at: 60_030), Operation(.restorePhone, at: 900_000),
            ], occurrences: ["welcome begunUnknown"]),
    ]
}

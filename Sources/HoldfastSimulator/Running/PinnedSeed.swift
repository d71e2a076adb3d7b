/// A seed of the standard campaign that finds a planted bug: with the bug it fails, which Tests/Planted/run.sh shows, and without it everything
/// holds. A change of the core's schedule makes other seeds of them: `Tests/Planted/run.sh --pin` prints the table anew.
package struct PinnedSeed: Sendable {
    package let bug: String
    package let seed: UInt64

    package static let all: [PinnedSeed] = [
        PinnedSeed(bug: "acknowledgeBeforeSync", seed: 1),
        PinnedSeed(bug: "cursorTooFar", seed: 1),
        PinnedSeed(bug: "livePushOvertakesBacklog", seed: 3),
        PinnedSeed(bug: "attachNotChecked", seed: 85),
        PinnedSeed(bug: "trimTooMuch", seed: 3),
        PinnedSeed(bug: "refusedNumberConsumed", seed: 3),
        PinnedSeed(bug: "positionReusedAfterRestore", seed: 35),
        PinnedSeed(bug: "pageRacesCheckpoint", seed: 1),
        PinnedSeed(bug: "checkpointAheadOfJournal", seed: 82),
        PinnedSeed(bug: "sequenceForgottenAtReplay", seed: 1),
        PinnedSeed(bug: "evictionWithoutGap", seed: 1),
        PinnedSeed(bug: "ageByWallClock", seed: 8),
        PinnedSeed(bug: "outboxNotSynced", seed: 6),
        PinnedSeed(bug: "handOverNotMarked", seed: 2),
        PinnedSeed(bug: "conversationsKept", seed: 4),
        PinnedSeed(bug: "refusalNotSynced", seed: 518),
        PinnedSeed(bug: "countersKeptAfterRepair", seed: 66),
        PinnedSeed(bug: "fenceNotStored", seed: 510),
        PinnedSeed(bug: "fencedForGood", seed: 2),
    ]
}

/// A seed of the standard campaign that finds a planted bug: with the bug it fails, which Tests/Planted/run.sh shows, and without it everything
/// holds. A change of the core's schedule makes other seeds of them: `Tests/Planted/run.sh --pin` prints the table anew.
package struct PinnedSeed: Sendable {
    package let bug: String
    package let seed: UInt64

    package static let all: [PinnedSeed] = [
        PinnedSeed(bug: "acknowledgeBeforeSync", seed: 1),
        PinnedSeed(bug: "cursorTooFar", seed: 1),
        PinnedSeed(bug: "livePushOvertakesBacklog", seed: 1),
        PinnedSeed(bug: "attachNotChecked", seed: 16),
        PinnedSeed(bug: "trimTooMuch", seed: 2),
        PinnedSeed(bug: "refusedNumberConsumed", seed: 3),
        PinnedSeed(bug: "positionReusedAfterRestore", seed: 19),
        PinnedSeed(bug: "pageRacesCheckpoint", seed: 1),
        PinnedSeed(bug: "checkpointAheadOfJournal", seed: 8),
        PinnedSeed(bug: "sequenceForgottenAtReplay", seed: 1),
        PinnedSeed(bug: "evictionWithoutGap", seed: 5),
        PinnedSeed(bug: "ageByWallClock", seed: 10),
        PinnedSeed(bug: "outboxNotSynced", seed: 8),
        PinnedSeed(bug: "handOverNotMarked", seed: 2),
        PinnedSeed(bug: "conversationsKept", seed: 3),
        PinnedSeed(bug: "refusalNotSynced", seed: 414),
        PinnedSeed(bug: "countersKeptAfterRepair", seed: 203),
        PinnedSeed(bug: "fenceNotStored", seed: 33),
        PinnedSeed(bug: "fencedForGood", seed: 58),
        PinnedSeed(bug: "answerBeforeSync", seed: 1),
        PinnedSeed(bug: "cursorsAskedUnsynced", seed: 133),
        PinnedSeed(bug: "refusalForgottenAtReplay", seed: 47),
        PinnedSeed(bug: "holdIgnored", seed: 1),
        PinnedSeed(bug: "firstAnswerForAll", seed: 5),
        PinnedSeed(bug: "refusalTakenForStored", seed: 3),
    ]
}

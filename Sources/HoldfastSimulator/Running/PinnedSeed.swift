/// A seed of the standard campaign that finds a planted bug: with the bug it fails, which Tests/Planted/run.sh shows, and without it everything
/// holds. A change of the core's schedule makes other seeds of them: `Tests/Planted/run.sh --pin` prints the table anew.
package struct PinnedSeed: Sendable {
    package let bug: String
    package let seed: UInt64

    package static let all: [PinnedSeed] = [
        PinnedSeed(bug: "acknowledgeBeforeSync", seed: 1),
        PinnedSeed(bug: "cursorTooFar", seed: 1),
        PinnedSeed(bug: "livePushOvertakesBacklog", seed: 4),
        PinnedSeed(bug: "attachNotChecked", seed: 38),
        PinnedSeed(bug: "trimTooMuch", seed: 1),
        PinnedSeed(bug: "refusedNumberConsumed", seed: 1),
        PinnedSeed(bug: "positionReusedAfterRestore", seed: 26),
        PinnedSeed(bug: "pageRacesCheckpoint", seed: 1),
        PinnedSeed(bug: "checkpointAheadOfJournal", seed: 7),
        PinnedSeed(bug: "sequenceForgottenAtReplay", seed: 1),
        PinnedSeed(bug: "evictionWithoutGap", seed: 8),
        PinnedSeed(bug: "ageByWallClock", seed: 4),
        PinnedSeed(bug: "outboxNotSynced", seed: 6),
        PinnedSeed(bug: "handOverNotMarked", seed: 2),
        PinnedSeed(bug: "conversationsKept", seed: 2),
        PinnedSeed(bug: "refusalNotSynced", seed: 3),
        PinnedSeed(bug: "countersKeptAfterRepair", seed: 62),
        PinnedSeed(bug: "fencedForGood", seed: 14),
        PinnedSeed(bug: "answerBeforeSync", seed: 1),
        PinnedSeed(bug: "cursorsAskedUnsynced", seed: 57),
        PinnedSeed(bug: "refusalForgottenAtReplay", seed: 110),
        PinnedSeed(bug: "ledgerForgottenAtReplay", seed: 1),
        PinnedSeed(bug: "keyTrimmedEarly", seed: 1),
        PinnedSeed(bug: "outcomeRecomputed", seed: 47),
        PinnedSeed(bug: "holdIgnored", seed: 1),
        PinnedSeed(bug: "revocationForgottenAtCheckpoint", seed: 1),
        PinnedSeed(bug: "firstAnswerForAll", seed: 3),
        PinnedSeed(bug: "refusalTakenForStored", seed: 2),
        PinnedSeed(bug: "limitForgottenAtResume", seed: 1),
    ]
}

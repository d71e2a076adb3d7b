/// A seed of the standard campaign that finds a planted bug: with the bug it fails, which Tests/Planted/run.sh shows, and without it everything
/// holds. A change of the core's schedule makes other seeds of them: `Tests/Planted/run.sh --pin` prints the table anew.
package struct PinnedSeed: Sendable {
    package let bug: String
    package let seed: UInt64

    package static let all: [PinnedSeed] = [
        PinnedSeed(bug: "acknowledgeBeforeSync", seed: 1),
        PinnedSeed(bug: "cursorTooFar", seed: 1),
        PinnedSeed(bug: "livePushOvertakesBacklog", seed: 4),
        PinnedSeed(bug: "attachNotChecked", seed: 35),
        PinnedSeed(bug: "trimTooMuch", seed: 1),
        PinnedSeed(bug: "refusedNumberConsumed", seed: 1),
        PinnedSeed(bug: "positionReusedAfterRestore", seed: 96),
        PinnedSeed(bug: "pageRacesCheckpoint", seed: 1),
        PinnedSeed(bug: "checkpointAheadOfJournal", seed: 7),
        PinnedSeed(bug: "sequenceForgottenAtReplay", seed: 1),
        PinnedSeed(bug: "evictionWithoutGap", seed: 1),
        PinnedSeed(bug: "ageByWallClock", seed: 21),
        PinnedSeed(bug: "outboxNotSynced", seed: 13),
        PinnedSeed(bug: "handOverNotMarked", seed: 6),
        PinnedSeed(bug: "conversationsKept", seed: 2),
        PinnedSeed(bug: "refusalNotSynced", seed: 30),
        PinnedSeed(bug: "countersKeptAfterRepair", seed: 998),
        PinnedSeed(bug: "fenceNotStored", seed: 154),
        PinnedSeed(bug: "fencedForGood", seed: 4),
        PinnedSeed(bug: "answerBeforeSync", seed: 1),
        PinnedSeed(bug: "cursorsAskedUnsynced", seed: 278),
        PinnedSeed(bug: "refusalForgottenAtReplay", seed: 40),
        PinnedSeed(bug: "ledgerForgottenAtReplay", seed: 1),
        PinnedSeed(bug: "keyTrimmedEarly", seed: 1),
        PinnedSeed(bug: "outcomeRecomputed", seed: 62),
        PinnedSeed(bug: "holdIgnored", seed: 1),
        PinnedSeed(bug: "revocationForgottenAtCheckpoint", seed: 1),
        PinnedSeed(bug: "firstAnswerForAll", seed: 2),
        PinnedSeed(bug: "refusalTakenForStored", seed: 2),
        PinnedSeed(bug: "limitForgottenAtResume", seed: 1),
        PinnedSeed(bug: "feedPassesUnsynced", seed: 3),
        PinnedSeed(bug: "missedNotTold", seed: 1),
        PinnedSeed(bug: "cursorOriginForgotten", seed: 1),
    ]
}

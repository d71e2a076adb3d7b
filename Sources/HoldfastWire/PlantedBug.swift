#if PLANTED_BUGS
    /// A bug that is there on purpose, to see the proofs fail: each breaks one guarantee in a way that a plausible mistake would. Compiled in by
    /// `-D PLANTED_BUGS` alone (Tests/Planted/run.sh), and active when it is chosen at run time.
    package enum PlantedBug: String, CaseIterable, Sendable {
        /// `SENT` goes out with the batch, not when it is synced (G1).
        case acknowledgeBeforeSync
        /// An acknowledgement moves the cursor to the end of what was sent (G2).
        case cursorTooFar
        /// A message is pushed to a session that is still catching up (G3).
        case livePushOvertakesBacklog
        /// A client whose state went back in time is let in (G6).
        case attachNotChecked
        /// A record goes while one inbox still needs it (G1).
        case trimTooMuch
        /// A refused number counts as used (G2).
        case refusedNumberConsumed
        /// A restored backup goes on in the era that it had (G6).
        case positionReusedAfterRestore
        /// Entries that a checkpoint moved to the disk are not looked for there (G4).
        case pageRacesCheckpoint
        /// A checkpoint is written before the journal that it sums up is synced (G1).
        case checkpointAheadOfJournal
        /// A start forgets the last sequences of what it replays (G2).
        case sequenceForgottenAtReplay
        /// What leaves a full inbox leaves without a `GAP` (G6).
        case evictionWithoutGap
        /// Messages age with the wall clock (G6).
        case ageByWallClock
        /// The outbox is on the disk when the system likes (G1).
        case outboxNotSynced
        /// A message is handed over before it is noted that it may have been (G2).
        case handOverNotMarked
        /// Numbers of conversations are kept over a restore (G3).
        case conversationsKept
        /// An app hears of a refusal before the disk does (G2).
        case refusalNotSynced
        /// Only the device's last session is asked whether it has sent since the presented one (G2).
        case laterSessionsNotAsked
        /// A client without a session sends what its outbox holds, whatever its device has sent before (G2).
        case freshStateBelieved
        /// A refusal leaves the attach as it is (G2).
        case attachNotRaised
        /// Where nobody knows what was sent, messages without a number are sent all the same (G2).
        case unnumberedBelieved
        /// Counters of an inbox go on counting what a repair took out (G7).
        case countersKeptAfterRepair
        /// Whoever enters a session without its state is fenced only as long as the gateway runs (G2).
        case fenceNotStored
        /// A client that is fenced by an attempt of its own stays away, and openings of clients that have gone are carried out (G5).
        case fencedForGood
        /// A request of a port is answered when its record is made, not when that is synced (G1).
        case answerBeforeSync
        /// A question is answered by cursors that have no record yet (G1).
        case cursorsAskedUnsynced
        /// At a start a message is for all whom its record names, also for those who were refused (G2).
        case refusalForgottenAtReplay
        /// A start forgets the keys of the requests that it replays (G2).
        case ledgerForgottenAtReplay
        /// A key goes before the time that was promised (G2).
        case keyTrimmedEarly
        /// At a start it is worked out anew who was refused, and everybody has room then (G2).
        case outcomeRecomputed
        /// What timelines release goes at once, whoever holds it (G6).
        case holdIgnored
        /// A checkpoint writes a user's row without what operators have done to it (G5).
        case revocationForgottenAtCheckpoint
        /// Of several batches in flight the answer to the first counts for all (G1).
        case firstAnswerForAll
        /// A batch that the journal refuses is taken for one that it has (G1).
        case refusalTakenForStored
        /// A session that comes back by its ticket may write to everybody, whatever its token says (access).
        case limitForgottenAtResume
        /// A page of the feed ends behind records that aren't synced, which it doesn't have (G6).
        case feedPassesUnsynced
        /// Who reads the feed isn't told of what is gone (G6).
        case missedNotTold
        /// The record of a cursor says that it goes on from where it is (G6).
        case cursorOriginForgotten

        /// One at most; set before anything runs.
        nonisolated(unsafe) package static var active: PlantedBug?

        package var isActive: Bool { Self.active == self }
    }
#endif

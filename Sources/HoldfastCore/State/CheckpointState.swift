import HoldfastWire

/// Where the checkpoint stands. A checkpoint freezes the changed rows at a position, copies them in slices (and a row that is
/// about to change at once), is written by another thread, and then lets go of the inbox entries that the disk has.
struct CheckpointState {
    /// The epoch of changes now; rows changed in the one before are being copied.
    var epoch: UInt32 = 1
    var dirtyUsers = ContiguousArray<Slot>()
    /// Being copied: a prefix is done.
    var frozenUsers = ContiguousArray<Slot>()
    var frozenHead = 0
    /// What has been copied.
    var job: CheckpointJob?
    var isWriting = false
    /// What the store has.
    var writtenThrough = Position.zero
    var writtenEpoch: UInt32 = 0
    /// Users whose entries the disk has now: a prefix has been let go.
    var writtenUsers = ContiguousArray<Slot>()
    var writtenHead = 0
    var lastMonotonic: UInt64 = 0
    /// Of the records since the last one began.
    var journalBytes = 0
    /// Messages on disk that have left their inbox since the last one began: it deletes them.
    var releasedEntries = 0
    /// Those that the one under way deletes.
    var frozenReleasedEntries = 0
    var isRequested = false
    /// Credits that wait for the checkpoint, by loop.
    var withheldCredits: ContiguousArray<Int>
    var withheldBytes: ContiguousArray<Int>

    init(loops: Int) {
        withheldCredits = ContiguousArray(repeating: 0, count: loops)
        withheldBytes = ContiguousArray(repeating: 0, count: loops)
    }

    var isIdle: Bool { job == nil && !isWriting && writtenUsers.isEmpty }
}

/// Where trimming stands: deleting from the journal what is below the checkpoint and in no timeline.
struct TrimState {
    /// Everything up to here has been looked at once.
    var trimmedThrough = Position.zero
    /// The table of released positions has been read up to here since the last checkpoint.
    var releasedThrough = Position.zero
    var isReleasedDone = true
    var isPlanning = false
    /// To go with the next commit, and with the one in flight.
    var planned: TrimPlan?
    var inFlight: TrimPlan?
    /// Deleted from the journal: the next checkpoint forgets them.
    var releasedDone = ContiguousArray<Position>()
}

import HoldfastWire

/// Where the checkpoint stands: one freezes the changed rows of the parts at a position, has them copied in slices, is written by another
/// thread, and then has the parts let go of what the disk has.
struct CheckpointState {
    /// What has been frozen and isn't copied yet.
    var job: CheckpointJob?
    var isWriting = false
    /// What the store has.
    var writtenThrough = Position.zero
    /// How many have been written since the start.
    var writtenCount: UInt32 = 0
    var lastMonotonic: UInt64 = 0
    /// Of the records since the last one began.
    var journalBytes = 0
    var isRequested = false
    /// Credits that wait for the checkpoint, by loop.
    var withheldCredits: ContiguousArray<Int>
    var withheldBytes: ContiguousArray<Int>

    init(loops: Int) {
        withheldCredits = ContiguousArray(repeating: 0, count: loops)
        withheldBytes = ContiguousArray(repeating: 0, count: loops)
    }
}

/// Where trimming stands: deleting from the journal what is below the checkpoint and in no timeline.
struct TrimState {
    /// Everything up to here has been looked at once.
    var trimmedThrough = Position.zero
    /// The table of released positions has been read up to here since the last checkpoint.
    var releasedThrough = Position.zero
    var isReleasedDone = true
    var isPlanning = false
    /// To go with the next batch, and with one that isn't synced yet: one at a time.
    var planned: TrimPlan?
    var inFlight: TrimPlan?
    /// Deleted from the journal: the next checkpoint forgets them.
    var releasedDone = ContiguousArray<Position>()
}

import HoldfastWire

/// Where the checkpoint stands: one freezes the changed rows of the parts at a position, has them copied in slices, is written by another
/// thread, and then has the parts let go of what the disk has.
struct CheckpointState {
    /// What has been frozen and isn't copied yet.
    var job: CheckpointJob?
    var isWriting = false
    /// What the store has.
    var writtenThrough = Position.zero
    /// The store has all users below this number.
    var nextUserWritten: UInt64 = 1
    /// The number of the last one that was written, by which a view of the store is known to have it.
    var written: UInt64 = 0
    /// What it was at the start.
    var writtenBefore: UInt64 = 0
    var lastMonotonic: UInt64 = 0
    var isRequested = false
}

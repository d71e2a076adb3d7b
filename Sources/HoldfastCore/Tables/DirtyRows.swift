/// Which rows of a table a checkpoint has to write.
///
/// A checkpoint freezes what has changed in an epoch, copies it in slices (a row that is about to change again at once), and lets go of what
/// the disk has when it is written. A row remembers its epochs: see `RowEpochs`.
struct DirtyRows<Slot: TableSlot> {
    /// The epoch of changes now; rows changed in the one before are being copied.
    private(set) var epoch: UInt32 = 1
    private(set) var writtenEpoch: UInt32 = 0
    private var changed = ContiguousArray<Slot>()
    /// Being copied: a prefix is done.
    private var frozen = ContiguousArray<Slot>()
    private var frozenHead = 0
    /// The disk has them now: a prefix has been let go.
    private var written = ContiguousArray<Slot>()
    private var writtenHead = 0

    /// What a checkpoint has to write, the one that runs included.
    var count: Int { changed.count + frozen.count }
    var frozenCount: Int { frozen.count }
    var isCopied: Bool { frozenHead == frozen.count }
    var isLetGo: Bool { written.isEmpty }

    /// To be called before a row changes.
    /// - Returns: whether it has to be copied first, for the checkpoint that runs.
    mutating func willChange(_ slot: Slot, _ epochs: inout RowEpochs) -> Bool {
        if epochs.dirty == epoch { return false }
        let isFrozen = epochs.dirty != 0
        epochs.dirty = epoch
        changed.append(slot)
        return isFrozen
    }

    /// Begins a checkpoint of all that has changed.
    mutating func freeze() {
        precondition(frozen.isEmpty && written.isEmpty, "one checkpoint at a time")
        frozen = changed
        frozenHead = 0
        changed = []
        epoch += 1
    }

    /// The next rows to be copied, those that were copied when they changed included.
    mutating func copySlice(_ countMax: Int) -> ContiguousArray<Slot>.SubSequence {
        let start = frozenHead
        frozenHead = min(start + countMax, frozen.count)
        return frozen[start..<frozenHead]
    }

    /// Whether a row of a slice wasn't copied when it changed.
    func isFrozen(_ epochs: RowEpochs) -> Bool { epochs.dirty == epoch - 1 }

    /// A row of the checkpoint that runs has been copied.
    func copied(_ epochs: inout RowEpochs) {
        assert(epochs.dirty == epoch || epochs.dirty == epoch - 1, "a row that is copied has changed")
        if epochs.dirty != epoch { epochs.dirty = 0 }
        epochs.saved = epoch - 1
    }

    /// The checkpoint is on the disk.
    mutating func frozenWritten() {
        precondition(isCopied, "a checkpoint is written when it is whole")
        written = frozen
        writtenHead = 0
        writtenEpoch = epoch - 1
        frozen = []
        frozenHead = 0
    }

    /// The next rows that the disk has.
    mutating func letGoSlice(_ countMax: Int) -> ContiguousArray<Slot>.SubSequence {
        let end = min(writtenHead + countMax, written.count)
        let slice = written[writtenHead..<end]
        writtenHead = end
        if end == written.count { written = [] }
        return slice
    }

    /// Whether a changed row is of the epoch that runs, or of the one that is being copied.
    func isCurrent(_ epochs: RowEpochs) -> Bool { epochs.dirty == epoch || epochs.dirty == epoch - 1 }

    /// Whether the disk has the row as it is.
    func isStored(_ epochs: RowEpochs) -> Bool { epochs.dirty == 0 && epochs.saved <= writtenEpoch }
}

/// In which epochs of checkpoints a row was changed and copied.
struct RowEpochs {
    /// Changed in this one; 0: unchanged.
    var dirty: UInt32 = 0
    /// Of the last copy: the row stays until that one is written.
    var saved: UInt32 = 0
}

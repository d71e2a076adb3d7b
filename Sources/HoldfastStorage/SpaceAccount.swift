/// Decides from numbers alone whether room is low and what becomes of the reserve.
///
/// New messages may take what is free beyond the reserve, and the free pages inside the files (LMDB never gives pages back to
/// the file system, but uses them again). The reserve itself is for what makes room: acknowledgements, trims, checkpoints.
struct SpaceAccount: Sendable {
    /// What to do with the reserve file.
    enum ReserveAction {
        case keep
        case release
        case make
    }

    /// What the reserve file takes.
    let reserveBytes: Int
    /// The most that one batch holds.
    let batchBytesMax: Int

    /// Free on the file system, the reserve not counted while it is held.
    var availableBytes = 0
    /// Whether the reserve file is there.
    var isReserveHeld = true
    /// Free pages inside the journal's file.
    var journalFreeBytes = 0
    /// Free pages inside the store's file.
    var storeFreeBytes = 0
    /// What the next checkpoint copies at most: all of the store.
    var storeUsedBytes = 0
    /// Records that no checkpoint covers yet.
    var uncheckpointedRecords = 0
    /// Whether new messages have to be refused.
    private(set) var isLow = false

    private static let pageBytes = 4096
    /// Inner pages and tables of free pages that every transaction writes.
    private static let transactionBytes = 64 * pageBytes
    /// Pages that one record's rows lie on at most: two inboxes, sender, kept.
    private static let pagesPerRecord = 4
    /// What one record adds to the store at most: entries of two inboxes and of the kept, in half full pages, and rows made for it.
    private static let storeBytesPerRecord = 256

    /// Two maximal batches, in pages that aren't quite full.
    private var journalNeed: Int { 2 * (batchBytesMax + batchBytesMax / 4 + Self.transactionBytes) }

    /// A checkpoint of what was changed: copies of the pages that it changes, and the new entries.
    private var storeNeed: Int {
        min(storeUsedBytes, uncheckpointedRecords * Self.pagesPerRecord * Self.pageBytes)
            + uncheckpointedRecords * Self.storeBytesPerRecord + Self.transactionBytes
    }

    /// How much more room there must be to stop being low than to become so.
    private var margin: Int { reserveBytes / 4 }

    /// Numbers are to be set before it is asked.
    init(reserveBytes: Int, batchBytesMax: Int) {
        self.reserveBytes = reserveBytes
        self.batchBytesMax = batchBytesMax
    }

    /// Judges the numbers anew.
    mutating func update() {
        let spare = isReserveHeld ? availableBytes : availableBytes - reserveBytes
        // Of the free pages only half counts: long records need neighbouring ones, and the newest can't be used at once.
        let shortfall = max(0, journalNeed - journalFreeBytes / 2) + max(0, storeNeed - storeFreeBytes / 2)
        isLow = spare < shortfall + (isLow ? margin : 0)
    }

    /// Released when anything may need it, not only when new messages are refused; made again when there is clearly room.
    var reserveAction: ReserveAction {
        let need = journalNeed + storeNeed
        if isReserveHeld { return isLow || availableBytes < need ? .release : .keep }
        return !isLow && availableBytes >= reserveBytes + need + margin ? .make : .keep
    }
}

import HoldfastCore

/// Decides from numbers alone whether room is low, why, and what becomes of the reserve.
///
/// New messages may take what is free beyond the reserve, and the free pages inside the files (LMDB never gives pages back to
/// the file system, but uses them again). The reserve itself is for what makes room: acknowledgements, trims, checkpoints. What counts is the
/// smaller of the file system's room and of what each environment may hold.
struct SpaceAccount: Sendable {
    /// What to do with the reserve file.
    enum ReserveAction {
        case keep
        case release
        case make
    }

    /// What room is short of.
    enum Shortage: Equatable {
        case fileSystem
        case journal
        case store
    }

    /// What the reserve file takes.
    let reserveBytes: Int
    /// The most that is made and not synced.
    let unsyncedBytesMax: Int

    /// Free on the file system, the reserve not counted while it is held.
    var availableBytes = 0
    /// Whether the reserve file is there.
    var isReserveHeld = true
    /// What the journal's environment has left.
    var journal = EnvironmentRoom()
    /// What the store's environment has left.
    var store = EnvironmentRoom()
    /// What the next checkpoint will need in the store.
    var checkpoint = CheckpointRoom(CheckpointRows())
    /// How much may be stored before new messages have to be refused.
    private(set) var roomBytes = 0
    /// Why new messages have to be refused, if they have to.
    private(set) var shortage: Shortage?
    /// What is short, or will be first.
    private(set) var narrowest = Shortage.fileSystem

    /// Whether new messages have to be refused.
    var isLow: Bool { shortage != nil }

    /// Inner pages and tables of free pages that every transaction writes.
    private static let transactionBytes = 64 * CheckpointRoom.pageBytes

    /// All that may be made and not synced, twice, in pages that aren't quite full.
    private var recordsNeed: Int { 2 * (unsyncedBytesMax + unsyncedBytesMax / 4 + Self.transactionBytes) }

    /// A checkpoint of what was changed: copies of the pages that it changes, and the new entries.
    private var storeNeed: Int { checkpoint.bytes(usedBytes: store.usedBytes) + Self.transactionBytes }

    /// Numbers are to be set before it is asked.
    init(reserveBytes: Int, unsyncedBytesMax: Int) {
        self.reserveBytes = reserveBytes
        self.unsyncedBytesMax = unsyncedBytesMax
    }

    /// Judges the numbers anew. What is short needs clearly more room to be good again than to become short.
    mutating func update() {
        let rooms: [(Shortage, Int)] = [
            (.fileSystem, fileSystemRoom - (shortage == .fileSystem ? fileSystemMargin : 0)),
            (.journal, limitRoom(.journal, journal, keeping: recordsNeed + reserveBytes)),
            (.store, limitRoom(.store, store, keeping: storeNeed + reserveBytes)),
        ]
        let least = rooms.min { $0.1 < $1.1 }
        roomBytes = max(0, least?.1 ?? 0)
        // It stays with its reason as long as that holds.
        let short = rooms.filter { $0.1 <= 0 }.map(\.0)
        if shortage.map(short.contains) != true { shortage = short.first }
        if isLow { roomBytes = 0 }
        narrowest = shortage ?? least?.0 ?? .fileSystem
    }

    private func limitRoom(_ name: Shortage, _ room: EnvironmentRoom, keeping need: Int) -> Int {
        room.bytesUntilLimit(keeping: need) - (shortage == name ? min(reserveBytes / 4, room.limitBytes / 16) : 0)
    }

    /// What the file system and the free pages of the files have beyond what must be there.
    ///
    /// The reserve may be in the journal's free pages: on a disk that was full of messages nothing else is ever free again.
    private var fileSystemRoom: Int {
        let rest = fileSystemBytes - max(0, storeNeed - store.freeBytes)
        guard rest >= 0 else { return rest }
        // Long records need neighbouring pages: of those inside the file only half are taken for that.
        return min(rest + journal.freeBytes - recordsNeed - reserveBytes, rest + journal.freeBytes / 2 - recordsNeed)
    }

    /// With the reserve, which is given up when it is needed.
    private var fileSystemBytes: Int { availableBytes + (isReserveHeld ? reserveBytes : 0) }

    /// Less than there is between an empty journal and one that is as long as it may become: an empty one always takes messages again.
    private var fileSystemMargin: Int {
        let capacity = fileSystemBytes + journal.fileBytes - max(0, storeNeed - store.freeBytes) - recordsNeed - reserveBytes
        return min(reserveBytes, max(0, capacity)) / 4
    }

    /// Released when anything may need it, not only when new messages are refused; made again when there is clearly room.
    var reserveAction: ReserveAction {
        let need = recordsNeed + storeNeed
        if isReserveHeld { return shortage == .fileSystem || availableBytes < need ? .release : .keep }
        return shortage != .fileSystem && availableBytes >= reserveBytes + need + reserveBytes / 4 ? .make : .keep
    }
}

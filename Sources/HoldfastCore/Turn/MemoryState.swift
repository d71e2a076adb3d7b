/// When memory that was used for traffic is given back: the loops let go of theirs first, a tick later the allocator is told.
struct MemoryState {
    private enum Stage {
        case none
        /// Commands have been handled, or a checkpoint has let go of rows, since memory was given back.
        case holds
        /// The loops are to be told.
        case tellsLoops
        case toldLoops
        /// The allocator is to be told.
        case frees
    }

    /// Emptied batches, whose room the loops use again.
    private var spares: [CommandBatch] = []
    private let sparesMax: Int
    private var stage = Stage.none
    /// When the last commands came, in monotonic milliseconds.
    private var lastCommands: UInt64 = 0
    /// To be freed when the loops have been told.
    private var released: ReleasedMemory?

    /// A batch of so many leaves room behind that is worth giving back.
    private static let busyCommands = 64
    private static let spareBytesMax = 1 << 20
    private static let quietMilliseconds: UInt64 = 1_000

    init(doors: Int) { sparesMax = 2 * doors }

    /// Whether time will bring something about.
    var isHolding: Bool { stage != .none }

    mutating func tookCommands(_ count: Int, now: CoreTime) {
        lastCommands = now.monotonic
        if count >= Self.busyCommands, stage == .none { stage = .holds }
    }

    mutating func freedRows() {
        if stage == .none { stage = .holds }
    }

    /// Keeps the room of a batch whose commands have run.
    mutating func keep(_ batch: consuming CommandBatch) {
        guard spares.count < sparesMax else { return }
        batch.commands.removeAll(keepingCapacity: true)
        batch.bytes.removeAll(keepingCapacity: batch.bytes.capacity <= Self.spareBytesMax)
        spares.append(batch)
    }

    mutating func takeSpare(_ door: Int) -> CommandBatch {
        guard var spare = spares.popLast() else { return CommandBatch(door: door) }
        assert(spare.commands.isEmpty && spare.bytes.isEmpty, "what is used again is empty")
        spare.door = door
        return spare
    }

    /// The allocator is locked while it gives memory back: not while there is traffic, which would use that memory again anyway.
    mutating func tick(_ core: inout Core, isQuiet: Bool, now: CoreTime) {
        switch stage {
        case .none, .tellsLoops, .frees: break
        case .holds:
            guard isQuiet, now.monotonic &- lastCommands >= Self.quietMilliseconds else { return }
            released = core.giveMemoryBack()
            spares = []
            stage = .tellsLoops
        case .toldLoops: stage = .frees
        }
    }

    mutating func takeGiveBack() -> Bool {
        guard stage == .tellsLoops else { return false }
        stage = .toldLoops
        return true
    }

    mutating func takeReleased() -> ReleasedMemory? {
        guard stage == .frees else { return nil }
        assert(released != nil, "the loops were told because there is something to free")
        stage = .none
        return released.take()
    }
}

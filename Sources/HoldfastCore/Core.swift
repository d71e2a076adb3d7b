import HoldfastWire

// The core: a deterministic state machine without I/O, clock or randomness. Commands, time and loaded rows go in; effects and jobs come
// out. It is driven by `CoreTurn` (and by `RepairPlan`, which replays and writes one checkpoint):
//
//     handle(commands) ────┐                    ┌─ takeBatch()      -> journal, answered by committed(through:)
//     take(answers) ───────┤   rows, inboxes,   ├─ takeReads()      -> readers, answered by take(_:steps:)
//     committed(through:) ─┼─► sessions in RAM ─┼─ takeEffects()    -> event loops
//     ticked() ────────────┘                    ├─ takeCheckpoint() -> store, answered by checkpointWritten(_:)
//                                               ├─ takeTrim()       -> readers, answered by trimPlanned(_:)
//                                               ├─ takeExpiry()     -> readers, answered by expiryPlanned(_:)
//                                               └─ takeLedgerJob()  -> readers, answered by ledgerPlanned(_:)
//
// A command runs only when all the rows that it names are in RAM; until then it waits, and what the same connection said after
// it waits behind it (`Core+Waiting`). A record is applied to the rows when it is appended; what is derived from it leaves
// when it is synced (`Core+Commit`).

/// Sessions, inboxes and routing of one gateway.
package struct Core: ~Copyable {
    package let configuration: CoreConfiguration

    var users: Users
    var names: Names
    var streams: Streams
    var batches: Batches
    var outbox: Outbox
    /// Users whose inbox's floor has a record that isn't synced yet: sessions hear of the floor when it is.
    var floorRecords: [UserSlot: Position] = [:]

    var clock: AgeClock
    var monotonic: UInt64 = 0
    /// When the last record was made, by the monotonic clock.
    var lastAppended: UInt64 = 0
    var isSpaceLow = false
    var roomBytes = Int.max

    /// Sessions whose cursor has no record yet, and since when the oldest waits.
    var unrecordedCursors = ContiguousArray<UnrecordedCursor>()
    var unrecordedSince: UInt64 = 0

    var waiting = WaitingCommands()
    /// Queues whose first command may have all its rows now.
    var ready = Line<WaitingCommands.ReadyQueue>()
    /// What the readers are to be asked, a part for each of them.
    var reads = ContiguousArray<ReadRequests>()
    /// The number of the last part that was taken.
    var lastRead: UInt64 = 0
    /// Questions that a reader is to be asked.
    var queries = Line<QueryJob>()
    /// Questions for which users are being looked for in RAM.
    var userScans = ContiguousArray<(id: ReplyID, scan: UserScan)>()

    var checkpoint = CheckpointState()
    var trim = TrimState()
    var holds = Holds()
    var ages = JournalAges()
    var audits = Audits()
    var ledger = Ledger()
    var expiry = ExpiryState()
    /// The next session to be looked at by the slow sweep.
    var sweepHand = 0

    /// For whom something waits, as far as it is known.
    let undelivered = UndeliveredUsers()
    /// For metrics.
    var totals = CoreTotals()
    /// When the command at hand was taken in by its event loop (`CommandBatch.takenAt`).
    var takenAt: UInt64 = 0

    /// - Parameter doors: event loops, and ports behind them.
    init(configuration: CoreConfiguration, doors: Int, nextPosition: Position, window: JournalWindow) {
        self.configuration = configuration
        clock = AgeClock(rule: configuration.clock)
        batches = Batches(nextPosition: nextPosition, window: window, bytesMax: configuration.batchBytesMax, doors: doors)
        outbox = Outbox(doors: doors)
        users = Users(cachedMax: configuration.cachedUsersMax, InboxTotals.Limits(configuration))
        streams = Streams(
            window: .init(messages: configuration.creditMessages, bytes: configuration.creditBytes),
            pagesInFlightMax: configuration.pagesInFlightMax)
        names = Names(cachedMax: configuration.cachedLookupsMax, configuration.hash)
    }

    /// Of the next record.
    var nextPosition: Position { batches.nextPosition }

    /// Everything up to here is synced.
    var committedThrough: Position { batches.committedThrough }

    /// What follows from the records up to here has left.
    var settledThrough: Position { batches.settledThrough }

    /// The last position that was given out.
    var lastPosition: Position { Position(rawValue: nextPosition.rawValue - 1) }

    /// The current era: the top bits of every new position.
    var era: UInt8 { nextPosition.era }

    /// Takes some of a door's commands, in their order.
    mutating func handle(_ batch: CommandBatch, _ range: Range<Int>) {
        takenAt = batch.takenAt
        for index in range { admit(batch.commands[index], batch.bytes) }
    }

    /// Time has passed.
    ///
    /// - Parameters:
    ///   - isSpaceLow: whether new messages have to be refused.
    ///   - roomBytes: about how much may be stored before that is so.
    mutating func ticked(isSpaceLow: Bool, roomBytes: Int) {
        assert(roomBytes >= 0, "there is no less room than none")
        self.isSpaceLow = isSpaceLow
        self.roomBytes = roomBytes
        sweepSessions()
        enforceHolds()
        advanceCheckpoint()
    }

    /// What the clocks say now: before anything is done at this time.
    mutating func advance(_ now: CoreTime) {
        monotonic = now.monotonic
        clock.advance(now)
    }

    /// Milliseconds since 1970, as far as the machine's clock is believed, less the monotonic clock's: what loops reckon the time by.
    var timeOffset: Int64 { Int64(clamping: clock.time) - Int64(clamping: monotonic) }

    /// What the log is to say of the machine's clock.
    mutating func takeClockNotice() -> ClockNotice? { clock.takeNotice() }

    /// What a door is to do, in order; nil when there is nothing.
    mutating func takeEffects(door: Int) -> EffectBatch? { outbox.take(door: door) }

    /// Users and sessions in RAM, and what waits: for metrics and tests.
    package var counts: CoreCounts {
        CoreCounts(
            users: users.count, sessions: sessions.count, entries: users.entryCount, deliveries: streams.stepCount,
            waitingCommands: waiting.count, changedEntries: changedEntries, pagesInFlight: streams.pagesInFlight,
            unsyncedBatches: batches.line.batches.count)
    }

    /// For metrics; `CoreTurn` adds what waits at its doors.
    var figures: CoreFigures {
        CoreFigures(
            counts: counts, totals: totals, inboxes: users.totals, holds: holds.names.count, ledgerKeys: ledger.keptCount,
            ledgerKeysMax: configuration.idempotencyKeysMax, ledgerKeySeconds: keepKeyUntil() &- clock.age,
            checkpoints: checkpoint.written - checkpoint.writtenBefore,
            secondsSinceCheckpoint: (monotonic - min(monotonic, checkpoint.lastMonotonic)) / 1000, isCheckpointing: isCheckpointing,
            age: clock.age, expirySeconds: configuration.inboxDays * 86_400, isSpaceLow: isSpaceLow, roomBytes: roomBytes, era: era)
    }

    var sessions: SlotTable<SessionRow, SessionSlot> {
        _read { yield users.sessions }
        _modify { yield &users.sessions }
    }

    /// The session of a command, if the command's connection still is the newest (SPEC 4.2).
    func session(of origin: Origin) -> SessionSlot? {
        guard let user = users.find(origin.session.userNumber), let session = users.session(origin.session, of: user) else { return nil }
        // A handle is never used again; the session's attach may have risen since (REQ-ATTACH-9).
        return sessions[session].connection == origin.connection ? session : nil
    }

    mutating func trimCache() { users.trimCache(needed: waiting.pinnedCount) }

    /// A user's name, if it is in memory. One that is not on the disk yet is.
    func userName(_ number: UInt64) -> [UInt8]? {
        guard case .found(let name) = names.userNames.find(number).answer else { return nil }
        return name
    }

    /// A user's name on the disk; nil when there is none.
    package static func userName(_ number: UInt64, on storage: any Storage) throws(StorageError) -> [UInt8]? {
        var name: [UInt8]?
        try storage.read { (snapshot) throws(StorageError) in name = try snapshot.bytes(.userNames, StoreKey.number(number)) }
        return name
    }

    /// A batch that a loop has carried out comes back: its room is used again.
    mutating func reuse(_ batch: consuming EffectBatch, of door: Int) { outbox.spares.put(batch, door: door) }

    /// Lets go of all cached answers, what is in use is asked for again, of room for traffic, and of that of tables that are empty now.
    /// - Returns: what is to be freed.
    mutating func giveMemoryBack() -> ReleasedMemory {
        outbox.giveMemoryBack()
        batches.giveMemoryBack()
        if ready.isEmpty { ready = Line() }
        if waiting.count == 0, waiting.byKey.isEmpty { waiting = WaitingCommands() }
        if unrecordedCursors.isEmpty { unrecordedCursors = [] }
        return ReleasedMemory(names.forgetKnown() + [streams.giveMemoryBack()])
    }

    mutating func emit(_ effect: Effect, to connection: ConnectionHandle) { outbox.emit(effect, to: connection) }
}

/// A session whose cursor is newer than its last record.
struct UnrecordedCursor {
    /// none: it has its record since.
    var session: SessionSlot
    /// The cursor in that record.
    var recorded: Position
}

/// The sizes of the core's tables.
package struct CoreCounts: Equatable, Sendable {
    package var users: Int
    package var sessions: Int
    /// Inbox entries since the last checkpoint.
    package var entries: Int
    /// Unacknowledged deliveries.
    package var deliveries: Int
    package var waitingCommands: Int
    /// What the next checkpoint will have to write.
    package var changedEntries: Int
    package var pagesInFlight: Int
    /// Batches that are closed and not known to be synced.
    package var unsyncedBatches: Int
}

/// The two members of a one-to-one conversation, the smaller number first.
package struct UserPair: Hashable, Sendable {
    package let low: UInt64
    package let high: UInt64
    init(_ a: UInt64, _ b: UInt64) {
        low = min(a, b)
        high = max(a, b)
    }
    /// The other member; nil for a stranger. With oneself: oneself.
    func peer(of user: UInt64) -> UInt64? { user == low ? high : user == high ? low : nil }
}

/// A user's device, by name.
package struct DeviceKey: Hashable, Sendable {
    package let user: UInt64
    package let device: NameKey
}

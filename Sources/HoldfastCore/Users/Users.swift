import HoldfastWire

/// Users, their sessions and what is in their inboxes: a part of the core that owns these rows, finds them, and says which a checkpoint has to
/// write. Whether something may be done is decided elsewhere.
struct Users: ~Copyable {
    private var rows = SlotTable<UserRow, UserSlot>()
    private var index = NumberIndex()
    var sessions = SlotTable<SessionRow, SessionSlot>()
    private var inboxes = Timelines()
    /// Of the users whose rows say that they have one.
    private var floors: [UserSlot: InboxFloor] = [:]
    /// Of the users whose rows say that they have one.
    private var accesses: [UserSlot: UserAccess] = [:]
    /// Of the users whose rows say that they have some.
    var tracked = TrackedMessages()
    /// Whom sessions may write to whose rows say that there is a limit.
    private var limits: [SessionSlot: RecipientLimit] = [:]
    /// What those take in rows.
    private var limitBytes = 0
    /// Users to whom a repair has given notice of a loss in what was replayed.
    private var withLoss: Set<UInt64> = []
    /// Of all users, those included that are on disk only.
    private(set) var totals: InboxTotals

    private var dirty = DirtyRows<UserSlot>()
    /// Rows that have been copied for the checkpoint that runs.
    private var images = RowImages()

    private let cachedMax: Int
    /// The cache's hand (see `trimCache`).
    private var hand = 0
    /// Steps that the hand may still make.
    private(set) var handSteps = 0

    init(cachedMax: Int, _ limits: InboxTotals.Limits) {
        self.cachedMax = cachedMax
        totals = InboxTotals(limits)
    }

    subscript(user: UserSlot) -> UserRow {
        _read { yield rows[user] }
        _modify { yield &rows[user] }
    }

    /// Users in RAM.
    var count: Int { index.count }

    func find(_ number: UInt64) -> UserSlot? { index.find(number, in: rows.rows) }

    mutating func make(_ row: UserRow) -> UserSlot {
        precondition(row.number != 0, "0 is no user's number")
        handSteps += Self.handStepsPerRow
        let slot = rows.insert(row)
        index.insert(slot, in: rows.rows)
        return slot
    }

    /// The rows of a user as the disk has them.
    mutating func make(_ image: UserImage) -> UserSlot {
        let user = make(image.row)
        if let floor = image.floor { setFloor(floor, of: user) }
        setAccess(image.access, of: user)
        setTracked(image.tracked, of: user)
        for session in image.sessions.reversed() { _ = makeSession(session, image.limits[session.id], of: user) }
        return user
    }

    /// A copy of a user's rows, as the disk would have them.
    func image(of user: UserSlot) -> UserImage {
        var image = UserImage(row: rows[user], floor: floor(of: user), access: access(of: user), tracked: tracked(of: user), sessions: [])
        var session = rows[user].firstSession
        while session != .none {
            image.sessions.append(sessions[session])
            image.limits[sessions[session].id] = limit(of: session)
            session = sessions[session].next
        }
        return image
    }

    /// Frees a user's rows; his state must be on disk.
    private mutating func drop(_ user: UserSlot) {
        assert(isDroppable(rows[user]), "who is dropped is on disk and not in use")
        var next = rows[user].firstSession
        while next != .none {
            let session = next
            next = sessions[session].next
            freeSession(session)
        }
        inboxes.removeAll(of: &rows[user].inbox)
        index.remove(user, in: rows.rows)
        if rows[user].hasFloor { floors[user] = nil }
        if rows[user].hasAccess { accesses[user] = nil }
        setTracked([], of: user)
        rows.remove(user, leaving: UserRow())
    }

    // MARK: Access

    /// What keeps the user out.
    func access(of user: UserSlot) -> UserAccess { rows[user].hasAccess ? accesses[user] ?? .none : .none }

    mutating func setAccess(_ access: UserAccess, of user: UserSlot) {
        rows[user].hasAccess = access != .none
        accesses[user] = access == .none ? nil : access
    }

    // MARK: Sessions

    /// - Parameter limit: whom the session may write to; nil: everybody.
    mutating func makeSession(_ row: SessionRow, _ limit: RecipientLimit?, of user: UserSlot) -> SessionSlot {
        precondition(row.id.userNumber == rows[user].number, "a session's number holds its user's")
        assert(session(row.id, of: user) == nil, "a session begins once")
        var row = row
        row.user = user
        row.next = rows[user].firstSession
        row.flags.remove(.isLimited)
        let slot = sessions.insert(row)
        rows[user].firstSession = slot
        setLimit(limit, of: slot)
        return slot
    }

    /// Takes a session out of its user's list.
    mutating func removeSession(_ session: SessionSlot) {
        assert(sessions[session].flags.contains(.hasEnded), "only a session that has ended is forgotten")
        let (user, next) = (sessions[session].user, sessions[session].next)
        if sessions[session].flags.contains(.cursorUnrecorded) { unpin(user) }
        if rows[user].firstSession == session {
            rows[user].firstSession = next
        } else if let previous = firstSession(of: user, where: { $0.next == session }) {
            sessions[previous].next = next
        }
        freeSession(session)
    }

    private mutating func freeSession(_ session: SessionSlot) {
        assert(sessions[session].stream == .none, "a session that goes has no connection, and no stream")
        setLimit(nil, of: session)
        sessions.remove(session, leaving: SessionRow())
    }

    /// Whom a session may write to; nil: everybody.
    func limit(of session: SessionSlot) -> RecipientLimit? { sessions[session].flags.contains(.isLimited) ? limits[session] : nil }

    mutating func setLimit(_ limit: RecipientLimit?, of session: SessionSlot) {
        guard limit != nil || sessions[session].flags.contains(.isLimited) else { return }
        let old = limits.removeValue(forKey: session)
        limitBytes += (limit?.encoded.count ?? 0) - (old?.encoded.count ?? 0)
        limits[session] = limit
        if limit == nil { sessions[session].flags.remove(.isLimited) } else { sessions[session].flags.insert(.isLimited) }
    }

    /// The first of the user's sessions for which `isWanted` is true; the newest comes first.
    func firstSession(of user: UserSlot, where isWanted: (SessionRow) -> Bool) -> SessionSlot? {
        var session = rows[user].firstSession
        while session != .none {
            if isWanted(sessions[session]) { return session }
            session = sessions[session].next
        }
        return nil
    }

    /// The newest comes first.
    func eachSession(of user: UserSlot, _ body: (SessionRow) -> Void) {
        _ = firstSession(of: user) { row in
            body(row)
            return false
        }
    }

    func session(_ id: SessionID, of user: UserSlot) -> SessionSlot? { firstSession(of: user) { $0.id == id } }

    func countSessions(of user: UserSlot, where isCounted: (SessionRow) -> Bool = { _ in true }) -> Int {
        var count = 0
        var session = rows[user].firstSession
        while session != .none {
            if isCounted(sessions[session]) { count += 1 }
            session = sessions[session].next
        }
        return count
    }

    // MARK: Pins

    /// A user with a pin stays in RAM.
    mutating func pin(_ user: UserSlot) {
        assert(rows[user].number != 0, "a pin is for a row that is there")
        rows[user].pins += 1
    }

    mutating func unpin(_ user: UserSlot) {
        precondition(rows[user].pins > 0, "a pin is taken away once")
        rows[user].pins -= 1
    }

    // MARK: Cache

    /// Users who are not in use live on disk: beyond a bound, the rows of those that are neither connected nor changed since the last
    /// checkpoint are dropped, the ones first that nobody asked for since the hand last came by.
    /// - Parameter needed: users that are pinned for commands that wait.
    mutating func trimCache(needed: Int) {
        var excess = index.count - cachedMax - needed
        // A cache full of changed rows, or of connected users, must not be searched again and again: the hand makes as many steps as were
        // paid for by rows that came in or that the disk has now, one round at most, and few at once.
        handSteps = min(handSteps, rows.end)
        guard excess > 0 else { return }
        var steps = min(handSteps, Self.handStepsPerCallMax)
        handSteps -= steps
        while excess > 0, steps > 0 {
            steps -= 1
            if hand >= rows.end { hand = 0 }
            let user = UserSlot(rawValue: UInt32(hand))
            hand += 1
            guard rows[user].number != 0, isDroppable(rows[user]) else { continue }
            if rows[user].isRecent {
                rows[user].isRecent = false
            } else {
                drop(user)
                excess -= 1
            }
        }
        handSteps += steps
    }

    /// Steps of the hand that a row pays for: two rounds for itself, since the first only finds it recent, and some past rows that must stay.
    private static let handStepsPerRow = 8
    private static let handStepsPerCallMax = 4_096

    private func isDroppable(_ row: UserRow) -> Bool { row.pins == 0 && dirty.isStored(row.epochs) && row.inbox.entries.isEmpty }

    // MARK: Checkpoints

    /// Must be called before a change of a user's row or of one of his sessions' that is stored.
    mutating func willChange(_ user: UserSlot) {
        assert(rows[user].number != 0, "a row that changes is there")
        if dirty.willChange(user, &rows[user].epochs) { copy(user) }
    }

    /// Rows and entries that a checkpoint has to write.
    var changedCount: Int { dirty.count + inboxes.count }

    /// Inbox entries since the last checkpoint.
    var entryCount: Int { inboxes.count }

    /// Adds what a checkpoint has to write to `rows`.
    func countChanged(_ rows: inout CheckpointRows) {
        rows[.users] += dirty.count
        // The row of a user whose inbox changes does, too.
        rows.timelines += dirty.count
        rows.limitBytes += limitBytes + tracked.rowBytes
        inboxes.countChanged(&rows)
    }

    /// Begins a checkpoint of all that has changed.
    mutating func freeze() {
        dirty.freeze()
        inboxes.freeze()
        images = RowImages(count: dirty.frozenCount, rowBytes: Self.imageBytes)
    }

    /// Whether all frozen rows are copied.
    var isCopied: Bool { dirty.isCopied }

    mutating func copySlice(_ countMax: Int) {
        for user in dirty.copySlice(countMax) where dirty.isFrozen(rows[user].epochs) { copy(user) }
    }

    /// The rows for the checkpoint; once.
    mutating func takeImages() -> UserImages {
        precondition(isCopied, "a checkpoint is taken when it is whole")
        assert(images.count == dirty.frozenCount, "each frozen row is copied once")
        defer { images = RowImages() }
        return UserImages(rows: images, inboxes: inboxes.takeImages())
    }

    /// Copies a frozen row as it is now.
    private mutating func copy(_ user: UserSlot) {
        let (row, floor, access, sessionCount) = (rows[user], floor(of: user), access(of: user), countSessions(of: user))
        let tracked = tracked(of: user)
        var next = row.firstSession
        images.add(row.number) { bytes in
            UserImage.encode(row, floor: floor, access: access, tracked: tracked, sessionCount: sessionCount, into: &bytes) {
                let session = sessions[next]
                let limit = session.flags.contains(.isLimited) ? limits[next] : nil
                next = session.next
                return (session, limit)
            }
        }
        inboxes.copy(&rows[user].inbox, id: row.number, from: row.base(floor).position)
        dirty.copied(&rows[user].epochs)
    }

    mutating func frozenWritten() {
        inboxes.frozenWritten()
        dirty.frozenWritten()
    }

    /// Whether all entries that the disk has are freed.
    var isLetGo: Bool { dirty.isLetGo }

    /// Frees the entries of some users that the timelines on disk have.
    mutating func letGoSlice(_ countMax: Int, through position: Position) {
        let slice = dirty.letGoSlice(countMax)
        for user in slice { letGo(user, through: position) }
        handSteps += Self.handStepsPerRow * slice.count
    }

    private mutating func letGo(_ user: UserSlot, through position: Position) {
        guard inboxes.letGo(of: &rows[user].inbox, through: position) else { return }
        var session = rows[user].firstSession
        while session != .none {
            sessions[session].flags.remove(.diskDone)
            session = sessions[session].next
        }
    }

    // MARK: Inboxes

    mutating func append(_ entry: TimelineEntry, size: UInt32, to user: UserSlot) {
        let base = base(of: user)
        let before = rows[user].kept(from: base)
        inboxes.append(entry, size: size, to: &rows[user].inbox)
        totals.changed(from: before, to: rows[user].kept(from: base))
    }

    /// The place of a repair's notice of a loss.
    mutating func appendLoss(at position: Position, to user: UserSlot) {
        withLoss.insert(rows[user].number)
        var entry = rows[user].inbox.last
        entry.position = position
        entry.ordinal &+= 1
        append(TimelineEntry(entry), size: 0, to: user)
    }

    mutating func setFloor(_ floor: InboxFloor, of user: UserSlot) {
        rows[user].hasFloor = true
        floors[user] = floor
    }

    func floor(of user: UserSlot) -> InboxFloor? { rows[user].hasFloor ? floors[user] : nil }

    /// Everything up to here is gone from the inbox.
    func base(of user: UserSlot) -> InboxEntry { rows[user].base(floor(of: user)) }

    /// Where the inbox would begin if the sessions that `isLeftOut` names held nothing back.
    func base(of user: UserSlot, leavingOut isLeftOut: (SessionRow) -> Bool) -> InboxEntry {
        let base = base(of: user)
        guard let lowest = lowestCursor(of: user, leavingOut: isLeftOut), lowest.position > base.position else { return base }
        return lowest
    }

    /// Messages that are kept, and bytes of their bodies.
    func kept(of user: UserSlot) -> (count: UInt32, bytes: UInt32) { kept(of: user, from: base(of: user)) }

    func kept(of user: UserSlot, from base: InboxEntry) -> (count: UInt32, bytes: UInt32) { rows[user].kept(from: base) }

    /// What all receiving sessions have; nil when there is none.
    private func lowestCursor(of user: UserSlot, leavingOut isLeftOut: (SessionRow) -> Bool = { _ in false }) -> InboxEntry? {
        var lowest: InboxEntry?
        var session = rows[user].firstSession
        while session != .none {
            let row = sessions[session]
            if row.receives, !isLeftOut(row), row.cursor.position < (lowest?.position ?? Position(rawValue: .max)) { lowest = row.cursor }
            session = row.next
        }
        return lowest
    }

    /// What all receiving sessions have, and what the floor took, is gone from the inbox.
    mutating func updateAcknowledged(of user: UserSlot) {
        let before = base(of: user)
        if let lowest = lowestCursor(of: user), rows[user].acknowledged.position < lowest.position { rows[user].acknowledged = lowest }
        dropReleasedEntries(of: user, since: before)
    }

    /// - Parameter before: where the inbox began until now.
    mutating func dropReleasedEntries(of user: UserSlot, since before: InboxEntry) {
        let base = base(of: user)
        totals.changed(from: rows[user].kept(from: before), to: rows[user].kept(from: base))
        inboxes.release(from: before, to: base, of: &rows[user].inbox)
    }

    /// The totals as the store has them.
    mutating func loadTotals(_ snapshot: any StorageSnapshot, counts: Bool) throws(StorageError) {
        try totals.load(snapshot, counts: counts)
    }

    /// The last entry at or before `position`, if the RAM can tell; nil: the timeline on disk must be asked.
    func entry(of user: UserSlot, atOrBefore position: Position) -> InboxEntry? {
        let row = rows[user]
        let floor = floor(of: user)
        if position >= row.inbox.last.position { return row.inbox.last }
        if position <= row.acknowledged.position { return row.acknowledged }
        if let floor, position == floor.entry.position { return floor.entry }
        return inboxes.entry(of: row.inbox, atOrBefore: position, from: row.base(floor).position)
    }

    /// Entries that are in RAM, after one position and up to another.
    func recentEntries(of user: UserSlot, after start: Position, through end: Position, limit: Int) -> ContiguousArray<TimelineEntry> {
        inboxes.recent(of: rows[user].inbox, after: start, through: end, limit: limit)
    }

    /// The last of the `count` oldest entries after where the inbox begins, if all are in RAM; nil: the timeline on disk must be asked.
    func evictionPoint(of user: UserSlot, from base: InboxEntry, count: Int) -> InboxEntry? {
        inboxes.oldest(count, of: rows[user].inbox, from: base.position)
    }

    /// Counters as the inbox has them: records that were made before a repair took a message out count it and its bytes, and don't count the
    /// notice in its place. With them an inbox could seem full for ever.
    func counted(_ entry: InboxEntry, in user: UserSlot) -> InboxEntry {
        #if PLANTED_BUGS
            if PlantedBug.countersKeptAfterRepair.isActive { return entry }
        #endif
        var known = entry
        // Looked for only then: a replay of many cursors would look through long inboxes again and again.
        if withLoss.contains(rows[user].number) {
            known = self.entry(of: user, atOrBefore: entry.position) ?? entry
            known.position = entry.position
        }
        let last = rows[user].inbox.last
        if Int32(bitPattern: known.ordinal &- last.ordinal) > 0 { known.ordinal = last.ordinal }
        if Int32(bitPattern: known.cumulativeBytes &- last.cumulativeBytes) > 0 { known.cumulativeBytes = last.cumulativeBytes }
        return known
    }

    // MARK: Invariants

    /// What must hold between the rows and doesn't; nil: all does.
    /// - Parameter waitingPins: pins of waiting commands.
    func violation(waitingPins: Int) -> String? {
        var (userCount, sessionCount, entryCount, pinsLeft) = (0, 0, 0, 0)
        if limits.values.reduce(0, { $0 + $1.encoded.count }) != limitBytes { return "the bytes of limits are miscounted" }
        for index in rows.rows.indices {
            let user = UserSlot(rawValue: UInt32(index))
            let row = rows[user]
            guard row.number != 0 else { continue }
            userCount += 1
            let name = "user \(row.number)"
            if find(row.number) != user { return "\(name) isn't found at his place" }
            if row.hasFloor != (floors[user] != nil) { return "\(name) has a floor without a flag, or a flag without a floor" }
            if row.hasTracked != tracked.has(user) { return "\(name): the flag doesn't say whether messages are tracked" }
            if row.hasAccess != (accesses[user] != nil) { return "\(name): the flag doesn't say whether something keeps the user out" }
            if row.epochs.dirty != 0, !dirty.isCurrent(row.epochs) { return "\(name): dirty in an epoch that is over" }
            if let text = inboxes.violation(row.inbox, from: base(of: user).position, &entryCount) { return "\(name): \(text)" }
            var (connected, unrecorded, receiving) = (0, 0, 0)
            var session = row.firstSession
            while session != .none {
                sessionCount += 1
                if sessionCount > sessions.count { return "\(name): the list of sessions has no end" }
                let sessionRow = sessions[session]
                if sessionRow.flags.contains(.isLimited) != (limits[session] != nil) {
                    return "\(name) has a session with a limit without a flag, or a flag without a limit"
                }
                if sessionRow.user != user || sessionRow.id.userNumber != row.number { return "\(name) has another user's session" }
                if sessionRow.connection != .none { connected += 1 }
                if sessionRow.connection != .none, sessionRow.receives { receiving += 1 }
                if sessionRow.flags.contains(.cursorUnrecorded) { unrecorded += 1 }
                session = sessionRow.next
            }
            if Int(row.receivingConnections) != receiving {
                return "\(name): \(row.receivingConnections) receiving connections, \(receiving) are"
            }
            if Int(row.pins) < connected + unrecorded {
                return "\(name): \(row.pins) pins for \(connected) connections, \(unrecorded) cursors"
            }
            pinsLeft += Int(row.pins) - connected - unrecorded
        }
        if userCount != index.count { return "\(userCount) users, \(index.count) in the index" }
        if sessionCount != sessions.count { return "\(sessionCount) sessions in lists, \(sessions.count) in the table" }
        if entryCount != inboxes.count { return "\(entryCount) entries in lists, \(inboxes.count) in the pool" }
        return pinsLeft == waitingPins ? nil : "\(pinsLeft) pins of waiting commands, which have \(waitingPins)"
    }

    /// Of a user with a session, about.
    private static let imageBytes = 64
}

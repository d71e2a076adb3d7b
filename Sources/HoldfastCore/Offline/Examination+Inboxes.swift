import HoldfastWire

// Users' rows and their inboxes. An inbox that doesn't hang together is made anew from what is left of it and from the journal.
extension Examination {
    mutating func examineUsers(_ progress: Verification.Progress) throws(StorageError) {
        totals = meta[.inboxLimits].flatMap(InboxTotals.Limits.init(packed:)).map(InboxTotals.init)
        for (index, number) in users.enumerated() {
            if index.isMultiple(of: 10_000) { progress("users", index) }
            try examineUser(number)
        }
        examineTotals()
        firstHoldings.sort()
        if unreadable.meta, applied == .zero {
            plan.losses.append(
                Loss(
                    kind: .sessions, position: nil, from: nil, to: [], time: nil, count: 1,
                    text:
                        "what only the store had: cursors, and sessions and names whose records are no longer in the journal; devices whose "
                        + "sessions are gone begin new ones and get again what is kept"))
        }
        // Rows whose keys are no numbers belong to nobody.
        try snapshot.rows(.users) { (key, _) throws(StorageError) in
            if let number = Self.number(key), Self.isUserNumber(number) { return }
            find(.rowDamaged, "users", row: Self.hexadecimal(key), "not a user's number", effect: "none")
            plan.delete(.users, key)
        }
    }

    /// A start takes them for granted, because to count takes long.
    private mutating func examineTotals() {
        for (row, value) in totals?.rows ?? [] where meta[row] ?? 0 != value {
            find(
                .countWrong, "meta", row: row.rawValue, "by the users' rows it is \(value), and \(meta[row] ?? 0) is stored",
                effect: "metrics of what waits are wrong; a repair has the next start count")
        }
    }

    private mutating func examineUser(_ number: UInt64) throws(StorageError) {
        counts.users += 1
        let value = try snapshot.bytes(.users, StoreKey.number(number))
        let image = value.flatMap { UserImage(decoding: $0.span, number: number) }
        if let value, image == nil { try UserImage.requireKnown(value.span, number: number) }
        var entries = ContiguousArray<TimelineEntry>()
        try snapshot.entries(of: .inbox(number), after: .zero, limit: .max / 2, into: &entries)
        counts.inboxEntries += entries.count
        if try nameBytes(number) == nil {
            find(
                .rowMissing, "userNames", row: "\(number)", users: ["user \(number)"], "the user has no name",
                effect: "the user would get a new, empty inbox; \(entries.count) messages wait in the old one")
            replaceName(of: number)
        }
        for entry in entries { firstHoldings.add(entry.position, of: number) }
        guard let image else {
            totals = nil
            return try examineLostRow(number, isThere: value != nil, entries)
        }
        totals?.changed(from: (0, 0), to: image.row.kept(from: image.base))
        guard Self.isWhole(image, entries, appliedThrough: applied) else {
            find(
                .inboxWrong, "timelines", row: "\(number)", users: [try name(number)],
                "the inbox's \(entries.count) entries don't follow each other up to \(image.row.inbox.last.position.rawValue)",
                effect: "messages may be missing from it")
            return remade[number] = RemadeInbox(image: image, old: entries)
        }
    }

    private mutating func examineLostRow(_ number: UInt64, isThere: Bool, _ entries: ContiguousArray<TimelineEntry>) throws(StorageError) {
        let name = try name(number)
        find(
            isThere ? .rowDamaged : .rowMissing, "users", row: "\(number)", users: [name],
            isThere ? "the user's row doesn't pass its checksum" : "the user's row is missing",
            effect: isThere ? "the gateway stops when the user or a sender to the user comes" : "what is sent to the user is lost")
        plan.losses.append(
            Loss(
                kind: .sessions, position: nil, from: nil, to: [name], time: nil, count: 1,
                text:
                    "the sessions of \(name), with their cursors and last sequences: each device begins a new one and gets what is kept again; "
                    + "a block, or a revocation of tokens, that is older than the audit log"
            ))
        remade[number] = RemadeInbox(image: nil, old: entries)
    }

    /// Whether the entries follow each other up to the last one that the row knows of.
    static func isWhole(_ image: UserImage, _ entries: ContiguousArray<TimelineEntry>, appliedThrough applied: Position) -> Bool {
        let (row, base) = (image.row, image.base)
        guard let first = entries.first?.mark, let last = entries.last?.mark else { return row.inbox.last.position <= base.position }
        return areInOrder(entries) && first.position > base.position && last == row.inbox.last && last.position <= applied
            && Int32(truncatingIfNeeded: first.ordinal &- base.ordinal) > 0
    }

    static func areInOrder(_ entries: ContiguousArray<TimelineEntry>) -> Bool {
        zip(entries, entries.dropFirst()).allSatisfy { $0.position < $1.position && $0.mark.ordinal &+ 1 == $1.mark.ordinal }
    }

    /// After the journal was read: what is left for each inbox that has to be made anew.
    mutating func remakeInboxes() throws(StorageError) {
        for number in remade.keys.sorted() {
            guard let inbox = remade[number] else { continue }
            if inbox.image == nil, Self.areInOrder(inbox.old), let first = inbox.old.first?.mark, let last = inbox.old.last?.mark,
                inbox.foreign.isEmpty, last.position <= applied
            {
                try makeRow(number, before: first, last: last)
            } else {
                try makeInbox(number, inbox)
            }
        }
        // What is made anew is counted as it will be.
        if !plan.inboxes.isEmpty { firstHoldings = try gatherHoldings(after: 0) }
    }

    /// The row is gone and the timeline isn't.
    private mutating func makeRow(_ number: UInt64, before first: InboxEntry, last: InboxEntry) throws(StorageError) {
        var row = UserRow(number: number, inbox: TimelineRow(last: last))
        row.acknowledged = InboxEntry(
            position: Position(rawValue: first.position.rawValue - 1), ordinal: first.ordinal &- 1, cumulativeBytes: first.cumulativeBytes)
        row.sessionSerial = try lastSerial(of: number)
        plan.images[number] = UserImage(row: row, access: lostAccess[number] ?? .none, sessions: [])
    }

    private mutating func makeInbox(_ number: UInt64, _ inbox: RemadeInbox) throws(StorageError) {
        var row = inbox.image?.row ?? UserRow(number: number)
        let base = inbox.image?.base ?? .none
        let positions = Set(inbox.found.keys).union(inbox.lost).filter { $0 > base.position && $0 <= applied }.sorted()
        let expected = Int(Int32(truncatingIfNeeded: row.inbox.last.ordinal &- base.ordinal))
        // The row's counter says how many there were; without a row one can't know, except that nothing of the journal is missing.
        let missing = inbox.image == nil ? (unreadable.journal ? 1 : 0) : max(0, expected - positions.count)
        var entry = base
        if inbox.image != nil, expected >= positions.count { entry.ordinal = row.inbox.last.ordinal &- UInt32(positions.count) }
        var entries = ContiguousArray<TimelineEntry>()
        for position in positions {
            let found = inbox.found[position]
            entry = InboxEntry(
                position: position, ordinal: entry.ordinal &+ 1,
                cumulativeBytes: entry.cumulativeBytes &+ (found?.mark.cumulativeBytes ?? 0))
            entries.append(TimelineEntry(entry, details: found?.details ?? 0))
        }
        row.inbox.last = entries.last?.mark ?? base
        row.sessionSerial = inbox.image == nil ? try lastSerial(of: number) : max(row.sessionSerial, newSerials[number] ?? 0)
        plan.images[number] = UserImage(
            row: row, floor: inbox.image?.floor, access: inbox.image?.access ?? lostAccess[number] ?? .none,
            sessions: inbox.image?.sessions ?? [], limits: inbox.image?.limits ?? [:])
        plan.inboxes[number] = entries
        if missing > 0 { try noteMissing(missing, of: number) }
    }

    /// Messages that were in the inbox and are nowhere any more.
    private mutating func noteMissing(_ count: Int, of number: UInt64) throws(StorageError) {
        plan.notices[number] = max(count, plan.notices[number] ?? 0)
        let name = try name(number)
        plan.losses.append(
            Loss(
                kind: .messages, position: nil, from: nil, to: [name], time: nil, count: count,
                text: "\(count) messages that were in the inbox of \(name) and are nowhere any more; a GAP at its end tells so"))
    }

    /// The number of the last session that the user had, as far as anything still tells.
    func lastSerial(of user: UInt64) throws(StorageError) -> UInt32 {
        let prefix = StoreKey.number(user)
        var last = newSerials[user] ?? 0
        try snapshot.scan(.devices, from: prefix.span) { key, value in
            guard [UInt8](key, 0..<key.count).starts(with: prefix) else { return false }
            var reader = ByteReader(value)
            let session = SessionID(rawValue: reader.integer(UInt64.self) ?? 0)
            if session.userNumber == user { last = max(last, session.serial) }
            return true
        }
        return last
    }

    // MARK: Counts of the timelines

    /// `kept` must count each position's entries.
    mutating func examineKept(_ progress: Verification.Progress) throws(StorageError) {
        progress("counts", 0)
        var walk = HoldingWalk(from: firstHoldings)
        var rowCount = 0
        try snapshot.rows(.kept) { (key, value) throws(StorageError) in
            rowCount += 1
            if rowCount.isMultiple(of: 100_000) { progress("counts", walk.passed) }
            guard let position = Self.number(key) else {
                find(.rowDamaged, "kept", row: Self.hexadecimal(key), "not a position", effect: "none")
                return plan.delete(.kept, key)
            }
            try noteUncounted(before: position, &walk)
            let count = try nextHeld(&walk) == position ? walk.take().count : 0
            let stored = KeptCounts.decode(value.span)
            if stored != count { noteCount(position, stored: stored ?? 0, count) }
        }
        try noteUncounted(before: nil, &walk)
        progress("counts", walk.passed)
    }

    /// - Parameter end: nil: all that are left.
    private mutating func noteUncounted(before end: UInt64?, _ walk: inout HoldingWalk) throws(StorageError) {
        while let position = try nextHeld(&walk), end.map({ position < $0 }) ?? true {
            noteCount(position, stored: 0, walk.take().count)
        }
    }

    private mutating func noteCount(_ position: UInt64, stored: Int, _ count: Int) {
        let key = StoreKey.number(position)
        if count == 0 { plan.delete(.kept, key) } else { plan.put(.kept, key, KeptCounts.encoded(count)) }
        // What is made anew is counted anew.
        guard remade.isEmpty, !unreadable.counts else { return }
        find(
            .countWrong, "kept", position: Position(rawValue: position), row: "\(position)",
            "\(stored) inboxes are counted, \(count) hold it",
            effect: stored < count ? "its record would be deleted while somebody needs it" : "its record would never be deleted")
    }

    /// What is released must be held by nobody: it is deleted.
    mutating func examineReleased() throws(StorageError) {
        var walk = HoldingWalk(from: firstHoldings)
        try snapshot.rows(.released) { (key, _) throws(StorageError) in
            let position = Self.number(key)
            if let position {
                while let held = try nextHeld(&walk), held < position { _ = walk.take() }
                guard try nextHeld(&walk) == position else { return }
            }
            find(
                .rowWrong, "released", position: position.map(Position.init(rawValue:)), row: Self.hexadecimal(key),
                position == nil ? "not a position" : "the position is released although inboxes hold it",
                effect: position == nil ? "none" : "its record would be deleted while somebody needs it")
        }
    }
}

import HoldfastWire

// The stream of a session: one chain of positions, from the cursor on. It is either catching up, page by page from the RAM or
// the disk, or live, pushed with each commit; a live push never overtakes the backlog, because only a session that has been sent
// everything that is committed is live (SPEC 4.5).
extension Core {
    // MARK: From the client

    mutating func acknowledge(_ slot: SessionSlot, _ short: ShortPosition, _ attach: AttachNumber) {
        guard let through = acknowledgedPosition(slot, short) else { return }
        var last: InboxEntry?
        while let first = streams.first(of: sessions[slot]), first.entry.position <= through {
            streams.removeFirst(of: sessions[slot])
            last = first.entry
        }
        // A skip needs no acknowledgement of its own (REQ-STREAM-7).
        if last != nil, let first = streams.first(of: sessions[slot]), first.kind == .skip {
            streams.removeFirst(of: sessions[slot])
            last = first.entry
        }
        #if PLANTED_BUGS
            if PlantedBug.cursorTooFar.isActive { last = users[sessions[slot].user].inbox.last }
        #endif
        guard let last else { return }
        moveCursor(slot, to: last)
        streams.closeSettled(&users.sessions[slot])
        sessions[slot].storedAttach = max(sessions[slot].storedAttach, attach)
        pump(slot)
    }

    /// The oldest position with these low bits that was sent and not acknowledged: read from below, so that an acknowledgement from before a step
    /// into a new era isn't taken for one behind it (REQ-STREAM-8).
    private func acknowledgedPosition(_ slot: SessionSlot, _ short: ShortPosition) -> Position? {
        if let position = streams.oldest(short, of: sessions[slot]) { return position }
        // Between two of them: what is below is acknowledged.
        let position = short.expanded(from: sessions[slot].cursor.position)
        return position <= streams[sessions[slot]].sent ? position : nil
    }

    /// The client has everything up to the entry. The record follows with the next batch.
    mutating func moveCursor(_ slot: SessionSlot, to entry: InboxEntry) {
        assert(sessions[slot].receives, "a session that gets nothing has no cursor to move")
        assert(entry.position >= sessions[slot].cursor.position, "a cursor never goes back")
        let user = sessions[slot].user
        users.willChange(user)
        let before = sessions[slot].cursor.position
        sessions[slot].cursor = entry
        if sessions[slot].flags.insert(.cursorUnrecorded).inserted {
            if unrecordedCursors.isEmpty { unrecordedSince = monotonic }
            unrecordedCursors.append(.init(session: slot, recorded: before))
            // Its row must stay until then.
            users.pin(user)
        }
        users.updateAcknowledged(of: user)
    }

    mutating func setCredit(_ slot: SessionSlot, messages: UInt32, bytes: UInt32) {
        streams.setWindow(
            .init(messages: max(1, min(messages, streams.window.messages)), bytes: max(1, min(bytes, streams.window.bytes))),
            of: &users.sessions[slot])
        pump(slot)
    }

    mutating func emitConversation(_ connection: ConnectionHandle, _ number: ConversationNumber, peer name: [UInt8]) {
        let start = outbox[connection.loop].bytes.count
        outbox[connection.loop].bytes.append(contentsOf: name)
        emit(
            .conversation(connection, number, name.isEmpty ? .unknown : .oneToOne, peer: start..<start + name.count), to: connection)
    }

    // MARK: To the client

    /// Sends a session what it can get next: a gap, a page, or nothing more: then it is live.
    mutating func pump(_ slot: SessionSlot) {
        let row = sessions[slot]
        guard row.receives, row.connection != .none, row.flags.contains(.isWelcomed), row.flags.isDisjoint(with: [.isLive, .pageInFlight])
        else { return }
        guard emitGap(slot) else { return }
        let stream = streams[sessions[slot]]
        guard stream.hasCredit(for: 1) else { return }
        let user = users[row.user]
        let sent = stream.sent
        if sent < user.inbox.diskLast, !row.flags.contains(.diskDone) { return requestPage(slot, entries: nil) }
        let entries = users.recentEntries(of: row.user, after: sent, through: committedThrough, limit: pageMessages(stream))
        if entries.isEmpty {
            sessions[slot].flags.insert(.isLive)
            undelivered.remove(user.number)
        } else {
            requestPage(slot, entries: entries)
        }
    }

    private func pageMessages(_ stream: StreamRow) -> Int {
        max(1, min(configuration.pageMessagesMax, Int(stream.window.messages) - Int(stream.unacknowledgedCount)))
    }

    private mutating func requestPage(_ slot: SessionSlot, entries: ContiguousArray<TimelineEntry>?) {
        guard streams.hasRoomForPage else {
            if sessions[slot].flags.insert(.isQueued).inserted { streams.enqueue(slot) }
            return
        }
        let row = sessions[slot]
        assert(!row.flags.contains(.pageInFlight) && row.connection != .none, "a session waits for one page")
        let stream = streams[sessions[slot]]
        let room = max(Int(stream.window.bytes) - Int(stream.unacknowledgedBytes), 1)
        if reads.isEmpty { reads.append(ReadRequests()) }
        reads[reads.count - 1].pages.append(
            PageRequest(
                session: slot, id: row.id, connection: row.connection, user: users[row.user].number, after: stream.sent, entries: entries,
                messagesMax: pageMessages(stream), bytesMax: min(configuration.pageBytesMax, room), age: clock.age))
        sessions[slot].flags.insert(.pageInFlight)
        streams.pageRequested()
    }

    /// Lets those that wait for a page have it.
    mutating func pumpQueue() {
        while let slot = streams.nextInQueue() {
            if sessions[slot].flags.remove(.isQueued) != nil { pump(slot) }
        }
    }

    /// A page has been read.
    /// - Parameter isCurrent: the view was not older than the last checkpoint; else what it doesn't have proves nothing.
    mutating func take(_ page: PageResult, _ results: ReadResults, isCurrent: Bool) {
        streams.pageCame()
        let slot = page.request.session
        let row = sessions[slot]
        guard row.id == page.request.id, row.connection == page.request.connection else { return }
        assert(row.flags.contains(.pageInFlight), "the page is the one that the session waits for")
        sessions[slot].flags.remove(.pageInFlight)
        guard emitGap(slot) else { return }
        var isWhole = true
        if isCurrent || !page.items.isEmpty {
            let loop = row.connection.loop
            let source = page.items.isEmpty ? 0 : outbox[loop].source(of: results)
            for item in page.items where item.entry.position > streams[sessions[slot]].sent {
                if !isCurrent, item.message == nil { break }
                // The record is needed, so nothing has trimmed it: the timeline is damaged. A gap would be acknowledged, and the loss be
                // for ever; so the stream stops here until somebody mends the store.
                if item.isMissing { return close(row.connection, .internalError) }
                guard deliver(item, to: slot, source: source) else {
                    isWhole = false
                    break
                }
            }
            if isCurrent, page.reachedEnd, isWhole { sessions[slot].flags.insert(.diskDone) }
        }
        // What didn't fit waits for an acknowledgement, or it would be read again and again.
        if isWhole { pump(slot) }
    }

    /// - Returns: false when the session has no credit for it.
    private mutating func deliver(_ item: PageItem, to slot: SessionSlot, source: UInt32) -> Bool {
        let row = sessions[slot]
        guard let message = item.message else {
            gap(slot, through: item.entry, count: 1, item.isExpired ? .expired : .damaged)
            return true
        }
        if message.session == row.id {
            skip(slot, through: item.entry)
            return true
        }
        let size = UInt32(message.body.count)
        guard streams[sessions[slot]].hasCredit(for: size) else { return false }
        deliver(
            to: slot, item.entry, conversation: message.conversation, time: message.time, kind: message.kind,
            isOwn: message.session.userNumber == row.id.userNumber, source: source, offset: UInt32(message.body.lowerBound), size: size)
        return true
    }

    mutating func deliver(
        to slot: SessionSlot, _ entry: InboxEntry, conversation: ConversationNumber, time: UInt64, kind: MessageKind, isOwn: Bool,
        source: UInt32,
        offset: UInt32, size: UInt32
    ) {
        let connection = sessions[slot].connection
        assert(entry.position <= committedThrough, "nothing leaves before it is synced")
        assert(sessions[slot].receives && sessions[slot].flags.contains(.isWelcomed), "who gets a message was welcomed")
        let before = streams.append(entry, size: size, kind: .message, to: &users.sessions[slot])
        emit(
            .deliver(
                connection,
                .init(
                    predecessor: before, position: entry.position, conversation: conversation, time: time, kind: kind,
                    isOwn: isOwn, source: source, offset: offset, count: size)), to: connection)
    }

    /// A step of the stream in the place of messages that will not come, to be acknowledged like one.
    private mutating func gap(_ slot: SessionSlot, through entry: InboxEntry, count: UInt32, _ reason: GapReason) {
        assert(count > 0, "a gap of nothing can't be said")
        assert(entry.position <= committedThrough, "a gap is of what is synced")
        let connection = sessions[slot].connection
        let before = streams.append(entry, size: 0, kind: .gap, to: &users.sessions[slot])
        emit(.gap(connection, predecessor: before, through: entry.position, count: count, reason: reason), to: connection)
    }

    /// A step over a send of the session itself. It is acknowledged with what came before it: a client that only sends says nothing,
    /// and its own messages must not fill its inbox.
    mutating func skip(_ slot: SessionSlot, through entry: InboxEntry) {
        let connection = sessions[slot].connection
        emit(.skip(connection, predecessor: streams[sessions[slot]].sent, through: entry.position), to: connection)
        if let last = streams.last(of: sessions[slot]) {
            if last.kind == .skip {
                streams.replaceLast(of: sessions[slot], by: entry)
            } else {
                streams.append(entry, size: 0, kind: .skip, to: &users.sessions[slot])
            }
        } else {
            streams.setSent(entry.position, of: sessions[slot])
            moveCursor(slot, to: entry)
        }
    }

    /// Tells what left the inbox before this session got it.
    /// - Returns: false when the stream must wait until the record that says so is synced.
    private mutating func emitGap(_ slot: SessionSlot) -> Bool {
        let row = sessions[slot]
        guard let floor = users.floor(of: row.user), streams[sessions[slot]].sent < floor.entry.position else { return true }
        if let record = floorRecords[row.user], record > committedThrough {
            batches.pump(slot, withBatchOf: record)
            return false
        }
        let before = streams.last(of: sessions[slot])?.entry ?? row.cursor
        // Counters that a repair or a presented position has left unsure may say none, or less: at least one is missing, or there would be
        // no floor, and a gap of nothing can't be said (SPEC 3.7).
        let missing = Int32(bitPattern: floor.entry.ordinal &- before.ordinal)
        gap(slot, through: floor.entry, count: UInt32(max(1, missing)), floor.reason)
        return true
    }

    /// The floor of an inbox rises: nothing is pushed to its sessions before they have heard of the gap, with this batch.
    mutating func evict(from user: UserSlot, through entry: InboxEntry, _ reason: GapReason) {
        // What was acknowledged is told as delivered, before the rest is told to be gone.
        if users[user].hasTracked { recordCursors(of: user) }
        let (before, after) = (users.kept(of: user), users.kept(of: user, from: users.counted(entry, in: user)))
        let count = before.count &- min(before.count, after.count)
        append(
            .evicted(
                EvictedRecord(
                    user: users[user].number, through: entry, reason: reason, from: users.base(of: user).position, count: count,
                    time: clock.time, tracked: users.tracked(of: user, through: entry.position))))
        totals.lost[reason] &+= UInt64(count)
        var slot = users[user].firstSession
        while slot != .none {
            if sessions[slot].connection != .none, streams[sessions[slot]].sent < entry.position {
                sessions[slot].flags.remove(.isLive)
                pump(slot)
            }
            slot = sessions[slot].next
        }
    }
}

extension EffectBatch {
    /// Puts a page's bytes among the sources, once.
    fileprivate mutating func source(of results: ReadResults) -> UInt32 {
        if let lastPages, lastPages.number == results.number { return lastPages.source }
        sources.append(results.bytes)
        let source = UInt32(sources.count - 1)
        lastPages = (results.number, source)
        return source
    }
}

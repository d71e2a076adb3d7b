import HoldfastWire

// The tables of users and sessions: finding, making and freeing rows.
extension Core {
    func userSlot(_ number: UInt64) -> Slot? { userIndex.find(number, in: users) }

    mutating func makeUser(_ row: UserRow) -> Slot {
        cacheSteps += Self.cacheStepsPerRow
        let slot: Slot
        if let free = freeUsers.popLast() {
            slot = free
            users[Int(slot)] = row
        } else {
            slot = Slot(users.count)
            users.append(row)
        }
        userIndex.insert(slot, in: users)
        return slot
    }

    /// The rows of a user as the disk has them.
    mutating func makeUser(_ image: UserImage) -> Slot {
        let user = makeUser(image.row)
        if let floor = image.floor { setFloor(floor, of: user) }
        for session in image.sessions.reversed() { _ = makeSession(session, of: user) }
        return user
    }

    mutating func makeSession(_ row: SessionRow, of user: Slot) -> Slot {
        var row = row
        row.user = user
        row.next = users[Int(user)].firstSession
        let slot: Slot
        if let free = freeSessions.popLast() {
            slot = free
            sessions[Int(slot)] = row
        } else {
            slot = Slot(sessions.count)
            sessions.append(row)
        }
        users[Int(user)].firstSession = slot
        return slot
    }

    /// Takes a session out of its user's list.
    mutating func removeSession(_ slot: Slot) {
        let user = sessions[Int(slot)].user
        let next = sessions[Int(slot)].next
        if sessions[Int(slot)].flags.contains(.cursorUnrecorded) { users[Int(user)].pins -= 1 }
        if users[Int(user)].firstSession == slot {
            users[Int(user)].firstSession = next
        } else {
            var previous = users[Int(user)].firstSession
            while sessions[Int(previous)].next != slot { previous = sessions[Int(previous)].next }
            sessions[Int(previous)].next = next
        }
        freeSession(slot)
    }

    mutating func freeSession(_ slot: Slot) {
        deliveries.removeAll(of: &sessions[Int(slot)].unacknowledged)
        sessions[Int(slot)] = SessionRow()
        freeSessions.append(slot)
    }

    /// Frees a user's rows; his state must be on disk.
    mutating func dropUser(_ slot: Slot) {
        var session = users[Int(slot)].firstSession
        while session != noSlot {
            let next = sessions[Int(session)].next
            freeSession(session)
            session = next
        }
        pool.removeAll(of: &users[Int(slot)].entries)
        userIndex.remove(slot, in: users)
        if users[Int(slot)].hasFloor { floors[slot] = nil }
        users[Int(slot)] = UserRow()
        freeUsers.append(slot)
    }

    mutating func setFloor(_ floor: InboxFloor, of user: Slot) {
        users[Int(user)].hasFloor = true
        floors[user] = floor
    }

    func floor(of user: Slot) -> InboxFloor? { users[Int(user)].hasFloor ? floors[user] : nil }

    /// Everything up to here is gone from the inbox.
    func base(of user: Slot) -> InboxEntry { users[Int(user)].base(floor(of: user)) }

    func sessionSlot(_ id: SessionID, of user: Slot) -> Slot? {
        var slot = users[Int(user)].firstSession
        while slot != noSlot {
            if sessions[Int(slot)].id == id { return slot }
            slot = sessions[Int(slot)].next
        }
        return nil
    }

    /// The session of a command, if the command's connection still is the newest (SPEC 4.2).
    func sessionSlot(_ origin: Origin) -> Slot? {
        guard let user = userSlot(origin.session.userNumber), let slot = sessionSlot(origin.session, of: user) else { return nil }
        // A handle is never used again; the session's attach may have risen since (REQ-ATTACH-9).
        return sessions[Int(slot)].connection == origin.connection ? slot : nil
    }

    /// Must be called before a change of a user's row or of one of his sessions' that is stored.
    mutating func willChange(user slot: Slot) {
        let epoch = users[Int(slot)].dirtyEpoch
        if epoch == checkpoint.epoch { return }
        if epoch != 0 { saveForCheckpoint(slot) }
        users[Int(slot)].dirtyEpoch = checkpoint.epoch
        checkpoint.dirtyUsers.append(slot)
    }

    /// What all receiving sessions have, and what the floor took, is gone from the inbox.
    mutating func updateAcknowledged(of user: Slot) {
        var lowest: InboxEntry?
        var slot = users[Int(user)].firstSession
        while slot != noSlot {
            let session = sessions[Int(slot)]
            if session.receives, session.cursor.position < (lowest?.position ?? Position(rawValue: .max)) { lowest = session.cursor }
            slot = session.next
        }
        let before = base(of: user)
        if let lowest, users[Int(user)].acknowledged.position < lowest.position { users[Int(user)].acknowledged = lowest }
        dropReleasedEntries(of: user, since: before)
    }

    /// - Parameter before: where the inbox began until now.
    mutating func dropReleasedEntries(of user: Slot, since before: InboxEntry) {
        let base = base(of: user)
        // The others are on disk.
        var released = Int(Int32(bitPattern: base.ordinal &- before.ordinal))
        while let first = pool.first(of: users[Int(user)].entries), first.entry.position <= base.position {
            _ = pool.removeFirst(of: &users[Int(user)].entries)
            released -= 1
        }
        if released > 0 { checkpoint.releasedEntries += released }
    }

    /// The last entry at or before `position`, if the RAM can tell; nil: the timeline on disk must be asked.
    func entry(of user: Slot, atOrBefore position: Position) -> InboxEntry? {
        let row = users[Int(user)]
        let floor = floor(of: user)
        if position >= row.last.position { return row.last }
        if position <= row.acknowledged.position { return row.acknowledged }
        if let floor, position == floor.entry.position { return floor.entry }
        let base = row.base(floor)
        guard position > base.position else { return nil }
        guard position >= row.diskLast else { return nil }
        var before: InboxEntry?
        var slot = row.entries.head
        while slot != noSlot {
            let node = pool[slot]
            if node.entry.position > position {
                return before
                    ?? InboxEntry(
                        position: max(base.position, row.diskLast), ordinal: node.entry.ordinal &- 1,
                        cumulativeBytes: node.entry.cumulativeBytes &- node.size)
            }
            before = node.entry
            slot = pool.next(after: slot)
        }
        return before ?? row.last
    }
}

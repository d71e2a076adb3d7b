import HoldfastWire

// The feed: what records say to those who follow it, behind a place of their own. It is a view of the journal, read like a page of a stream.
extension Core {
    /// A page of events, which a reader looks for in what is synced.
    mutating func askEvents(_ id: ReplyID, _ question: FeedQuestion, _ bytes: [UInt8], _ resolution: Resolution) {
        guard question.after.position <= committedThrough else { return reply(id, .placeAhead(newest: .end(of: committedThrough))) }
        let filter = FeedFilter(types: question.types, user: [UInt8](bytes[question.user]), tag: [UInt8](bytes[question.tag]))
        #if PLANTED_BUGS
            let through = PlantedBug.feedPassesUnsynced.isActive ? lastPosition : committedThrough
        #else
            let through = committedThrough
        #endif
        query(
            id,
            .events(
                FeedScan(
                    after: question.after, filter: filter, user: resolution.user, consumer: [UInt8](bytes[question.consumer]),
                    limit: Int(question.limit), wantsBodies: question.wantsBodies)),
            through: through)
    }

    /// - Parameter isCurrent: the view had what the last checkpoint wrote: names that it lacks are in RAM, or lost.
    /// - Returns: the page as it is to be told; nil: it has to be read again.
    func completed(_ page: FeedPage, of scan: FeedScan, isCurrent: Bool) -> FeedPage? {
        var page = page
        if page.rewoundTo != nil { return page }
        for index in page.events.indices {
            guard addNames(to: &page.events[index]) || isCurrent else { return nil }
        }
        #if PLANTED_BUGS
            if PlantedBug.missedNotTold.isActive { return page }
        #endif
        // Records may have gone since the view, but none that it lacked comes back.
        let gone = FeedPlace.end(of: wholeAfter)
        guard scan.after < gone else { return page }
        let consumer = scan.consumer.isEmpty ? nil : holds[HoldName(.consumer, scan.consumer)]?.consumer
        page.missed = .init(after: scan.after, through: gone, cause: consumer?.missed?.cause)
        page.events.removeAll { $0.place <= gone }
        page.next = max(page.next, gone)
        return page
    }

    /// Adds names that the store lacks.
    /// - Returns: whether the event has all of its names.
    private func addNames(to event: inout FeedEvent) -> Bool {
        var isWhole = addName(to: &event.subject)
        if var message = event.message, message.sender.name.isEmpty {
            isWhole = addName(to: &message.sender) && isWhole
            event.message = message
        }
        if var session = event.session, session.device.isEmpty {
            guard let device = names.newDevice(of: session.id) else { return false }
            session.device = device
            event.session = session
        }
        return isWhole
    }

    private func addName(to user: inout FeedEvent.User) -> Bool {
        guard user.name.isEmpty, user.number != 0 else { return true }
        guard let name = userName(user.number) else { return false }
        user.name = name
        return true
    }

    mutating func askConsumers(_ id: ReplyID) {
        let consumers = holds.names.compactMap { name -> ConsumerStatus? in
            guard name.kind == .consumer, let hold = holds[name], let consumer = hold.consumer else { return nil }
            return ConsumerStatus(name: name.id, hold: hold, consumer: consumer)
        }
        answer(id, .consumers(consumers, at: lastPosition), until: lastPosition)
    }

    // MARK: Inboxes that consumers read

    /// The consumer has everything up to a position, as a device of the user's: its session begins with the first call.
    mutating func consume(_ id: ReplyID, through position: Position, _ names: CommandNames, _ resolution: Resolution) {
        if resolution.hasLostUser { return reply(id, .userLost) }
        let user = resolution.user.flatMap { users.find($0) }
        if let user {
            users[user].isRecent = true
            endExpiredSessions(of: user)
        }
        let known = user.flatMap { user in resolution.device.flatMap { users.session($0, of: user) } }
        if let known, !sessions[known].flags.contains(.hasEnded) {
            let through = min(position, committedThrough)
            // Only to a message: a step over none would be told as a delivery, which the consumer would hear of and acknowledge.
            let entry = users.entry(of: sessions[known].user, atOrBefore: through) ?? resolution.presented ?? .none
            if sessions[known].receives, sessions[known].connection == .none, entry.position > sessions[known].cursor.position {
                moveCursor(known, to: entry)
                recordCursors(of: sessions[known].user)
            }
            noteSeen(known)
        } else {
            let isRegistered = holds[FeedConsumer.holdName(ofDevice: names.device.bytes)]?.consumer?.users.contains(names.user.bytes)
            guard isRegistered == true else { return reply(id, .noConsumer) }
            if let user, isFullOfDevices(user) { return reply(id, .tooManyDevices) }
            _ = beginSession(
                user: user, name: names.user.bytes, device: names.device.bytes, nil, isSendOnly: false, isService: true,
                follows: known.map { sessions[$0].id.serial } ?? 0, deviceHasSent: known.map { sessions[$0].hasDeviceSent } ?? false,
                AttachNumber(rawValue: 1))
        }
        answer(id, .consumed(at: lastPosition), until: lastPosition)
    }
}

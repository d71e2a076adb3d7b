import HoldfastWire

// Questions that come through ports. What RAM says is synced before it is told; what only the disk has is added by a reader (`QueryJob`).
extension Core {
    mutating func ask(_ id: ReplyID, _ question: Question, _ bytes: [UInt8], _ resolution: Resolution) {
        if resolution.hasLostUser { return reply(id, .userLost) }
        switch question {
        case .sessions:
            let found = findAsked(resolution).map { sessions(of: $0) }
            answer(id, .sessions(found, at: lastPosition), until: lastPosition)
        case .inbox:
            let found = findAsked(resolution).map { inbox(of: $0) }
            answer(id, .inbox(found, at: lastPosition), until: lastPosition)
        case .user:
            guard let user = findAsked(resolution) else { return answer(id, .user(nil, at: lastPosition), until: lastPosition) }
            query(id, .user(number: users[user].number, details(of: user), base: users.base(of: user).position))
        case .users(let after, let prefix, let limit):
            precondition(limit > 0, "a port checks how long a page may be")
            askUsers(id, after: after, prefix: [UInt8](bytes[prefix]), limit: limit)
        case .audit(let after, let limit): askAudit(id, after: after, limit: limit)
        case .message(let position):
            // Nobody has been told of a position that isn't synced.
            guard position <= committedThrough else { return answer(id, .message(nil, at: lastPosition), until: lastPosition) }
            query(id, .message(position))
        case .request:
            let kept = resolution.request?.row.map {
                KeptRequest(
                    position: $0.position, lines: $0.lines, fingerprint: $0.fingerprint, keyKeptUntil: wallTime(ofAge: $0.until))
            }
            answer(id, .request(kept, at: lastPosition), until: lastPosition)
        case .reachability:
            var found: [Reachability] = []
            for target in resolution.targets { found.append(reachability(target)) }
            answer(id, .reachability(found, at: lastPosition), until: lastPosition)
        case .connections(let user, let from, let limit):
            precondition(limit > 0, "a port checks how long a page may be")
            if user != nil {
                let found = resolution.user.flatMap { users.find($0) }
                return query(id, .connections(found.map { connections(of: $0) } ?? .init(connections: [], next: nil)))
            }
            query(id, .connections(connections(from: from, limit: limit)))
        case .events(let question): askEvents(id, question, bytes, resolution)
        case .consumers: askConsumers(id)
        }
    }

    /// What a reader is to look for next; to be called until there is nothing.
    mutating func takeQuery() -> QueryJob? { queries.popFirst() }

    /// - Parameter position: what the answer holds for; nil: for everything so far.
    mutating func query(_ id: ReplyID, _ query: QueryJob.Query, through position: Position? = nil) {
        queries.append(QueryJob(reply: id, query: query, through: position ?? lastPosition, checkpoint: checkpoint.written))
    }

    mutating func answered(_ result: QueryResult) {
        let job = result.job
        assert(job.through < nextPosition, "an answer holds for a position that there is")
        switch (job.query, result.found) {
        case (.message(let position), let found):
            // Rows that aren't in RAM now are taken from the view, so that must have all that was let go of.
            guard result.checkpoint >= checkpoint.written else { return query(job.reply, .message(position)) }
            var status: MessageStatus?
            if case .message(let message, let sender, let people) = found {
                status = self.status(of: message, at: position, sender, people)
            }
            answer(job.reply, .message(status, at: lastPosition), until: lastPosition)
        case (.users(let scan), .users(let page)):
            guard result.checkpoint >= job.checkpoint else {
                return askUsers(job.reply, after: scan.after, prefix: scan.prefix, limit: scan.limit)
            }
            answer(job.reply, .users(page, at: job.through), until: job.through)
        case (.user(let number, _, _), .user(var details, let oldest)):
            guard result.checkpoint >= job.checkpoint else {
                // Copied anew, if the row is still there; else the view has all of it.
                guard let user = users.find(number) else { return queries.append(job) }
                return query(job.reply, .user(number: number, self.details(of: user), base: users.base(of: user).position))
            }
            if let oldest {
                details.oldest?.time = oldest.time
                details.oldest?.expires = expiry(of: oldest)
            }
            answer(job.reply, .user(details, at: job.through), until: job.through)
        case (.connections, .connections(let page)): answer(job.reply, .connections(page, at: job.through), until: job.through)
        case (.audit(let scan), .audit(let page)):
            guard result.checkpoint >= job.checkpoint else { return askAudit(job.reply, after: scan.after, limit: scan.limit) }
            answer(job.reply, .audit(page, at: job.through), until: job.through)
        case (.events(let scan), .events(let page)):
            guard let page = completed(page, of: scan, isCurrent: result.checkpoint >= checkpoint.written) else {
                return query(job.reply, .events(scan), through: job.through)
            }
            // What a hold has given up is told when the record is synced that says so.
            answer(job.reply, .events(page, at: job.through), until: page.missed == nil ? job.through : lastPosition)
        default: preconditionFailure("a reader answers what it was asked")
        }
    }

    /// Whom a question names. His cursors have records from here on: what is answered is still so after a crash.
    private mutating func findAsked(_ resolution: Resolution) -> UserSlot? {
        guard let user = resolution.user.flatMap({ users.find($0) }) else { return nil }
        #if PLANTED_BUGS
            if PlantedBug.cursorsAskedUnsynced.isActive { return user }
        #endif
        recordCursors(of: user)
        return user
    }

    // MARK: A user

    private func inbox(of user: UserSlot) -> UserInbox {
        let kept = users.kept(of: user)
        return UserInbox(number: users[user].number, messages: Int(kept.count), bytes: Int(kept.bytes))
    }

    private func sessions(of user: UserSlot) -> UserSessions {
        var found = UserSessions(number: users[user].number, sessions: [])
        users.eachSession(of: user) { row in
            found.sessions.append(
                .init(
                    id: row.id, isConnected: row.connection != .none, isSendOnly: row.flags.contains(.isSendOnly),
                    hasEnded: row.flags.contains(.hasEnded), lastSequence: row.lastSequence, cursor: row.cursor.position))
        }
        return found
    }

    private func details(of user: UserSlot) -> UserDetails {
        var details = UserDetails(inbox: inbox(of: user), access: users.access(of: user), sessions: [], oldest: nil)
        users.eachSession(of: user) { row in
            let isConnected = row.connection != .none
            details.sessions.append(
                .init(
                    id: row.id, device: names.newDevice(of: row.id) ?? [], connection: row.connection,
                    isSendOnly: row.flags.contains(.isSendOnly), isService: row.flags.contains(.isService),
                    hasEnded: row.flags.contains(.hasEnded), hasExpired: row.flags.contains(.hasExpired),
                    isRevoked: row.flags.contains(.isRevoked), lastSequence: row.lastSequence, cursor: row.cursor.position,
                    lastSeen: row.flags.contains(.hasEnded) ? nil : isConnected ? clock.time : wallTime(ofAge: row.seen)))
        }
        let base = users.base(of: user).position
        if details.inbox.messages > 0,
            let first = users.recentEntries(of: user, after: base, through: lastPosition, limit: 1).first
        {
            details.oldest = .init(position: first.position)
        }
        return details
    }

    /// When a message leaves the inboxes that nobody has taken it from.
    private func expiry(of message: MessageRecord) -> UInt64? {
        let days = configuration.inboxDays * 86_400
        let seconds = [days, message.timeToLive].filter { $0 > 0 }.min()
        return seconds.map { wallTime(ofAge: message.age &+ $0) }
    }

    private mutating func reachability(_ target: Resolution.Target) -> Reachability {
        guard let user = target.user else {
            return Reachability(isKnown: target.number != nil, connections: 0, devices: 0, waitingMessages: 0)
        }
        recordCursors(of: user)
        return Reachability(
            isKnown: true, connections: Int(users[user].receivingConnections), devices: users.countSessions(of: user) { $0.receives },
            waitingMessages: Int(users.kept(of: user).count))
    }

    // MARK: Users

    /// Begins the search for a page of users, with those whom the store lacks.
    private mutating func askUsers(_ id: ReplyID, after: UInt64, prefix: [UInt8], limit: Int) {
        userScans.append((id, UserScan(after: after, prefix: prefix, limit: limit, from: checkpoint.nextUserWritten)))
        scanUsers(steps: configuration.turnSteps)
    }

    /// A slice of the search for users whom the store lacks.
    mutating func scanUsers(steps: Int) {
        var left = steps
        while left > 0, !userScans.isEmpty {
            while left > 0, userScans[0].scan.number < names.nextUser, userScans[0].scan.recent.count <= userScans[0].scan.limit {
                let number = userScans[0].scan.number
                // A checkpoint that was written meanwhile may have let go of it: then the store has it.
                if let name = userName(number), name.starts(with: userScans[0].scan.prefix) {
                    userScans[0].scan.recent.append(.init(number: number, name: name))
                }
                userScans[0].scan.number += 1
                left -= 1
            }
            let (id, scan) = userScans[0]
            guard scan.number >= names.nextUser || scan.recent.count > scan.limit else { return }
            userScans.removeFirst()
            left -= 1
            query(id, .users(scan))
        }
    }

    // MARK: Messages

    private mutating func status(
        of message: MessageRecord, at position: Position, _ sender: QueryResult.Person, _ people: [QueryResult.Person]
    ) -> MessageStatus {
        var status = MessageStatus(
            position: position, time: message.time, kind: message.kind, sender: userName(message.sender) ?? sender.name, tag: message.tag,
            isTracked: message.isTracked,
            expires: message.timeToLive == 0 ? nil : wallTime(ofAge: message.age &+ message.timeToLive),
            isExpired: message.isExpired(at: clock.age), recipients: [])
        for (recipient, person) in zip(message.recipients, people) {
            let name = recipient.newName ?? userName(recipient.user) ?? person.name
            if let refusal = recipient.refusal {
                status.recipients.append(.init(name: name, state: .refused(refusal), devices: []))
                continue
            }
            let image: UserImage
            if let user = users.find(recipient.user) {
                recordCursors(of: user)
                image = users.image(of: user)
            } else {
                image = person.image ?? UserImage(row: UserRow(number: recipient.user), sessions: [])
            }
            status.recipients.append(self.recipient(name, image, person.devices, position))
        }
        return status
    }

    private func recipient(
        _ name: [UInt8], _ image: UserImage, _ devices: [SessionID: [UInt8]], _ position: Position
    ) -> MessageStatus.Recipient {
        var recipient = MessageStatus.Recipient(name: name, state: .waiting, devices: [])
        for row in image.sessions where row.receives {
            recipient.devices.append(
                .init(
                    session: row.id, device: names.newDevice(of: row.id) ?? devices[row.id] ?? [],
                    hasAcknowledged: row.cursor.position >= position))
        }
        if let floor = image.floor, floor.entry.position >= position, image.row.acknowledged.position < position {
            recipient.state = .gone(floor.reason)
        } else if recipient.devices.contains(where: \.hasAcknowledged) || image.row.acknowledged.position >= position {
            recipient.state = .delivered
        }
        return recipient
    }

    // MARK: Connections

    private func connections(of user: UserSlot) -> ConnectionPage {
        var page = ConnectionPage(connections: [], next: nil)
        users.eachSession(of: user) { row in
            if row.connection != .none { page.connections.append(connection(row)) }
        }
        return page
    }

    /// - Parameter from: the place in the table of sessions where the page begins.
    private func connections(from: Int, limit: Int) -> ConnectionPage {
        var page = ConnectionPage(connections: [], next: nil)
        // Bounded whatever the table is: a page may be short.
        let end = min(sessions.end, max(from, 0) + Self.connectionRowsMax)
        var index = max(from, 0)
        while index < end, page.connections.count < limit {
            let row = sessions[SessionSlot(rawValue: UInt32(index))]
            if row.connection != .none { page.connections.append(connection(row)) }
            index += 1
        }
        if index < sessions.end { page.next = index }
        return page
    }

    /// As many places of the table one page looks at.
    private static let connectionRowsMax = 8_192

    private func connection(_ row: SessionRow) -> ConnectionPage.Connection {
        .init(
            handle: row.connection, session: row.id, user: userName(row.id.userNumber) ?? [], device: names.newDevice(of: row.id) ?? [],
            isSendOnly: row.flags.contains(.isSendOnly), isService: row.flags.contains(.isService), isLive: row.flags.contains(.isLive),
            unacknowledgedMessages: Int(streams[row].unacknowledgedCount))
    }
}

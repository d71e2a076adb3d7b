import HoldfastWire

// What comes through ports: messages of accounts, and questions.
extension Core {
    // MARK: Pushes

    /// A message of an account's to the users whom it names: one record with what became of each.
    mutating func push(_ push: PushCommand, _ bytes: [UInt8], _ commandNames: CommandNames, _ resolution: Resolution) {
        assert(resolution.targets.count == commandNames.recipients.count, "a push runs when all of its recipients were looked for")
        if let refusal = refusal(of: push, commandNames, resolution) { return reply(push.reply, .refused(refusal)) }
        var refusals: [RefusalCode?] = []
        for target in resolution.targets { refusals.append(makeRoom(target, mustExist: push.mustExist)) }
        // After that room was made: numbers are given out by the record, one after the other.
        let sender = resolution.user ?? names.nextUser
        var nextUser = resolution.user == nil ? sender + 1 : names.nextUser
        var nextConversation = names.nextConversation
        var recipients: [MessageRecord.Recipient] = []
        for (index, target) in resolution.targets.enumerated() {
            let name = commandNames.recipients[index]
            let isSender = name.bytes == commandNames.user.bytes
            var recipient = MessageRecord.Recipient(
                user: isSender ? sender : target.number ?? 0, conversation: ConversationNumber(rawValue: 0))
            recipient.refusal = refusals[index]
            if recipient.refusal == nil {
                if recipient.user == 0 {
                    recipient.user = nextUser
                    recipient.newName = name.bytes
                    nextUser += 1
                }
                recipient.beginsConversation = target.conversation == nil
                recipient.conversation = ConversationNumber(rawValue: target.conversation ?? nextConversation)
                if target.conversation == nil { nextConversation += 1 }
            }
            recipients.append(recipient)
        }
        let message = MessageRecord(
            session: SessionID(user: sender, serial: 0), attach: .none, sequence: .none, key: push.key, recipients: .init(recipients),
            time: clock.time, age: clock.age, kind: push.kind, echoes: false,
            newSender: resolution.user == nil ? commandNames.user.bytes : [], tag: [UInt8](bytes[push.tag]), body: 0..<0)
        assert(message.recipients.count == push.recipientCount, "each recipient has an outcome")
        let position = append(message, body: bytes[push.body], KnownUsers())
        assert(names.nextUser == nextUser && names.nextConversation == nextConversation, "the record gives out the numbers that it has")
        #if PLANTED_BUGS
            if PlantedBug.answerBeforeSync.isActive { return reply(push.reply, .pushed(position, refusals)) }
        #endif
        answer(push.reply, .pushed(position, refusals), until: position)
    }

    /// Why nothing of a push may be stored.
    private func refusal(of push: PushCommand, _ commandNames: CommandNames, _ resolution: Resolution) -> RefusalCode? {
        if resolution.hasLostUser { return .invalidRecipient }
        if push.body.count > configuration.bodyBytesMax { return .bodyTooLarge }
        if isSpaceLow { return .storageFull }
        // A position is in an inbox once.
        return Set(commandNames.recipients).count == commandNames.recipients.count ? nil : .invalidRecipient
    }

    /// - Returns: why the message can't get into the inbox.
    private mutating func makeRoom(_ target: Resolution.Target, mustExist: Bool) -> RefusalCode? {
        if target.isLost { return .invalidRecipient }
        guard let user = target.user else { return target.number == nil && mustExist ? .invalidRecipient : nil }
        users[user].isRecent = true
        return makeRoom(target.room, in: user) ? nil : .inboxFull
    }

    // MARK: Questions

    mutating func ask(_ id: ReplyID, _ question: Question, _ resolution: Resolution) {
        if resolution.hasLostUser { return reply(id, .userLost) }
        switch question {
        case .sessions:
            let found = findAsked(resolution).map { sessions(of: $0) }
            answer(id, .sessions(found, at: lastPosition), until: lastPosition)
        case .inbox:
            let found = findAsked(resolution).map { inbox(of: $0) }
            answer(id, .inbox(found, at: lastPosition), until: lastPosition)
        case .users(let after, let limit): askUsers(id, after: after, limit: limit)
        case .audit(let after, let limit): askAudit(id, after: after, limit: limit)
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

    /// A page of users: those that the store lacks are copied now, a reader adds the others.
    private mutating func askUsers(_ id: ReplyID, after: UInt64, limit: Int) {
        precondition(limit > 0, "a port checks how long a page may be")
        // Numbers are given out one after the other: the store has all those below, and RAM all from there on.
        let firstRecent = max(after + 1, checkpoint.nextUserWritten)
        var recent: [UserPage.User] = []
        var number = firstRecent
        while number < names.nextUser, recent.count <= limit {
            if let name = userName(number) { recent.append(.init(number: number, name: name)) }
            number += 1
        }
        query(id, .users(after: after, limit: limit, recent: recent))
    }

    mutating func query(_ id: ReplyID, _ query: QueryJob.Query) {
        queries.append(QueryJob(reply: id, query: query, through: lastPosition, writtenThrough: checkpoint.writtenThrough))
    }

    /// What a reader is to look for next; to be called until there is nothing.
    mutating func takeQuery() -> QueryJob? { queries.popFirst() }

    mutating func answered(_ result: QueryResult) {
        let job = result.job
        assert(job.through < nextPosition, "an answer holds for a position that there is")
        let isCurrent = result.appliedThrough >= job.writtenThrough
        switch (job.query, result.found) {
        case (.users(let after, let limit, _), .users(let page)):
            guard isCurrent else { return askUsers(job.reply, after: after, limit: limit) }
            answer(job.reply, .users(page, at: job.through), until: job.through)
        case (.audit(let scan), .audit(let page)):
            guard isCurrent else { return askAudit(job.reply, after: scan.after, limit: scan.limit) }
            answer(job.reply, .audit(page, at: job.through), until: job.through)
        default: preconditionFailure("a reader answers what it was asked")
        }
    }

    /// An answer leaves when everything that it holds for is synced.
    mutating func answer(_ id: ReplyID, _ answer: PortAnswer, until position: Position) {
        hold(.reply(Reply(id: id, answer: answer)), until: position)
    }

    mutating func reply(_ id: ReplyID, _ answer: PortAnswer) { outbox.reply(id, answer) }
}

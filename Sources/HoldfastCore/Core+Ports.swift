import HoldfastWire

// What comes through ports: messages of accounts. Questions are in `Core+Questions`.
extension Core {
    /// A message of an account's to the users whom it names: one record with what became of each. A request that was stored before is answered as
    /// it was then.
    mutating func push(_ push: PushCommand, _ bytes: [UInt8], _ commandNames: CommandNames, _ resolution: Resolution) {
        assert(resolution.targets.count == commandNames.recipients.count, "a push runs when all of its recipients were looked for")
        guard let request = resolution.request else { preconditionFailure("a push runs when its key was looked for") }
        if let row = request.row, push.line == 0 || row.lines == 0 { return replay(push, row) }
        if let refusal = refusal(of: push, request, commandNames, resolution) {
            totals.pushes.count(PushOutcome(refusal))
            return reply(push.reply, .refused(refusal))
        }
        var refusals: [RefusalCode?] = []
        for target in resolution.targets { refusals.append(makeRoom(target, push)) }
        for case let refusal? in refusals { totals.refusedToBackends.count(refusal) }
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
        let until = max(keepKeyUntil(), request.row?.until ?? 0)
        let message = MessageRecord(
            session: SessionID(user: sender, serial: 0), attach: .none, sequence: .none, key: push.key, recipients: .init(recipients),
            time: clock.time, age: clock.age, kind: push.kind, echoes: false,
            newSender: resolution.user == nil ? commandNames.user.bytes : [], timeToLive: push.timeToLive, tag: [UInt8](bytes[push.tag]),
            isTracked: push.isTracked,
            request: RequestNote(until: until, fingerprint: push.fingerprint, line: push.line, place: request.place), body: 0..<0)
        assert(message.recipients.count == push.recipientCount, "each recipient has an outcome")
        let position = append(message, body: bytes[push.body], KnownUsers())
        totals.pushes.count(.stored)
        assert(names.nextUser == nextUser && names.nextConversation == nextConversation, "the record gives out the numbers that it has")
        let pushed = Pushed(position: position, refusals: refusals, keyKeptUntil: wallTime(ofAge: until))
        #if PLANTED_BUGS
            if PlantedBug.answerBeforeSync.isActive { return reply(push.reply, .pushed(pushed)) }
        #endif
        answer(push.reply, .pushed(pushed), until: position)
    }

    /// The key is known: the request is the same, and is answered by what became of it, or it is another one.
    private mutating func replay(_ push: PushCommand, _ row: LedgerRow) {
        // The fingerprint covers the recipients, too.
        guard row.fingerprint == push.fingerprint, row.lines == 0, push.line == 0 else {
            totals.pushes.count(.keyReused)
            return reply(push.reply, .refused(.keyReused))
        }
        totals.pushes.count(.replayed)
        var refusals = [RefusalCode?](repeating: nil, count: push.recipientCount)
        for refusal in row.refusals where Int(refusal.index) < refusals.count { refusals[Int(refusal.index)] = refusal.code }
        assert(row.position < nextPosition, "what is in the ledger is in the journal")
        answer(
            push.reply,
            .pushed(Pushed(position: row.position, refusals: refusals, isReplay: true, keyKeptUntil: wallTime(ofAge: row.until))),
            until: row.position)
    }

    /// Why nothing of a push may be stored.
    private func refusal(
        of push: PushCommand, _ request: RequestPlace, _ commandNames: CommandNames, _ resolution: Resolution
    ) -> PushRefusal? {
        if push.line > 0 {
            let next = (request.row?.lines ?? 0) + 1
            if push.line != next { return .lineExpected(next) }
        }
        if resolution.hasLostUser { return .accountLost }
        if let account = resolution.user.flatMap({ users.find($0) }), self.refusal(of: account) != nil { return .blocked }
        if push.body.count > configuration.bodyBytesMax { return .bodyTooLarge(bytesMax: configuration.bodyBytesMax) }
        // A position is in an inbox once.
        if Set(commandNames.recipients).count != commandNames.recipients.count { return .recipientTwice }
        if isSpaceLow { return .storageFull }
        // A row that is replaced takes no more room.
        return request.place != .replaces && isLedgerFull ? .keysFull : nil
    }

    /// - Returns: why the message can't get into the inbox.
    private mutating func makeRoom(_ target: Resolution.Target, _ push: PushCommand) -> RefusalCode? {
        if target.isLost { return .invalidRecipient }
        guard let user = target.user else { return target.number == nil && push.mustExist ? .invalidRecipient : nil }
        users[user].isRecent = true
        if push.isTracked, users.tracked(of: user).count >= TrackedMessages.countMax { return .inboxFull }
        return makeRoom(target.room, in: user) ? nil : .inboxFull
    }

    /// An answer leaves when everything that it holds for is synced.
    mutating func answer(_ id: ReplyID, _ answer: PortAnswer, until position: Position) {
        hold(.reply(Reply(id: id, answer: answer)), until: position)
    }

    mutating func reply(_ id: ReplyID, _ answer: PortAnswer) { outbox.reply(id, answer) }
}

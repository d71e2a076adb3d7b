import HoldfastClient
import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

// The account when everything is healed and drained.
extension Oracle {
    func checkEnd(_ gateway: SimulatedGateway) {
        checkStorage(gateway.storage)
        checkPhones()
        // Whoever was new by a record that could not be read has lost his name by a repair, and what was kept for him under it.
        if !hasNamelessUser(gateway) { for number in texts.indices { check(text: number) } }
        checkInboxes(gateway)
        if !gateway.consumer.isAtEnd { world.fail("the consumer of the feed can't read to the end") }
    }

    private func hasNamelessUser(_ gateway: SimulatedGateway) -> Bool {
        guard mayHoldBack, let run = gateway.run else { return false }
        var isThere = false
        try? gateway.storage.read { (snapshot) throws(StorageError) in
            try run.core.inspectUsers(from: snapshot) { user in
                isThere = String(decoding: user.name, as: UTF8.self).hasPrefix("lost-user-")
                return !isThere
            }
        }
        return isThere
    }

    /// A repair that loses the record of a session's end leaves that session: it holds its user's inbox, and perhaps senders, until it expires.
    private var mayHoldBack: Bool { world.coverage.has(.gatewayRepaired) }

    private func checkPhones() {
        for phone in phones {
            guard let process = phone.process else {
                fail(phone, "has no app at the end")
                continue
            }
            let (line, waiting) = process.machine.outboxCounts
            if process.machine.phase != .open, !phone.profile.isTwin { fail(phone, "isn't connected at the end: \(process.machine.phase)") }
            if line + waiting > 0, !mayHoldBack { fail(phone, "has \(line) and \(waiting) messages in its outbox at the end") }
        }
    }

    private func check(text number: Int) {
        let text = texts[number]
        if text.position == nil, text.lostPositions.isEmpty, text.fate == .open, !text.isWithdrawing, !mayHoldBack {
            // Nobody keeps what a backend had no answer to.
            guard let sender = text.sender else { return }
            world.fail("text \(number) of \(phones[sender].name) is neither stored nor in the outbox, and its app was told nothing")
        }
        if text.isLostByDamage { return checkRecipientWasTold(number) }
        if text.fate == .stored, text.position == nil { checkSenderWasTold(number) }
        guard let copy = text.stored else { return }
        let position = copy.position
        checkUser(number, text, copy)
        for phone in phones where !phone.profile.isSendOnly && !phone.profile.isTwin && phone.number != text.sender {
            guard text.isFor(phone.profile.user, by: copy), let since = records[phone.number].sessionSince,
                since < text.givenAt, !has(phone, number, position)
            else { continue }
            fail(phone, "text \(number) at \(position.rawValue), called \(text.fate), was never shown: neither message nor gap")
        }
    }

    /// A repair took the message out: whoever hasn't seen it has a gap there. (Who was to begin with it may not be known any more.)
    private func checkRecipientWasTold(_ number: Int) {
        let text = texts[number]
        guard let copy = text.copies.last(where: \.isLost) else { return }
        let position = copy.position
        for phone in phones
        where text.recipients(of: copy).contains(phone.profile.user) && !phone.profile.isSendOnly && !phone.profile.isTwin {
            let record = records[phone.number]
            guard let since = record.sessionSince, since < text.givenAt, text.to != [text.from], !has(phone, number, position) else {
                continue
            }
            if !record.gaps.contains(where: { $0.reason == .damaged && $0.through >= position }) {
                fail(phone, "text \(number) at \(position.rawValue) was lost by damage, and its recipient was never told")
            }
        }
    }

    /// A restore took the message away: its sender has to know.
    private func checkSenderWasTold(_ number: Int) {
        // A backend that was answered hears of a restore by nothing yet.
        guard let index = texts[number].sender else { return }
        let sender = phones[index]
        let record = records[sender.number]
        guard let restoredAt else { return world.fail("text \(number) is gone from the disk") }
        // Who has ended the session since, or lost its state, has nobody left to be told.
        let isForgotten = record.excusedAt.map { $0 >= texts[number].givenAt } ?? false
        if record.toldAt ?? 0 < restoredAt, !isForgotten {
            fail(sender, "text \(number) was acknowledged and lost by a restore, and the sender was never told")
        }
    }

    /// Somebody of the user's has seen it, or was told that it won't come.
    private func checkUser(_ number: Int, _ text: SentText, _ copy: StoredCopy) {
        // A message to oneself isn't shown where it was written, and the other devices are looked at below (REQ-CONV-6).
        for user in text.recipients(of: copy) where user != text.from {
            let devices = phones.filter { $0.profile.user == user && !$0.profile.isSendOnly }
            guard !devices.contains(where: { has($0, number, copy.position) }) else { continue }
            if user == world.profile.users[0], copy.position <= consumedThrough { continue }
            world.fail(
                "text \(number) from \(text.from) to \(user) at \(copy.position.rawValue), called \(text.fate), was never shown to anybody")
        }
    }

    private func has(_ phone: SimulatedPhone, _ number: Int, _ position: Position) -> Bool {
        let record = records[phone.number]
        return record.shown[number] != nil || record.gaps.contains { $0.after < position && position <= $0.through }
    }

    /// `verify` finds nothing in what is left, unless something was damaged.
    private func checkStorage(_ storage: MemoryStorage) {
        guard !hasDamage else { return }
        do throws(StorageError) {
            if let finding = try Verification.run(on: storage).findings.first { world.fail("verification finds: \(finding)") }
        } catch {
            world.fail("verification can't read: \(error)")
        }
    }

    private func checkInboxes(_ gateway: SimulatedGateway) {
        guard let run = gateway.run else { return world.fail("the gateway isn't up at the end") }
        if !run.backend.isAnswered { world.fail("requests of the port have no answer at the end") }
        let counts = run.core.counts
        if counts.deliveries != 0 || counts.waitingCommands != 0 || counts.pagesInFlight != 0 {
            world.fail("the core isn't empty at the end: \(counts)")
        }
        var kept: [String] = []
        try? gateway.storage.read { (snapshot) throws(StorageError) in
            try run.core.inspectUsers(from: snapshot) { user in
                let name = String(decoding: user.name, as: UTF8.self)
                if user.inboxMessages > world.profile.core.inboxMessagesMax || user.inboxBytes > world.profile.core.inboxBytesMax {
                    world.fail("the inbox of \(name) is above its limit: \(user.inboxMessages) messages, \(user.inboxBytes) bytes")
                }
                if user.inboxMessages > 0, user.sessions.contains(where: { !$0.hasEnded && !$0.isSendOnly }) {
                    let cursors = user.sessions.filter { !$0.hasEnded }.map { "\($0.cursor.rawValue)" }.joined(separator: ", ")
                    kept.append("\(name) \(user.inboxMessages), the last at \(user.lastPosition.rawValue), cursors \(cursors)")
                }
                return true
            }
        }
        if !kept.isEmpty, !mayHoldBack { world.fail("inboxes hold what everybody has acknowledged: \(kept.joined(separator: ", "))") }
    }
}

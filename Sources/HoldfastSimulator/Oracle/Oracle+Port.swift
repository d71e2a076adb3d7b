import HoldfastCore
import HoldfastWire

// What a backend and an operator were told by the gateway's port.
extension Oracle {
    /// A new text, about to be pushed.
    func makePush(to users: [String], size: Int, mustExist: Bool, timeToLive: UInt32) -> Int {
        var text = SentText(sender: nil, from: SimulatedBackend.user, to: users, givenAt: world.time, size: size)
        text.mustExist = mustExist
        text.timeToLive = timeToLive
        texts.append(text)
        return texts.count - 1
    }

    func pushed(_ number: Int, _ pushed: Pushed) {
        let position = pushed.position
        world.note("text \(number) is pushed at \(position.rawValue), \(pushed.refusals.count { $0 != nil }) refused")
        world.coverage.count("pushed")
        if pushed.refusals.contains(where: { $0 != nil }) { world.coverage.count("pushed, some refused") }
        if pushed.isReplay { world.coverage.count(pushed.refusals.contains { $0 != nil } ? "repeated, some refused" : "repeated") }
        // A repair took it out, and the ledger knows of it all the same; or a restore took a later one out.
        if pushed.isReplay, texts[number].position != position, texts[number].copy(at: position) != nil { return }
        // What is on the disk is noted when it is there, with who was refused.
        guard let stored = texts[number].stored, stored.position == position else {
            return world.fail("text \(number) is called pushed at \(position.rawValue), and the disk doesn't have it there")
        }
        if stored.refusals != pushed.refusals {
            world.fail("text \(number) is pushed with other refusals than the record has: \(pushed.refusals)")
        }
        texts[number].fate = .stored
    }

    func pushRefused(_ number: Int, _ refusal: PushRefusal) {
        world.note("text \(number) isn't pushed: \(refusal)")
        world.coverage.count("push refused \(refusal)")
        if refusal != .storageFull, refusal != .keysFull { world.fail("text \(number) isn't pushed: \(refusal)") }
        guard let stored = texts[number].stored else { return }
        let isKept = lastAge < stored.keyKeptUntil && world.time < stored.keyKeptUntilTime
        if isKept { world.fail("text \(number) is called refused and is on the disk") }
    }

    func lineRefused(_ number: Int, _ line: UInt32, _ refusal: PushRefusal) {
        world.note("text \(number), line \(line), isn't pushed: \(refusal)")
        // The line before it was refused, or the same line was under way.
        if case .lineExpected = refusal { return world.coverage.count("line refused") }
        pushRefused(number, refusal)
    }

    func answered(upload kept: KeptRequest?, number: Int) {
        world.coverage.count("asked for an upload")
        guard let kept else { return }
        if kept.lines > 0 { world.coverage.count("upload goes on") }
        if kept.fingerprint != UInt64(kept.lines) { world.fail("an upload of \(kept.lines) lines has the hash of \(kept.fingerprint)") }
        guard restoredAt == nil, number == upload.number, Int(kept.lines) <= upload.texts.count else { return }
        for (index, text) in upload.texts.enumerated() where texts[text].position == nil && index < Int(kept.lines) {
            world.fail("line \(index + 1) is called stored and isn't on the disk")
        }
    }

    /// A record of a push is on the disk.
    func stored(_ number: Int, _ copy: StoredCopy, _ message: MessageRecord) {
        lastAge = max(lastAge, message.age)
        var copy = copy
        copy.refusals = message.recipients.map(\.refusal)
        defer { texts[number].copies.append(copy) }
        guard let request = message.request else { return world.fail("text \(number) is stored without its key") }
        world.note("text \(number) is stored at age \(message.age), its key is kept until \(request.until)")
        copy.keyKeptUntil = request.until
        copy.keyKeptUntilTime = world.time + UInt64(request.until - min(request.until, message.age)) * 1_000
        if request.until < message.age + world.profile.core.keySecondsMin { world.fail("the key of text \(number) is promised too little") }
    }

    /// Whether a push may be stored again: its key isn't kept any more.
    func mayBeStoredAgain(_ number: Int, _ stored: StoredCopy, _ record: Record?) -> Bool {
        guard texts[number].sender == nil, case .message(let message)? = record else { return false }
        guard message.age >= stored.keyKeptUntil else {
            world.note("text \(number) comes again at age \(message.age), and its key was kept until \(stored.keyKeptUntil)")
            return false
        }
        world.coverage.count("stored again after the key's time")
        texts[number].isRepeated = true
        return true
    }

    func answered(_ found: UserDetails?, of user: String, at position: Position) {
        world.coverage.count("asked for a user")
        answered(found?.inbox, for: user, at: position)
        guard let found else { return }
        if (found.oldest == nil) != (found.inbox.messages == 0), !hasDamage, restoredAt == nil {
            world.fail("\(user): \(found.inbox.messages) messages wait, and the oldest is \(String(describing: found.oldest))")
        }
        for session in found.sessions where session.connection != .none && session.hasEnded {
            world.fail("\(user) has an ended connection")
        }
    }

    func answered(_ found: [Reachability], for users: [String], at position: Position) {
        world.coverage.count("asked for reachability")
        for (user, found) in zip(users, found) {
            // The number that the inbox has isn't told here.
            let inbox = found.isKnown ? UserInbox(number: 0, messages: found.waitingMessages, bytes: -1) : nil
            answered(inbox, for: user, at: position)
        }
    }

    func answered(_ page: ConnectionPage) {
        world.coverage.count("asked for connections")
        if Set(page.connections.map(\.handle)).count != page.connections.count { world.fail("a page of connections has one twice") }
    }

    func answered(_ status: MessageStatus?, of number: Int) {
        world.coverage.count("asked for a message")
        guard let status else { return }
        guard texts[number].sender == nil, let stored = texts[number].stored, stored.position == status.position else { return }
        let refusals = status.recipients.map { recipient -> RefusalCode? in
            if case .refused(let code) = recipient.state { code } else { nil }
        }
        if refusals != stored.refusals { world.fail("text \(number) is said to be refused by others than the record says") }
        if status.recipients.contains(where: { $0.state == .delivered }) { world.coverage.count("asked for a message that was delivered") }
    }

    func answered(_ found: UserSessions?) {
        world.coverage.count("asked for sessions")
        for session in found?.sessions ?? [] {
            // What was answered is still so after a crash.
            if let before = answeredCursors[session.id], session.cursor < before {
                world.fail(
                    "the cursor of session \(session.id.rawValue) was said to be \(before.rawValue) and is \(session.cursor.rawValue)")
            }
            answeredCursors[session.id] = session.cursor
        }
    }

    func answered(_ found: UserInbox?, for user: String, at position: Position) {
        world.coverage.count("asked for an inbox")
        if let found, found.messages > 0 { world.coverage.count("asked for an inbox that holds something") }
        // What a repair made of the records isn't known here.
        guard let inboxes else { return }
        let expected = inboxes.waiting(for: user, at: position)
        // Bytes that aren't told are not compared.
        let said = found.map { InboxHistory.Waiting(messages: $0.messages, bytes: $0.bytes < 0 ? expected?.bytes ?? 0 : $0.bytes) }
        guard said != expected else { return }
        func describe(_ waiting: InboxHistory.Waiting?) -> String {
            waiting.map { "\($0.messages) messages, \($0.bytes) bytes" } ?? "no such user"
        }
        world.fail("\(user): \(describe(said)) were said to wait at \(position.rawValue); by the records it is \(describe(expected))")
    }

    /// Whoever asks for less has it from now on, whether the answer comes or not.
    func asksFor(_ request: HoldRequest) {
        switch request {
        case .set(let name, let hold): raiseFloor(of: name, to: hold.floor)
        case .acknowledge(let name, let place): raiseFloor(of: name, to: place.position)
        case .register(let name, let registration):
            if case .newest = registration.start { holdFloors[name] = nil }
        case .release(let name): holdFloors[name] = nil
        }
    }

    private func raiseFloor(of name: HoldName, to floor: Position) {
        if let known = holdFloors[name] { holdFloors[name] = max(known, floor) }
    }

    /// - Parameters:
    ///   - floor: of the hold at the position, above which nothing may go.
    ///   - next: the first position that isn't on the disk.
    func held(_ request: HoldRequest, floor: Position, at position: Position, next: Position) {
        switch request {
        case .set(let name, let asked):
            world.coverage.count("hold set")
            world.note("\(name) holds what is above \(floor.rawValue), asked for \(asked.floor.rawValue)")
            if floor < asked.floor, asked.floor < next { world.fail("\(name) has a floor below what was asked for") }
            setFloor(of: name, floor, at: position)
        case .register(let name, _), .acknowledge(let name, _):
            world.coverage.count("feed: consumer held")
            setFloor(of: name, floor, at: position)
        case .release(let name):
            world.coverage.count("hold released")
            holdFloors[name] = nil
        }
    }

    private func setFloor(of name: HoldName, _ floor: Position, at position: Position) {
        // It may have given way after that, in a batch that was on the disk before the answer was told.
        let later = gaveWayTo[name].flatMap { $0.at > position ? $0.floor : nil }
        holdFloors[name] = max(floor, later ?? .zero)
    }

    /// The gateway has said that a hold gave way.
    func gaveWay(_ notice: HoldNotice) {
        world.coverage.count("hold gave way: \(notice.cause)")
        world.note("\(notice.name) gave way, \(notice.cause): from \(notice.from.rawValue) to \(notice.to.rawValue)")
        if gaveWayTo[notice.name]?.floor ?? .zero < notice.to {
            world.fail("\(notice.name) is said to have given way, and no record says so")
        }
    }

    /// A record says that a hold gave way: the process may end before anybody hears of it.
    func recorded(_ record: HoldRecord, at position: Position) {
        guard record.cause != .set, record.cause != .released else { return }
        gaveWayTo[record.name] = (record.hold.floor, position)
        if let floor = holdFloors[record.name] { holdFloors[record.name] = max(floor, record.hold.floor) }
    }

    func checkDeletions(_ deletions: ContiguousArray<Position>) {
        guard let last = deletions.last else { return }
        for (name, floor) in holdFloors.sorted(by: { $0.key < $1.key }) where last > floor {
            world.fail("the record at \(last.rawValue) is deleted, and \(name) holds what is above \(floor.rawValue)")
        }
    }

    func answered(_ page: UserPage) {
        world.coverage.count("asked for users")
        let numbers = page.users.map(\.number)
        if numbers != Array(1..<UInt64(numbers.count + 1)), !hasDamage, restoredAt == nil {
            world.fail("a page of users has holes: \(numbers)")
        }
        if Set(page.users.map(\.name)).count != numbers.count { world.fail("a page of users has a name twice") }
    }
}

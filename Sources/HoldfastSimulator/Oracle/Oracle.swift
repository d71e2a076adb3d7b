import HoldfastClient
import HoldfastCore
import HoldfastWire

/// What must hold whatever is done: knows what the apps were told and shown, and what the disk was given, and nothing of how the code under
/// test works. Everything that it finds ends the run.
final class Oracle {
    unowned let world: World
    private(set) var phones: [SimulatedPhone] = []
    var records: [PhoneRecord] = []
    var texts: [SentText] = []
    private(set) var damagedPositions: Set<Position> = []
    /// When the gateway was last put back to a backup.
    private(set) var restoredAt: UInt64?
    /// The cursors that an operator was told.
    var answeredCursors: [SessionID: Position] = [:]
    /// What inboxes hold; nil after a repair, which may leave out any record.
    private(set) var inboxes: InboxHistory? = InboxHistory()
    /// What operators have done; nil after a repair, which may leave out any record.
    var acts: ActHistory? = ActHistory()
    /// What the feed has to tell; nil after a repair, which may leave out any record.
    var feed: FeedHistory? = FeedHistory()
    /// What the consumer of the feed has taken from the first user's inbox: who comes later doesn't get it.
    var consumedThrough = Position.zero
    /// The devices whose sessions began.
    var devices: [SessionID: String] = [:]
    /// Above which no record may go, as far as those who have a hold know.
    var holdFloors: [HoldName: Position] = [:]
    /// How far they gave way last, as the disk has it, and where the record is that says so.
    var gaveWayTo: [HoldName: (floor: Position, at: Position)] = [:]
    /// What a backend uploads line by line: the number of its key, and the texts of its lines.
    var upload: (number: Int, texts: [Int]) = (0, [])
    /// The age clock, as far as pushes on the disk tell.
    var lastAge: UInt32 = 0
    /// How often the gateway has begun to serve.
    var gatewayStarts = 0
    private(set) var delivered = 0
    private(set) var acknowledged = 0
    private(set) var repeats = 0

    init(_ world: World) { self.world = world }

    func add(_ phone: SimulatedPhone) {
        phones.append(phone)
        records.append(PhoneRecord())
    }

    var hasDamage: Bool { !damagedPositions.isEmpty }

    func fail(_ phone: SimulatedPhone, _ problem: String) { world.fail("\(phone.name): \(problem)") }

    // MARK: - Sending

    /// A new text, about to be given to the app.
    func makeText(from phone: SimulatedPhone, to user: String, size: Int) -> Int {
        texts.append(SentText(sender: phone.number, from: phone.profile.user, to: [user], givenAt: world.time, size: size))
        return texts.count - 1
    }

    /// The app didn't take it: it was never said to be sent.
    func notTaken(_ text: Int) { texts[text].fate = .forgotten }

    func resolved(_ phone: SimulatedPhone, id: UInt64, _ outcome: SendOutcome) {
        guard let number = phone.textOfID[id] else { return fail(phone, "an outcome for a message \(id) that it never sent") }
        world.note("\(phone.name): text \(number) is \(outcome)")
        switch outcome {
        case .stored: stored(phone, number)
        case .refused(let code): refused(phone, number, code)
        case .unknown: unknown(phone, number)
        case .withdrawn: withdrawn(phone, number)
        }
    }

    /// The outcome of a message of an earlier life.
    func failed(_ phone: SimulatedPhone, id: UInt64, _ code: SendError.Code) {
        guard let number = phone.textOfID[id] else { return fail(phone, "a failure for a message \(id) that it never sent") }
        switch RefusalCode(rawValue: code.rawValue) {
        case let refusal?: refused(phone, number, refusal)
        case nil: unknown(phone, number)
        }
    }

    private func stored(_ phone: SimulatedPhone, _ number: Int) {
        acknowledged += 1
        // Two phones with one device id, and a restore that took their fence away: not told apart, and documented so.
        if phone.profile.isTwin, restoredAt != nil, texts[number].position == nil {
            texts[number].fate = .unknown
            return
        }
        if texts[number].position == nil && texts[number].lostPositions.isEmpty {
            fail(phone, "text \(number) is called stored and is not on the disk")
        }
        if texts[number].fate == .refused { fail(phone, "text \(number) is called stored after it was refused") }
        texts[number].fate = .stored
    }

    private func refused(_ phone: SimulatedPhone, _ number: Int, _ code: RefusalCode) {
        world.coverage.count("refused \(code)")
        if texts[number].position != nil { fail(phone, "text \(number) is called refused and is on the disk") }
        switch code {
        case .inboxFull, .storageFull: break
        // A conversation that a restored gateway doesn't know any more.
        case .unknownConversation where restoredAt != nil: break
        case .notAllowed where !isAllowed(number): break
        default: fail(phone, "text \(number) is refused with \(code)")
        }
        texts[number].fate = .refused
    }

    /// Whether the tokens of the phone that wrote the text let it.
    private func isAllowed(_ number: Int) -> Bool {
        guard let sender = texts[number].sender, let limit = phones[sender].profile.limit else { return true }
        return texts[number].to.allSatisfy { limit.allows($0) }
    }

    private func unknown(_ phone: SimulatedPhone, _ number: Int) {
        if records[phone.number].excusedAt == nil && restoredAt == nil && !phone.profile.isTwin {
            fail(phone, "nobody knows what became of text \(number), though no state went back or ended")
        }
        if texts[number].fate == .open { texts[number].fate = .unknown }
    }

    private func withdrawn(_ phone: SimulatedPhone, _ number: Int) {
        // A phone that was put back to a time before it sent the message takes it out of an outbox that it has no more.
        if texts[number].position != nil, !records[phone.number].wasRestored {
            fail(phone, "text \(number) is called withdrawn and is on the disk")
        }
        texts[number].fate = .withdrawn
    }

    // MARK: - The disk

    /// A transaction of the journal is on the disk.
    func committed(_ batch: JournalBatch) {
        for entry in batch.entries {
            let record = Record.decode(batch.bytes[entry.offset..<entry.offset + entry.count].span)
            if let record {
                inboxes?.add(record, at: entry.position)
                checkActs(record, at: entry.position)
                noteForFeed(record, at: entry.position)
            }
            if case .hold(let hold)? = record { recorded(hold, at: entry.position) }
            guard let number = TextBody.find(in: batch.bytes[entry.offset..<entry.offset + entry.count]) else { continue }
            world.note("on the disk: text \(number) at \(entry.position.rawValue)")
            if let stored = texts[number].stored, !mayBeStoredAgain(number, stored, record) {
                world.fail("text \(number) is stored twice, at \(stored.position.rawValue) and \(entry.position.rawValue)")
            }
            switch texts[number].fate {
            case .refused, .withdrawn: world.fail("text \(number) is stored after it was called \(texts[number].fate)")
            default: break
            }
            if !isAllowed(number) {
                world.fail("text \(number) is stored, and its sender's token doesn't let it write to \(texts[number].to)")
            }
            let copy = StoredCopy(position: entry.position)
            guard case .message(let message)? = record else {
                texts[number].copies.append(copy)
                world.fail("text \(number) is in a record that isn't a message")
                continue
            }
            checkTime(number, message)
            if texts[number].sender == nil { stored(number, copy, message) } else { texts[number].copies.append(copy) }
        }
        // With the record by which a hold gives way, or behind it.
        checkDeletions(batch.deletions)
    }

    /// What a record may wait for a gateway that stands still, up to five minutes each time, and for its disk.
    private static let clockSlack: UInt64 = 900_000

    /// A message bears the clock's time if that can be right, whatever the clock was before; and never one that is decades wrong.
    private func checkTime(_ number: Int, _ message: MessageRecord) {
        let right = UInt64(World.wallStart) + world.time
        let isSettled = world.isWallBelievable && world.time - world.wallSetAt > Self.clockSlack
        let (expected, slack) = isSettled ? (world.wall, Self.clockSlack) : (right, 2 * ClockRule.yearMilliseconds)
        if max(message.time, expected) - min(message.time, expected) > slack {
            world.fail("text \(number) bears the time \(message.time), the clock says \(world.wall) and should say \(right)")
        }
    }

    func damaged(_ position: Position) { damagedPositions.insert(position) }

    /// The gateway was put back: what was at `next` and above is lost, and its senders have to hear of it.
    func restored(_ next: Position) {
        restoredAt = world.time
        answeredCursors = [:]
        // Its first lines may be gone.
        upload = (upload.number + 1, [])
        inboxes?.goBack(to: next)
        acts?.goBack(to: next)
        feed?.goBack(to: next)
        holdFloors = [:]
        for index in texts.indices { lose(index) { $0 >= next } }
        damagedPositions = damagedPositions.filter { $0 < next }
    }

    /// The gateway was repaired: what was damaged is gone for good, and its recipients have to hear of it. Who sent it, or was told of it for the
    /// first time by it, may not be known any more.
    func repaired() {
        restoredAt = world.time
        upload = (upload.number + 1, [])
        answeredCursors = [:]
        inboxes = nil
        acts = nil
        feed = nil
        holdFloors = [:]
        for index in texts.indices where lose(index, damagedPositions.contains) { texts[index].isLostByDamage = true }
    }

    /// Notes which records of a text are gone.
    /// - Returns: whether the newest one is among them.
    @discardableResult
    private func lose(_ number: Int, _ isGone: (Position) -> Bool) -> Bool {
        let position = texts[number].position
        for index in texts[number].copies.indices where isGone(texts[number].copies[index].position) {
            texts[number].copies[index].isLost = true
        }
        return texts[number].position != position
    }

    // MARK: - The stream

    func shown(_ phone: SimulatedPhone, _ message: ClientDelivery.Message, body: [UInt8]) {
        delivered += 1
        guard let number = TextBody.find(in: body[...]), texts.indices.contains(number),
            body == TextBody.bytes(number, size: texts[number].size)
        else { return fail(phone, "the body at \(message.position.rawValue) is not what was sent") }
        world.note("\(phone.name): shows text \(number) at \(message.position.rawValue)\(message.isRepeat ? ", a repeat" : "")")
        let text = texts[number]
        checkIsOurs(phone, message, number, text)
        checkOrder(phone, message, number, text)
        records[phone.number].shown[number] = message.position
        records[phone.number].remembered[number] = message.position
        phone.shownThrough = message.position
        if phone.profile.app == .transactional { phone.storedPosition = message.position }
    }

    private func checkIsOurs(_ phone: SimulatedPhone, _ message: ClientDelivery.Message, _ number: Int, _ text: SentText) {
        let user = phone.profile.user
        let isOwn = text.from == user
        let copy = text.copy(at: message.position)
        if !text.isFor(user, by: copy) { fail(phone, "text \(number) is from \(text.from) to \(text.to)") }
        if message.isOwn != isOwn { fail(phone, "text \(number) of \(text.from) is marked isOwn \(message.isOwn)") }
        // A repair may have had to make a name up.
        if let peer = message.peer, peer != (isOwn ? text.to[0] : text.from), !peer.hasPrefix("lost-user-") {
            fail(phone, "text \(number) from \(text.from) to \(text.to) is shown as of the conversation with \(peer)")
        }
        if copy == nil { fail(phone, "text \(number) comes at \(message.position.rawValue), where it was never stored") }
        if text.fate == .refused || text.fate == .withdrawn { fail(phone, "text \(number) comes though it was called \(text.fate)") }
    }

    private func checkOrder(_ phone: SimulatedPhone, _ message: ClientDelivery.Message, _ number: Int, _ text: SentText) {
        let index = phone.number
        let isOwn = text.from == phone.profile.user
        if let before = records[index].remembered[number] {
            repeats += 1
            if before == message.position {
                if !message.isRepeat { fail(phone, "text \(number) is shown again without the mark of a repeat") }
                return
            }
            // What a restore took away may be sent, stored and shown again; never within one era.
            if before.era == message.position.era, !text.isRepeated {
                fail(phone, "text \(number) is shown at \(before.rawValue) and \(message.position.rawValue)")
            }
        }
        if message.position <= records[index].end, !message.isRepeat {
            fail(phone, "text \(number) at \(message.position.rawValue) comes after \(records[index].end.rawValue)")
        }
        records[index].end = max(records[index].end, message.position)
        let line = PhoneRecord.Line(sender: text.sender, to: isOwn ? text.to[0] : phone.profile.user)
        let last = records[index].lastOf[line] ?? -1
        if text.isRepeated { return }
        if number < last, !message.isRepeat, text.lostPositions.isEmpty, texts[last].lostPositions.isEmpty {
            fail(phone, "text \(number) comes after \(last) of the same sender")
        }
        records[index].lastOf[line] = max(last, number)
    }

    /// After days away. At each start a jump of the clock may count as one of them (see `AgeClock`).
    private var mayHaveExpired: Bool {
        let days = Int(min(world.profile.core.inboxDays, world.profile.core.sessionDays))
        return world.coverage.has(.longAbsence) || (world.coverage.has(.wallClockJump) && gatewayStarts > days)
    }

    func gap(_ phone: SimulatedPhone, through: Position, count: UInt32, _ reason: GapReason) {
        world.note("\(phone.name): a gap of \(count) through \(through.rawValue), \(reason)")
        world.coverage.count("gap \(reason)")
        switch reason {
        case .evicted where world.profile.core.inboxPolicy == .evictWithGap: break
        case .expired where mayHaveExpired || texts.contains { $0.timeToLive > 0 }: break
        case .damaged where hasDamage || restoredAt != nil: break
        default: fail(phone, "a gap for the reason \(reason), which there wasn't")
        }
        let index = phone.number
        records[index].gaps.append((after: records[index].end, through: through, count: count, reason: reason))
        records[index].end = max(records[index].end, through)
        phone.shownThrough = through
        if phone.profile.app == .transactional { phone.storedPosition = through }
    }

    // MARK: - The session

    func welcomed(_ phone: SimulatedPhone, _ outcome: WelcomeOutcome) {
        if records[phone.number].sessionSince == nil || outcome != .resumed { records[phone.number].sessionSince = world.time }
        if outcome == .begun || outcome == .begunUnknown || outcome == .rewound { records[phone.number].end = .zero }
    }

    func noticed(_ phone: SimulatedPhone, _ notice: ClientNotice) {
        let index = phone.number
        let wasTouched = records[index].excusedAt != nil || phone.profile.isTwin
        switch notice {
        case .streamHole, .protocolViolation, .stateDamaged: fail(phone, "\(notice)")
        case .closedByServer(let code, _): closed(phone, CloseCode(rawValue: code))
        case .serverWentBack:
            records[index].toldAt = world.time
            if restoredAt == nil && !wasTouched { fail(phone, "is told that the gateway went back, which it didn't") }
            forgetOrder(phone)
        case .stateBehind:
            records[index].toldAt = world.time
            if !wasTouched { fail(phone, "is told that its state is behind, which it isn't") }
        case .resynchronised(let cause):
            records[index].toldAt = world.time
            records[index].sessionSince = world.time
            switch cause {
            case .expired:
                records[index].excusedAt = world.time
                if !mayHaveExpired { fail(phone, "its session has expired, so soon") }
            default:
                if restoredAt == nil && !wasTouched { fail(phone, "its session was replaced: \(cause)") }
                records[index].excusedAt = world.time
            }
            forgetOrder(phone)
        case .transportFailed, .heldBack, .tokenUnavailable: break
        }
    }

    /// Attempts of a phone's own may fence it, and it comes back from that by itself (REQ-ATTACH-6).
    func stopped(_ phone: SimulatedPhone, _ reason: StopReason) {
        guard reason == .fenced, !phone.profile.isTwin, records[phone.number].excusedAt == nil, restoredAt == nil else { return }
        fail(phone, "has stopped, fenced by itself")
    }

    private func closed(_ phone: SimulatedPhone, _ code: CloseCode?) {
        world.coverage.count("closed \(code.map { "\($0)" } ?? "?")")
        switch code {
        case .tokenExpired, .tokenNotYetValid, .ticketInvalid, .ticketExpired, .loggedOut, .goingAway, .firstFrameDeadline,
            .heartbeatMissed,
            .tooManyConnections, .gatewayFull, .overloaded:
            break
        case .fenced: break
        case .revoked where mayBeKeptOut(phone), .blocked where mayBeKeptOut(phone): break
        // A position of a stream that damage or a restore has taken away.
        case .internalError where hasDamage: break
        default: fail(phone, "is closed with \(code.map { "\($0)" } ?? "a code that there isn't")")
        }
    }

    /// Positions of another line of time say nothing about the order.
    private func forgetOrder(_ phone: SimulatedPhone) {
        records[phone.number].end = .zero
        records[phone.number].lastOf = [:]
    }

    func loggedOut(_ phone: SimulatedPhone) {
        excuse(phone)
        records[phone.number].sessionSince = nil
        records[phone.number].remembered = [:]
        forgetOrder(phone)
    }

    /// The phone was put back to its backup: what it has sent since is not its own any more.
    func phoneRestored(_ phone: SimulatedPhone) {
        excuse(phone)
        records[phone.number].wasRestored = true
        records[phone.number].remembered = [:]
        records[phone.number].sessionSince = nil
        forgetOrder(phone)
        forgetOpenTexts(of: phone)
    }

    func stateMayBeDamaged(_ phone: SimulatedPhone) {
        excuse(phone)
        records[phone.number].mayBeDamaged = true
    }

    /// The client found its state damaged and begins without it.
    func stateDamaged(_ phone: SimulatedPhone, _ reason: String) {
        guard records[phone.number].mayBeDamaged else { return fail(phone, "its state is damaged, though nothing damaged it: \(reason)") }
        records[phone.number].mayBeDamaged = false
        records[phone.number].sessionSince = nil
        records[phone.number].remembered = [:]
        forgetOrder(phone)
        forgetOpenTexts(of: phone)
        phone.textOfID = [:]
    }

    func excuse(_ phone: SimulatedPhone) {
        // Phones with one device id share what happens to its session.
        for other in phones where other.profile.user == phone.profile.user && other.profile.device == phone.profile.device {
            records[other.number].excusedAt = world.time
            records[other.number].sessionSince = nil
        }
    }

    private func forgetOpenTexts(of phone: SimulatedPhone) {
        for index in texts.indices where texts[index].sender == phone.number {
            switch texts[index].fate {
            // Also what the app was told that it isn't sent: its phone doesn't know of that any more.
            case .open, .refused, .withdrawn: texts[index].fate = .forgotten
            case .stored, .unknown, .forgotten: break
            }
        }
    }
}

import HoldfastWire

// What records say to those who follow the feed. The events of a record, and their order, never change: an event is known by its record's position and
// its index.
extension Record {
    /// The kinds of events that a record of this kind may make; `kind` is its byte.
    static func eventTypes(ofKind kind: UInt8) -> FeedEventTypes {
        switch RecordKind(rawValue: kind) {
        case .message, .messageOfFormat1: FeedEventTypes(.messageStored)
        case .cursors, .cursorsWithoutOrigin: FeedEventTypes(.messageDelivered)
        case .sessionBegun: FeedEventTypes(.sessionBegun)
        case .sessionEnded: FeedEventTypes(.sessionEnded)
        case .evicted: [FeedEventTypes(.messageExpired), FeedEventTypes(.messageEvicted)]
        case .lost: FeedEventTypes(.messageEvicted)
        case .audit: [FeedEventTypes(.auditAct), FeedEventTypes(.userBlocked), FeedEventTypes(.sessionRevoked)]
        case .seen, .limit, .hold, .ledger, .wake, .erase, .membership, .readMarks, .consumer, .ticketKeys, .format, nil: []
        }
    }

    /// Hands out the record's events in the order of their indices, until `body` returns false. Names that the record doesn't say are empty.
    /// - Parameter messageBody: of a message's record, where it is asked for.
    func eachEvent(at position: Position, messageBody: [UInt8]?, _ body: (FeedEvent) -> Bool) {
        switch self {
        case .message(let message): message.eachEvent(at: position, messageBody, body)
        case .cursors(let cursors, let time):
            for (index, cursor) in cursors.enumerated() where cursor.from < cursor.position && index < Int(CursorRecord.trackedIndex) {
                let event = FeedEvent(
                    place: FeedPlace(position, UInt16(index)), time: time, subject: .init(number: cursor.session.userNumber),
                    content: .delivered(.init(session: .init(id: cursor.session), from: cursor.from, through: cursor.position)))
                guard body(event) else { return }
            }
            var index = CursorRecord.trackedIndex
            for cursor in cursors {
                for tracked in cursor.tracked where index < .max {
                    let event = FeedEvent(
                        place: FeedPlace(position, index), time: time, subject: .init(number: cursor.session.userNumber),
                        content: .deliveredMessage(.init(session: .init(id: cursor.session), position: tracked)))
                    guard body(event) else { return }
                    index += 1
                }
            }
        case .sessionBegun(let begun):
            _ = body(
                FeedEvent(
                    place: FeedPlace(position, 0), time: begun.time,
                    subject: .init(number: begun.session.userNumber, name: begun.newUser),
                    content: .sessionBegun(.init(id: begun.session, device: begun.device))))
        case .sessionEnded(let session, let hasExpired, let time):
            _ = body(
                FeedEvent(
                    place: FeedPlace(position, 0), time: time, subject: .init(number: session.userNumber),
                    content: .sessionEnded(.init(id: session), hasExpired: hasExpired)))
        case .evicted(let evicted):
            _ = body(
                FeedEvent(
                    place: FeedPlace(position, 0), time: evicted.time, subject: .init(number: evicted.user),
                    content: .left(
                        .init(
                            from: evicted.from, through: evicted.through.position, count: evicted.count, reason: evicted.reason,
                            tracked: evicted.tracked))))
        case .lost(let users):
            for (index, user) in users.enumerated() where index < Int(UInt16.max) {
                let left = FeedEvent.Left(
                    from: Position(rawValue: position.rawValue - 1), through: position, count: 1, reason: .damaged, tracked: [])
                let event = FeedEvent(
                    place: FeedPlace(position, UInt16(index)), time: 0, subject: .init(number: user), content: .left(left))
                guard body(event) else { return }
            }
        case .audit(let audit): audit.eachEvent(at: position, body)
        case .seen, .limit, .hold: break
        }
    }
}

extension MessageRecord {
    /// One for each recipient who has got it.
    fileprivate func eachEvent(at position: Position, _ messageBody: [UInt8]?, _ body: (FeedEvent) -> Bool) {
        let stored = told(messageBody)
        for (index, recipient) in recipients.enumerated() where recipient.refusal == nil {
            let name = recipient.newName ?? (recipient.user == sender ? newSender : [])
            let event = FeedEvent(
                place: FeedPlace(position, UInt16(index)), time: time, subject: .init(number: recipient.user, name: name),
                content: .stored(stored))
            guard body(event) else { return }
        }
    }
}

extension MessageRecord {
    /// What events tell of it.
    /// - Parameter messageBody: where it is asked for.
    func told(_ messageBody: [UInt8]?) -> FeedEvent.Stored {
        FeedEvent.Stored(
            sender: .init(number: sender, name: newSender), session: key == nil ? session : nil, kind: kind, bytes: body.count, tag: tag,
            isTracked: isTracked, timeToLive: timeToLive, body: messageBody)
    }
}

extension AuditRecord {
    /// The act itself, and what it has done to sessions and to the user.
    fileprivate func eachEvent(at position: Position, _ body: (FeedEvent) -> Bool) {
        let subject = FeedEvent.User(number: user, name: name)
        var index: UInt16 = 0
        func tell(_ content: FeedEvent.Content) -> Bool {
            defer { index += 1 }
            return body(FeedEvent(place: FeedPlace(position, index), time: time, subject: subject, content: content))
        }
        guard tell(.act(self)), outcome == .done else { return }
        if case .block(let until, let reason) = act, !tell(.userBlocked(until: until, reason: reason)) { return }
        for serial in ended {
            guard tell(.sessionRevoked(.init(id: SessionID(user: user, serial: serial)))) else { return }
        }
    }
}

import HoldfastWire

/// The search of a page of events in the journal, from one view of it. Names are added from the store; those that it lacks yet are in the core's RAM.
struct FeedScan: Sendable {
    let after: FeedPlace
    let filter: FeedFilter
    /// The number of the user whom the filter names; nil: it names none, or nobody has the name yet.
    let user: UInt64?
    /// The name of the consumer who asks; empty: it isn't one's.
    let consumer: [UInt8]
    let limit: Int
    let wantsBodies: Bool

    /// As much as one page looks at, so that a filter which few events pass holds up no reader.
    private static let recordsMax = 10_000
    private static let bytesMax = 8 << 20
    /// Of the bodies that a page has, the last one beyond it included.
    private static let bodyBytesMax = 1 << 20

    /// - Parameter position: nothing later is told: it may not be synced.
    func page(from snapshot: any StorageSnapshot, through position: Position) throws(StorageError) -> FeedPage {
        assert(after.position <= position, "who asks for what is to come is refused before")
        if let rewound = try rewoundTo(snapshot, through: position) {
            return FeedPage(next: rewound, rewoundTo: rewound)
        }
        var page = FeedPage(next: after)
        var (records, bytes, bodyBytes, isFull) = (0, 0, 0, false)
        try snapshot.records(after: after.wholeThrough) { at, record in
            guard at <= position else { return false }
            records += 1
            bytes += record.count
            each(record, at: at) { event, size in
                guard event.place > after, isWanted(event) else { return true }
                page.events.append(event)
                bodyBytes += size
                isFull = page.events.count >= limit || bodyBytes >= Self.bodyBytesMax
                if isFull { page.next = event.place }
                return !isFull
            }
            if isFull { return false }
            page.next = max(page.next, .end(of: at))
            return records < Self.recordsMax && bytes < Self.bytesMax
        }
        let isCut = isFull || records >= Self.recordsMax || bytes >= Self.bytesMax
        if !isCut {
            page.next = max(page.next, .end(of: position))
            page.isAtEnd = true
        }
        try addNames(to: &page.events, from: snapshot)
        return page
    }

    /// Whether what the place asked for was, or would have been, is undone: of an earlier era, and not before its end. Positions go on where the earlier
    /// era's ended, as far as it is left.
    private func rewoundTo(_ snapshot: any StorageSnapshot, through position: Position) throws(StorageError) -> FeedPlace? {
        guard after.position.era < position.era else { return nil }
        var first: Position?
        let lastOfEra = Position(rawValue: Position(era: after.position.era + 1, offset: 0).rawValue - 1)
        try snapshot.records(after: lastOfEra) { at, _ in
            first = at
            return false
        }
        let nextPosition = try snapshot.nextPosition()
        let next = first ?? nextPosition
        let end = Position(era: after.position.era, offset: next.offset)
        return after.position >= end ? .end(of: Position(rawValue: next.rawValue - 1)) : nil
    }

    /// Hands out the events of a record that may be wanted, with the size of the body that they have, until `body` returns false.
    private func each(_ record: Span<UInt8>, at position: Position, _ body: (FeedEvent, Int) -> Bool) {
        // Of a record that is damaged nobody knows who would have wanted what it said.
        guard Record.isIntact(record) else { return tellDamage(at: position, body) }
        guard !filter.types.isDisjoint(with: Record.eventTypes(ofKind: record[4])) else { return }
        guard let decoded = Record.decodeFields(record) else { return tellDamage(at: position, body) }
        let messageBody = wantsBodies ? decoded.messageBody(record) : nil
        decoded.eachEvent(at: position, messageBody: messageBody) { body($0, messageBody?.count ?? 0) }
    }

    private func tellDamage(at position: Position, _ body: (FeedEvent, Int) -> Bool) {
        // Behind all that it may have told before it was damaged.
        _ = body(FeedEvent(place: .end(of: position), time: 0, subject: .init(number: 0), content: .damaged), 0)
    }

    private func isWanted(_ event: FeedEvent) -> Bool {
        if event.type == .recordDamaged { return true }
        guard filter.types.contains(event.type) else { return false }
        if !filter.user.isEmpty {
            var isHis = event.subject.number == user
            if let message = event.message { isHis = isHis || message.sender.number == user }
            guard user != nil, isHis else { return false }
        }
        guard !filter.tag.isEmpty else { return true }
        if case .stored(let stored) = event.content { return stored.tag == filter.tag }
        return false
    }

    // MARK: What records don't say

    /// A tracked message; nil: its record is gone.
    private func message(at position: Position, from snapshot: any StorageSnapshot) throws(StorageError) -> FeedEvent.Stored? {
        var found: FeedEvent.Stored?
        _ = try snapshot.record(at: position) { bytes in if case .message(let message)? = Record.decode(bytes) { found = message.told(nil) }
        }
        return found
    }

    private func addNames(to events: inout [FeedEvent], from snapshot: any StorageSnapshot) throws(StorageError) {
        var names: [UInt64: [UInt8]] = [:]
        var devices: [UInt64: [SessionID: [UInt8]]] = [:]
        func add(_ user: inout FeedEvent.User) throws(StorageError) {
            guard user.name.isEmpty, user.number != 0 else { return }
            if names[user.number] == nil { names[user.number] = try snapshot.bytes(.userNames, StoreKey.number(user.number)) ?? [] }
            user.name = names[user.number] ?? []
        }
        for index in events.indices {
            try add(&events[index].subject)
            if case .deliveredMessage(let delivered) = events[index].content {
                events[index].message = try message(at: delivered.position, from: snapshot)
            }
            if var message = events[index].message, message.sender.name.isEmpty {
                try add(&message.sender)
                events[index].message = message
            }
            if var session = events[index].session, session.device.isEmpty {
                let user = session.id.userNumber
                if devices[user] == nil { devices[user] = try snapshot.devices(of: user) }
                session.device = devices[user]?[session.id] ?? []
                events[index].session = session
            }
        }
    }
}

extension Record {
    fileprivate func messageBody(_ record: Span<UInt8>) -> [UInt8]? {
        guard case .message(let message) = self else { return nil }
        return [UInt8](record, message.body)
    }
}

extension Position {
    fileprivate var offset: UInt64 { rawValue & (1 << 56 - 1) }
}

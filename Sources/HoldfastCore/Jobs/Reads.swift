package import HoldfastWire

// What the core asks of the disk, and the answers. Runs on a reader thread: the core never touches a database map, because a
// page fault there would stall every connection. One view for all requests of a run, bodies read in the order of their positions.

/// A row, or a question about a timeline.
package enum RowKey: Hashable, Sendable {
    case user(UInt64)
    /// Asked by a user who wants to send to him (0: by nobody): his row, and their conversation, which the same command needs next, come with
    /// the answer, so that a cold recipient costs one wait.
    case userNumber(name: NameKey, asking: UInt64)
    case userName(UInt64)
    case device(DeviceKey)
    /// Asked by a member: the other one's row comes with the answer.
    case conversation(UInt64, asking: UInt64)
    case pair(UserPair)
    /// The last entry of the inbox at or before the position.
    case entry(user: UInt64, atOrBefore: Position)
    /// The last of the oldest entries after the position that have to go to make room.
    case evictionPoint(user: UInt64, after: Position)
    /// What became of an account's request.
    case ledger(RequestKey)
}

/// What the disk has for a key.
package enum RowValue: Sendable {
    case absent
    case user(UserImage)
    case number(UInt64)
    /// A user's number, with his row and his conversation with who asked.
    case recipient(UInt64, conversation: UInt64?, UserImage?)
    case name([UInt8])
    case session(SessionID)
    /// With the row of the member who didn't ask.
    case members(UserPair, peer: UserImage?)
    case entry(InboxEntry)
    case ledger(LedgerRow)
}

/// One page of a session's stream.
package struct PageRequest: Sendable {
    var session: SessionSlot
    package var id: SessionID
    package var connection: ConnectionHandle
    package var user: UInt64
    package var after: Position
    /// The entries, when the core has them in RAM; nil: the timeline on disk has them.
    package var entries: ContiguousArray<TimelineEntry>?
    package var messagesMax: Int
    package var bytesMax: Int
    /// What the age clock says, in seconds: messages that are worth something for a time only may be older.
    var age: UInt32
}

/// A message of a page, in plain values: one is made and moved for each that is read.
package struct PageItem: Sendable {
    /// What the recipient is told of it.
    package struct Message: Sendable {
        var session: SessionID
        var conversation: ConversationNumber
        var time: UInt64
        var kind: MessageKind
        /// A range of the results' bytes.
        var body: Range<Int>
    }

    /// What the journal has at the position.
    package enum Content: Sendable {
        case message(Message)
        /// A repair left it out, and has told the recipient so.
        case lost
        /// It was worth something for a time that is over.
        case expired
        /// Nobody has told of it yet.
        case damaged
        /// No record.
        case missing
    }

    package var entry: InboxEntry
    package var content: Content

    /// nil: what is there is no message.
    var message: Message? { if case .message(let message) = content { message } else { nil } }
    var isMissing: Bool { if case .missing = content { true } else { false } }
    var isExpired: Bool { if case .expired = content { true } else { false } }
}

package struct PageResult: Sendable {
    package var request: PageRequest
    package var items: ContiguousArray<PageItem>
    /// The timeline on disk has nothing after the last item.
    package var reachedEnd: Bool
}

package struct ReadResults: Sendable {
    /// The checkpoint that the view has; older than the core's last one: the answers may be out of date.
    var checkpoint: UInt64
    /// The keys that were asked for, and what the disk has for each.
    var keys: [RowKey]
    package var rows: [RowValue]
    package var pages: ContiguousArray<PageResult>
    package var bytes: [UInt8]
    /// The number of the requests.
    var number: UInt64
    /// Records that are damaged, and such that a timeline names and the journal doesn't have.
    package var damaged: [Position]
    package var missing: [Position] = []
}

/// An answer of the readers, and how much of it the core has taken.
struct ReadAnswer {
    let results: ReadResults
    var keysTaken = 0
    var pagesTaken = 0

    init(_ results: ReadResults) { self.results = results }
}

package struct ReadRequests: Sendable {
    package var keys: [RowKey] = []
    package var pages: ContiguousArray<PageRequest> = []
    /// How many entries an eviction takes.
    var evictionMessages = 1
    /// Rises from run to run.
    var number: UInt64 = 0
    package init() {}
    package var isEmpty: Bool { keys.isEmpty && pages.isEmpty }

    /// Answers all of it from one view.
    package func run(on storage: any Storage) throws(StorageError) -> ReadResults {
        var results = ReadResults(checkpoint: 0, keys: keys, rows: [], pages: [], bytes: [], number: number, damaged: [])
        results.rows.reserveCapacity(keys.count)
        try storage.read { (snapshot) throws(StorageError) in
            results.checkpoint = try snapshot.checkpoint()
            for key in keys { results.rows.append(try answer(key, from: snapshot)) }
            for page in pages { results.pages.append(try plan(page, from: snapshot)) }
            try readBodies(&results, from: snapshot)
        }
        return results
    }

    private func answer(_ key: RowKey, from snapshot: any StorageSnapshot) throws(StorageError) -> RowValue {
        switch key {
        case .user(let number): return try UserImage.read(number, from: snapshot).map(RowValue.user) ?? .absent
        case .userNumber(let name, let asking):
            guard let number = try snapshot.number(.userByName, name.bytes.span) else { return .absent }
            if asking == 0 { return .number(number) }
            let conversation = try snapshot.number(.pairs, StoreKey.inline(UserPair(asking, number)).span)
            return .recipient(number, conversation: conversation, try UserImage.read(number, from: snapshot))
        case .userName(let number): return try snapshot.bytes(.userNames, StoreKey.number(number)).map(RowValue.name) ?? .absent
        case .device(let device):
            return try snapshot.number(.devices, StoreKey.device(device).span).map { .session(SessionID(rawValue: $0)) } ?? .absent
        case .conversation(let number, let asking):
            var pair: UserPair?
            guard try snapshot.get(.conversations, StoreKey.inline(number).span, { pair = UserPair(encoded: $0) }) else { return .absent }
            guard let pair else {
                throw StorageError(
                    .damaged, "The store's row of conversation \(number) is damaged: run `holdfast inspect`, restore a backup.")
            }
            return .members(
                pair, peer: try pair.peer(of: asking).flatMap { (peer) throws(StorageError) in try UserImage.read(peer, from: snapshot) })
        case .pair(let pair): return try snapshot.number(.pairs, StoreKey.inline(pair).span).map(RowValue.number) ?? .absent
        case .entry(let user, let position):
            return try snapshot.entry(of: .inbox(user), atOrBefore: position).map { .entry($0.mark) } ?? .absent
        case .evictionPoint(let user, let position):
            var entries = ContiguousArray<TimelineEntry>()
            try snapshot.entries(of: .inbox(user), after: position, limit: evictionMessages, into: &entries)
            return entries.last.map { .entry($0.mark) } ?? .absent
        case .ledger(let key): return try LedgerRow.read(key, from: snapshot).map(RowValue.ledger) ?? .absent
        }
    }

    private func plan(_ page: PageRequest, from snapshot: any StorageSnapshot) throws(StorageError) -> PageResult {
        var entries = ContiguousArray<TimelineEntry>()
        var reachedEnd = false
        if let known = page.entries {
            entries = known
        } else {
            try snapshot.entries(of: .inbox(page.user), after: page.after, limit: page.messagesMax, into: &entries)
            reachedEnd = entries.count < page.messagesMax
        }
        var result = PageResult(request: page, items: [], reachedEnd: reachedEnd)
        result.request.entries = nil
        var bytes = 0
        var before = entries.first?.mark
        for entry in entries {
            // The first one's size isn't known from the counters; it is counted when it is read.
            bytes += Int(entry.mark.cumulativeBytes &- (before?.cumulativeBytes ?? 0))
            if bytes > page.bytesMax, !result.items.isEmpty {
                result.reachedEnd = false
                break
            }
            result.items.append(PageItem(entry: entry.mark, content: .missing))
            before = entry.mark
        }
        return result
    }

    private func readBodies(_ results: inout ReadResults, from snapshot: any StorageSnapshot) throws(StorageError) {
        var places = ContiguousArray<(position: UInt64, page: Int, item: Int)>()
        for page in results.pages.indices {
            for item in results.pages[page].items.indices {
                places.append((results.pages[page].items[item].entry.position.rawValue, page, item))
            }
        }
        if results.pages.count > 1 { places.sort { $0.position < $1.position } }
        for place in places {
            let position = Position(rawValue: place.position)
            let (user, age) = (results.pages[place.page].request.user, results.pages[place.page].request.age)
            var content = PageItem.Content.missing
            var newer: StorageError?
            _ = try snapshot.record(at: position) { bytes in
                content = Self.read(bytes, for: user, age: age, into: &results.bytes)
                guard case .damaged = content else { return }
                do throws(StorageError) { try Record.requireKnown(bytes, at: position) } catch { newer = error }
            }
            // A gap would be acknowledged, and what only a later version can read be lost.
            if let newer { throw newer }
            switch content {
            case .message, .lost, .expired: break
            case .missing: results.missing.append(position)
            case .damaged: results.damaged.append(position)
            }
            results.pages[place.page].items[place.item].content = content
        }
    }

    /// A record that is in the user's inbox; its body is appended to `bodies`.
    private static func read(_ bytes: Span<UInt8>, for user: UInt64, age: UInt32, into bodies: inout [UInt8]) -> PageItem.Content {
        switch Record.decode(bytes, of: user) {
        case .message(let message)? where message.isExpired(at: age): return .expired
        case .message(let message)?:
            let start = bodies.count
            bodies.append(copying: bytes.extracting(message.body))
            return .message(
                .init(
                    session: message.session, conversation: message.recipients.first.conversation, time: message.time, kind: message.kind,
                    body: start..<bodies.count))
        case .lost?: return .lost
        default: return .damaged
        }
    }
}

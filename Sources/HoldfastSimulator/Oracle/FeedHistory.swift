import HoldfastCore
import HoldfastWire

/// What the feed has to tell, by the records on the disk.
struct FeedHistory {
    struct Entry {
        var place: FeedPlace
        var type: FeedEventType
        /// The number of the user whom it is about.
        var user: UInt64
    }

    /// In the order of their places.
    private(set) var entries: [Entry] = []
    /// How far each session's cursor is recorded, to the next record that goes on from there.
    private var cursors: [SessionID: Position] = [:]
    /// Tracked messages that no record says to have been delivered, or to have left, by their users.
    private var tracked: [UInt64: Set<Position>] = [:]
    private var isPutBack = false

    /// - Returns: what is wrong with the record.
    mutating func add(_ record: Record, at position: Position) -> String? {
        func add(_ index: Int, _ type: FeedEventType, _ user: UInt64) {
            entries.append(Entry(place: FeedPlace(position, UInt16(index)), type: type, user: user))
        }
        switch record {
        case .message(let message):
            for (index, recipient) in message.recipients.enumerated() where recipient.refusal == nil {
                add(index, .messageStored, recipient.user)
                if message.isTracked { tracked[recipient.user, default: []].insert(position) }
            }
        case .cursors(let recorded, _):
            for (index, cursor) in recorded.enumerated() {
                let before = cursors[cursor.session]
                cursors[cursor.session] = max(cursor.position, before ?? .zero)
                if let before, cursor.from != before {
                    return
                        "a cursor of session \(cursor.session.rawValue) goes on from \(cursor.from.rawValue), and was at \(before.rawValue)"
                }
                if cursor.from < cursor.position { add(index, .messageDelivered, cursor.session.userNumber) }
            }
            var index = 32_768
            for cursor in recorded {
                for position in cursor.tracked {
                    if let problem = untrack(position, cursor.session.userNumber) { return problem }
                    add(index, .messageDelivered, cursor.session.userNumber)
                    index += 1
                }
                let user = cursor.session.userNumber
                if let left = tracked[user]?.min(), left <= cursor.position {
                    return "the tracked message at \(left.rawValue) is acknowledged by user \(user), and nothing says so"
                }
            }
        case .sessionBegun(let begun):
            cursors[begun.session] = begun.cursor.position
            add(0, .sessionBegun, begun.session.userNumber)
        case .sessionEnded(let session, _, _): add(0, .sessionEnded, session.userNumber)
        case .evicted(let evicted):
            add(0, evicted.reason == .expired ? .messageExpired : .messageEvicted, evicted.user)
            for position in evicted.tracked { if let problem = untrack(position, evicted.user) { return problem } }
        case .lost(let users): for (index, user) in users.enumerated() { add(index, .messageEvicted, user) }
        case .audit(let audit):
            add(0, .auditAct, audit.user)
            guard audit.outcome == .done else { break }
            let isBlock = if case .block = audit.act { true } else { false }
            if isBlock { add(1, .userBlocked, audit.user) }
            for index in audit.ended.indices { add(index + (isBlock ? 2 : 1), .sessionRevoked, audit.user) }
        case .seen, .limit, .hold: break
        }
        return nil
    }

    private mutating func untrack(_ position: Position, _ user: UInt64) -> String? {
        // What was tracked before a restore isn't known.
        guard tracked[user]?.remove(position) != nil || isPutBack else {
            return "the message at \(position.rawValue) is said to be delivered to user \(user), and isn't tracked, or was delivered before"
        }
        return nil
    }

    /// The gateway was put back: what was at `next` and above hasn't happened.
    mutating func goBack(to next: Position) {
        entries.removeAll { $0.place.position >= next }
        cursors = [:]
        tracked = [:]
        isPutBack = true
    }

    /// What lies behind one place and up to another; of a damaged record, that it is damaged.
    func entries(after: FeedPlace, through: FeedPlace, damaged: Set<Position>) -> [Entry] {
        let start = entries.firstIndex { $0.place > after } ?? entries.endIndex
        let end = entries[start...].firstIndex { $0.place > through } ?? entries.endIndex
        var found = entries[start..<end].filter { !damaged.contains($0.place.position) }
        for position in damaged where .end(of: position) > after && .end(of: position) <= through {
            found.append(Entry(place: .end(of: position), type: .recordDamaged, user: 0))
        }
        return found.sorted { $0.place < $1.place }
    }
}

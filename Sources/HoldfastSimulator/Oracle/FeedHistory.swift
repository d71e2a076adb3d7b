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

    /// - Returns: what is wrong with the record.
    mutating func add(_ record: Record, at position: Position) -> String? {
        func add(_ index: Int, _ type: FeedEventType, _ user: UInt64) {
            entries.append(Entry(place: FeedPlace(position, UInt16(index)), type: type, user: user))
        }
        switch record {
        case .message(let message):
            for (index, recipient) in message.recipients.enumerated() where recipient.refusal == nil {
                add(index, .messageStored, recipient.user)
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
        case .sessionBegun(let begun):
            cursors[begun.session] = begun.cursor.position
            add(0, .sessionBegun, begun.session.userNumber)
        case .sessionEnded(let session, _, _): add(0, .sessionEnded, session.userNumber)
        case .evicted(let evicted): add(0, evicted.reason == .expired ? .messageExpired : .messageEvicted, evicted.user)
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

    /// The gateway was put back: what was at `next` and above hasn't happened.
    mutating func goBack(to next: Position) {
        entries.removeAll { $0.place.position >= next }
        cursors = [:]
    }

    /// What lies behind one place and up to another; of a damaged record, that it is damaged.
    func entries(after: FeedPlace, through: FeedPlace, damaged: Set<Position>) -> [Entry] {
        let start = entries.firstIndex { $0.place > after } ?? entries.endIndex
        let end = entries[start...].firstIndex { $0.place > through } ?? entries.endIndex
        var found = entries[start..<end].filter { !damaged.contains($0.place.position) }
        for position in damaged where FeedPlace(position, 0) > after && FeedPlace(position, 0) <= through {
            found.append(Entry(place: FeedPlace(position, 0), type: .recordDamaged, user: 0))
        }
        return found.sorted { $0.place < $1.place }
    }
}

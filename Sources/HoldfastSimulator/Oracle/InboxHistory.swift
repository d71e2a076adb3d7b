import HoldfastCore
import HoldfastWire

/// What came into inboxes and left them, by the records that the disk was given: message by message, without the counters that the core keeps.
struct InboxHistory {
    struct Waiting: Equatable {
        var messages: Int
        var bytes: Int
    }

    private enum Change {
        case message(bytes: Int)
        /// The session receives, and has everything up to here.
        case began(SessionID, at: Position)
        case moved(SessionID, to: Position)
        /// All at once.
        case ended([SessionID])
        /// Unacknowledged.
        case left(through: Position)
    }

    private var users: [String: (number: UInt64, since: Position)] = [:]
    /// By user, in the order of the positions.
    private var changes: [UInt64: [(position: Position, change: Change)]] = [:]

    mutating func add(_ record: Record, at position: Position) {
        switch record {
        case .message(let message):
            note(message.newSender, is: message.sender, since: position)
            for recipient in message.recipients where recipient.refusal == nil {
                note(recipient.newName ?? [], is: recipient.user, since: position)
                add(.message(bytes: message.body.count), of: recipient.user, at: position)
            }
            if message.echoes, message.recipients.first.user != message.sender {
                add(.message(bytes: message.body.count), of: message.sender, at: position)
            }
        case .sessionBegun(let begun):
            note(begun.newUser, is: begun.session.userNumber, since: position)
            if !begun.isSendOnly { add(.began(begun.session, at: begun.cursor.position), of: begun.session.userNumber, at: position) }
        case .cursors(let cursors, _):
            for cursor in cursors { add(.moved(cursor.session, to: cursor.position), of: cursor.session.userNumber, at: position) }
        case .sessionEnded(let session, _, _): add(.ended([session]), of: session.userNumber, at: position)
        case .audit(let audit):
            if audit.isNewUser { note(audit.name, is: audit.user, since: position) }
            let ended = audit.ended.map { SessionID(user: audit.user, serial: $0) }
            if !ended.isEmpty { add(.ended(ended), of: audit.user, at: position) }
        case .evicted(let evicted): add(.left(through: evicted.through.position), of: evicted.user, at: position)
        case .seen, .limit, .lost, .hold: break
        }
    }

    private mutating func note(_ newName: [UInt8], is number: UInt64, since position: Position) {
        if !newName.isEmpty { users[String(decoding: newName, as: UTF8.self)] = (number, position) }
    }

    private mutating func add(_ change: Change, of user: UInt64, at position: Position) {
        changes[user, default: []].append((position, change))
    }

    /// What was at `next` and above has never been.
    mutating func goBack(to next: Position) {
        users = users.filter { $0.value.since < next }
        changes = changes.mapValues { $0.filter { $0.position < next } }
    }

    /// What waits for the user at the position; nil: nobody has the name.
    func waiting(for name: String, at end: Position) -> Waiting? {
        guard let user = users[name], user.since <= end else { return nil }
        var messages: [(position: Position, bytes: Int)] = []
        var cursors: [SessionID: Position] = [:]
        var gone = Position.zero
        for (position, change) in changes[user.number] ?? [] where position <= end {
            switch change {
            case .message(let bytes): messages.append((position, bytes))
            case .began(let session, let cursor): cursors[session] = cursor
            // Of one that has ended or only sends nothing waits.
            case .moved(let session, let cursor): if let before = cursors[session] { cursors[session] = max(before, cursor) }
            case .ended(let sessions): for session in sessions { cursors[session] = nil }
            case .left(let through): gone = max(gone, through)
            }
            // What all have never comes back, also not for a device that comes later, or when none is left.
            if let lowest = cursors.values.min() { gone = max(gone, lowest) }
        }
        let left = messages.filter { $0.position > gone }
        return Waiting(messages: left.count, bytes: left.reduce(0) { $0 + $1.bytes })
    }
}

import HoldfastWire

@testable import HoldfastCore

/// What the journal was given, decoded from the committed batches: the truth that the core's effects are compared with.
struct StoredRecords {
    struct Message {
        var position: Position
        var text: String
        var record: MessageRecord
    }

    struct Eviction {
        var through: Position
        var reason: GapReason
        var recordedAt: Position
    }

    private(set) var messages: [Position: Message] = [:]
    /// What each user's inbox ever got, in order.
    private(set) var inboxes: [UInt64: [Position]] = [:]
    private(set) var userNumbers: [String: UInt64] = [:]
    /// Positions of a session's messages; the one of sequence n is at n - 1.
    private(set) var stored: [SessionID: [Position]] = [:]
    private(set) var evictions: [UInt64: [Eviction]] = [:]
    /// Sessions that have not ended, with whether they receive.
    private(set) var liveSessions: [SessionID: Bool] = [:]
    private(set) var lastPosition = Position.zero
    private var texts: Set<String> = []
    private(set) var problems: [String] = []

    /// Takes over a batch that the storage has stored.
    mutating func committed(_ batch: JournalBatch) {
        for entry in batch.entries {
            let bytes = Array(batch.bytes[entry.offset..<entry.offset + entry.count])
            if entry.position <= lastPosition { problems.append("position \(entry.position.rawValue) doesn't rise") }
            lastPosition = entry.position
            guard let record = Record.decode(bytes.span) else {
                problems.append("record at \(entry.position.rawValue) can't be decoded")
                continue
            }
            take(record, bytes, at: entry.position)
        }
    }

    private mutating func take(_ record: Record, _ bytes: [UInt8], at position: Position) {
        switch record {
        case .message(let message): take(message, bytes, at: position)
        case .sessionBegun(let begun):
            liveSessions[begun.session] = !begun.isSendOnly
            stored[begun.session] = []
            if !begun.newUser.isEmpty { userNumbers[String(decoding: begun.newUser, as: UTF8.self)] = begun.session.userNumber }
        case .sessionEnded(let session, _, _): liveSessions[session] = nil
        case .evicted(let evicted):
            evictions[evicted.user, default: []].append(
                Eviction(through: evicted.through.position, reason: evicted.reason, recordedAt: position))
        case .audit(let audit):
            if audit.isNewUser { userNumbers[String(decoding: audit.name, as: UTF8.self)] = audit.user }
            for serial in audit.ended { liveSessions[SessionID(user: audit.user, serial: serial)] = nil }
        case .cursors, .seen, .limit, .lost, .hold: break
        }
    }

    private mutating func take(_ message: MessageRecord, _ bytes: [UInt8], at position: Position) {
        let text = String(decoding: bytes[message.body].prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
        if !texts.insert(text).inserted { problems.append("\(text) is stored twice, again at \(position.rawValue)") }
        if message.key == nil { takeSend(message, text, at: position) }
        for (user, name) in message.newUsers { userNumbers[String(decoding: name, as: UTF8.self)] = user }
        messages[position] = Message(position: position, text: text, record: message)
        for recipient in message.recipients where recipient.refusal == nil { inboxes[recipient.user, default: []].append(position) }
        if message.echoes, message.sender != message.recipients.first.user { inboxes[message.sender, default: []].append(position) }
    }

    private mutating func takeSend(_ message: MessageRecord, _ text: String, at position: Position) {
        let next = UInt64(stored[message.session]?.count ?? 0) + 1
        if message.sequence.rawValue != next {
            problems.append("sequence \(message.sequence.rawValue) of session \(message.session.rawValue) is stored where \(next) was due")
        }
        if liveSessions[message.session] == nil { problems.append("\(text) is of a session that isn't live") }
        let hasOthers = liveSessions.contains { $0.key != message.session && $0.value && $0.key.userNumber == message.sender }
        if hasOthers != message.echoes { problems.append("\(text): echoes is \(message.echoes)") }
        stored[message.session, default: []].append(position)
    }

    /// What the user's inbox got after `start`, up to and including `end`.
    func inbox(of user: UInt64, after start: Position, through end: Position) -> [Position] {
        (inboxes[user] ?? []).filter { $0 > start && $0 <= end }
    }

    func number(of user: String) -> UInt64 { userNumbers[user] ?? 0 }
}

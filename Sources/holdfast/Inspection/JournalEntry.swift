internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastWire

/// A record of the journal, for the eye and for scripts.
struct JournalEntry {
    /// Whether the record is what was written.
    enum Status: String {
        case ok
        /// The checksum doesn't fit.
        case damaged
        /// The checksum fits, the format isn't known.
        case unknown
    }

    var position: Position
    var byteCount: Int
    var status: Status
    /// What it is about; nil unless the status is ok.
    var record: Record?

    /// The record in `bytes`.
    init(position: Position, bytes: Span<UInt8>) {
        self.position = position
        byteCount = bytes.count
        record = Record.decode(bytes)
        status = record != nil ? .ok : Record.isIntact(bytes) ? .unknown : .damaged
    }

    /// The name of the record's type.
    var type: String {
        switch record {
        case .message: "message"
        case .cursors: "cursors"
        case .sessionBegun: "sessionBegun"
        case .sessionEnded: "sessionEnded"
        case .evicted: "evicted"
        case .seen: "seen"
        case .limit: "limit"
        case .lost: "lost"
        case .hold: "hold"
        case .audit: "audit"
        case nil: "?"
        }
    }

    /// One JSON object.
    var json: JSONText {
        JSONText.object { object in
            object.add("position", position.rawValue)
            object.add("type", type)
            object.add("bytes", byteCount)
            object.add("checksum", status.rawValue)
            for (name, value) in details {
                switch value {
                case .number(let number): object.add(name, number)
                case .text(let text): object.add(name, text)
                }
            }
        }
    }

    /// One line.
    var line: String {
        let values = details.map { name, value in
            switch value {
            case .number(let number): "\(name)=\(number)"
            case .text(let text): "\(name)=\(VisibleText.of(text))"
            }
        }
        return (["\(position.rawValue)", status.rawValue, type, "\(byteCount) B"] + values).joined(separator: "  ")
    }

    private enum Value {
        case number(UInt64)
        case text(String)
    }

    /// A message to many is told by its first recipient: what matters of it is that it is whole.
    private func details(of message: MessageRecord) -> [(StaticString, Value)] {
        var details: [(StaticString, Value)] = [("time", .text(Timestamp.text(message.time)))]
        if message.key == nil {
            details += [
                ("session", .number(message.session.rawValue)), ("attach", .number(UInt64(message.attach.rawValue))),
                ("sequence", .number(message.sequence.rawValue)),
            ]
        }
        let recipient = message.recipients.first
        details += [
            ("conversation", .number(recipient.conversation.rawValue)), ("sender", .number(message.sender)),
            ("recipient", .number(recipient.user)), ("kind", .text("\(message.kind)")), ("bodyBytes", .number(UInt64(message.body.count))),
        ]
        if message.recipients.count > 1 { details.append(("recipients", .number(UInt64(message.recipients.count)))) }
        if let refusal = recipient.refusal { details.append(("refusal", .text("\(refusal)"))) }
        if let name = recipient.newName { details.append(("newUser", .text(String(decoding: name, as: UTF8.self)))) }
        if !message.tag.isEmpty { details.append(("tag", .text(String(decoding: message.tag, as: UTF8.self)))) }
        return details
    }

    /// Bodies are the users' own and not shown, only how long they are.
    private var details: [(StaticString, Value)] {
        switch record {
        case .message(let message):
            return details(of: message)
        case .cursors(let cursors, _):
            // A record of many cursors is told by its first: what matters of it is that it is whole.
            guard let first = cursors.first else { return [("count", .number(0))] }
            return [
                ("count", .number(UInt64(cursors.count))), ("session", .number(first.session.rawValue)),
                ("from", .number(first.from.rawValue)), ("cursor", .number(first.position.rawValue)),
            ]
        case .sessionBegun(let begun):
            var details: [(StaticString, Value)] = [
                ("session", .number(begun.session.rawValue)), ("attach", .number(UInt64(begun.attach.rawValue))),
                ("device", .text(String(decoding: begun.device, as: UTF8.self))), ("sendOnly", .text("\(begun.isSendOnly)")),
                ("cursor", .number(begun.cursor.position.rawValue)),
            ]
            if !begun.newUser.isEmpty { details.append(("newUser", .text(String(decoding: begun.newUser, as: UTF8.self)))) }
            if let limit = begun.limit { details.append(("to", .text(limit.names.joined(separator: " ")))) }
            return details
        case .sessionEnded(let session, let hasExpired, _):
            return [("session", .number(session.rawValue)), ("expired", .text("\(hasExpired)"))]
        case .evicted(let evicted):
            return [
                ("user", .number(evicted.user)), ("from", .number(evicted.from.rawValue)),
                ("through", .number(evicted.through.position.rawValue)), ("count", .number(UInt64(evicted.count))),
                ("reason", .text("\(evicted.reason)")),
            ]
        case .seen(let session, _): return [("session", .number(session.rawValue))]
        case .limit(let session, let limit):
            return [("session", .number(session.rawValue)), ("to", .text(limit?.names.joined(separator: " ") ?? "*"))]
        case .lost(let users): return [("users", .number(UInt64(users.count)))]
        case .hold(let record):
            var details: [(StaticString, Value)] = [
                ("hold", .text("\(record.name)")), ("floor", .number(record.hold.floor.rawValue)), ("cause", .text("\(record.cause)")),
            ]
            if let consumer = record.hold.consumer { details.append(("acknowledged", .text("\(consumer.place)"))) }
            return details
        case .audit(let audit):
            return [
                ("time", .text(Timestamp.text(audit.time))), ("act", .text("\(audit.act.kind)")), ("outcome", .text("\(audit.outcome)")),
                ("actor", .text("\(audit.actor)")), ("requestID", .text(String(decoding: audit.requestID, as: UTF8.self))),
                ("user", .number(audit.user)), ("name", .text(String(decoding: audit.name, as: UTF8.self))),
                ("sessionsEnded", .number(UInt64(audit.ended.count))), ("connectionsClosed", .number(UInt64(audit.connectionsClosed))),
            ]
        case nil: return []
        }
    }
}

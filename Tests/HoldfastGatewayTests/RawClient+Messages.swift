import HoldfastWire

/// A frame that a test didn't expect.
struct Unexpected: Error, CustomStringConvertible {
    var description: String
    init(_ frame: ServerFrame?) { description = "unexpected: \(String(describing: frame))" }
}

extension RawClient {
    struct Message {
        var position: Position
        var conversation: ConversationNumber
        var text: String
    }

    /// Sends a text; with `awaitingRoom` it first waits until no more than half of what may be unanswered is.
    func sendTo(_ user: String, _ text: String, _ sequence: UInt64, awaitingRoom: Bool = false) throws {
        if awaitingRoom && sequence > 60 { _ = try waitForSent(sequence - 60) }
        let user = Array(user.utf8)
        let body = Array(text.utf8)
        try send { ClientFrameWriter.sendTo(.init(rawValue: sequence), kind: .text, user: user.span, body: body.span, to: &$0) }
    }

    /// Waits until everything up to `sequence` is stored; false when the connection ends before.
    func waitForSent(_ sequence: UInt64) throws -> Bool {
        while sentThrough < sequence {
            guard let frame = try next() else { return false }
            if case .sent(let through, _) = frame { sentThrough = through.expanded(near: .init(rawValue: sentThrough)).rawValue }
        }
        return true
    }

    /// The next `count` messages; checks that the stream has no hole.
    func receive(_ count: Int) throws -> [Message] {
        var messages: [Message] = []
        while messages.count < count {
            let frame = try next()
            switch frame {
            case .deliver(let deliver)?:
                if let streamEnd, ShortPosition(streamEnd) != deliver.predecessor { throw Unexpected(frame) }
                let bytes = bytes
                var entries = DeliverEntries(deliver)
                while let entry = try entries.next(in: bytes.span) {
                    let position = entry.position.expanded(from: streamEnd ?? .zero)
                    messages.append(Message(position: position, conversation: deliver.conversation, text: text(entry.body)))
                    streamEnd = position
                }
            case .skip(_, let through)?: streamEnd = through
            case .gap(let gap)?: streamEnd = gap.through
            case nil, .closed?: throw Unexpected(frame)
            default: break
            }
        }
        return messages
    }
}

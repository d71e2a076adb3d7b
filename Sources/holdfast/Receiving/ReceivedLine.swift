internal import Foundation
internal import HoldfastClient
internal import HoldfastGateway

/// An element of a stream as a line: JSON for programs and for `--output`, or words for a person.
struct ReceivedLine: Equatable, Sendable {
    /// What it is about.
    enum Content: Equatable, Sendable {
        /// A message.
        case message(Message)
        /// Messages that will not come; a count of 0 is unknown.
        case gap(reason: String, count: UInt32)
    }

    /// A message.
    struct Message: Equatable, Sendable {
        var conversation: UInt64
        /// Nil: not known any more.
        var from: String?
        var to: String?
        var timeMilliseconds: UInt64
        var kind: BodyKindName
        var body: [UInt8]
        /// It may have been handed over before.
        var isRepeat: Bool
    }

    /// The place in the stream.
    var position: UInt64
    /// Whose stream it is.
    var user: String
    var content: Content

    /// The line of an element in the stream of `user`.
    init(_ element: Incoming, user: String) {
        position = element.position
        self.user = user
        switch element {
        case .message(let message):
            content = .message(
                Message(
                    conversation: message.conversation, from: message.from, to: message.isOwn ? message.peer : user,
                    timeMilliseconds: message.timeMilliseconds, kind: BodyKindName(message.kind), body: message.body,
                    isRepeat: message.isRepeat))
        case .gap(let gap): content = .gap(reason: "\(gap.reason)", count: gap.count)
        }
    }

    /// A line of these parts.
    init(position: UInt64, user: String, content: Content) {
        self.position = position
        self.user = user
        self.content = content
    }

    /// Whether it counts as a message.
    var isMessage: Bool {
        if case .message = content { return true }
        return false
    }

    /// As JSON, with a line end. A body that is UTF-8 is `text`, another one `base64`.
    var json: [UInt8] {
        let object = JSONText.object { object in
            object.add("position", position)
            object.add("user", user)
            switch content {
            case .gap(let reason, let count):
                object.add("gap", reason)
                if count > 0 { object.add("count", count) }
            case .message(let message):
                object.add("conversation", message.conversation)
                object.add("from", message.from)
                object.add("to", message.to)
                object.add("time", Timestamp.text(message.timeMilliseconds))
                object.add("kind", message.kind.rawValue)
                if let text = String(validating: message.body, as: UTF8.self) {
                    object.add("text", text)
                } else {
                    object.add("base64", Data(message.body).base64EncodedString())
                }
                if message.isRepeat { object.add("repeat", true) }
            }
        }
        return object.bytes + [UInt8(ascii: "\n")]
    }

    /// The same for a file whose last line has a position: what is above it is not in the file, whatever else is known of it. Where the file has
    /// none, the one before it, which was rotated, may have the message.
    func json(after position: UInt64?) -> [UInt8] {
        guard case .message(var message) = content, message.isRepeat, let position, self.position > position else { return json }
        message.isRepeat = false
        return ReceivedLine(position: self.position, user: user, content: .message(message)).json
    }

    /// For a person, with a line end. Control characters of a body can't reach the terminal.
    var words: [UInt8] {
        switch content {
        case .gap(let reason, let count):
            let what = count == 0 ? "messages are" : count == 1 ? "1 message is" : "\(count) messages are"
            return Array("-- \(what) missing here: \(reason)\n".utf8)
        case .message(let message):
            let time = Timestamp.text(message.timeMilliseconds)
            let way = "\(VisibleText.of(message.from ?? "?")) -> \(VisibleText.of(message.to ?? "?"))"
            let mark = message.isRepeat ? " (again)" : ""
            return Array("\(time) \(way)\(mark): \(VisibleText.of(message.body, kind: message.kind))\n".utf8)
        }
    }
}

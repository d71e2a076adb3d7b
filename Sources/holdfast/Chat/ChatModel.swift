internal import HoldfastClient

/// What a chat shows: lines that are done with, messages that wait to be stored, and what the connection does. No I/O.
struct ChatModel {
    /// A message of this user's without an outcome yet.
    struct Waiting: Equatable, Sendable {
        var id: Int
        var time: String
        var text: String
    }

    /// A line that doesn't change any more.
    struct Line: Equatable, Sendable {
        /// How it stands out.
        enum Style: Equatable, Sendable {
            case theirs, mine, failed, notice
        }
        var style: Style
        var text: String
    }

    /// The other user.
    let peer: String
    private let user: String
    /// Messages that wait, oldest first.
    private(set) var waiting: [Waiting] = []
    /// What the connection does.
    var connection = ConnectionState.disconnected
    private var finished: [Line] = []
    private var nextID = 1

    /// A chat of `user` with `peer`.
    init(user: String, peer: String) {
        self.user = user
        self.peer = peer
    }

    /// The lines since the last call.
    mutating func takeFinished() -> [Line] {
        defer { finished = [] }
        return finished
    }

    /// A message was written; the result is its number here.
    mutating func wrote(_ text: String, time: String) -> Int {
        defer { nextID += 1 }
        waiting.append(Waiting(id: nextID, time: time, text: VisibleText.of(text)))
        return nextID
    }

    /// A message has its outcome. Those written before it may still wait: a refusal takes one out of the middle.
    mutating func settled(_ id: Int, _ error: SendError?) {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        let message = waiting.remove(at: index)
        if let error {
            finished.append(Line(style: .failed, text: "\(message.time) \(me): \(message.text) ✗ not sent: \(error)"))
        } else {
            finished.append(Line(style: .mine, text: "\(message.time) \(me): \(message.text) ✓"))
        }
    }

    /// An element of the stream came.
    mutating func received(_ element: Incoming, time: (UInt64) -> String) {
        let line = ReceivedLine(element, user: user)
        switch line.content {
        case .gap(let reason, let count):
            let what = count == 0 ? "messages are" : count == 1 ? "1 message is" : "\(count) messages are"
            notice("\(what) missing here: \(reason)")
        case .message(let message):
            let from = message.from ?? "?"
            let body = VisibleText.of(message.body, kind: message.kind)
            let mark = message.isRepeat ? " (again)" : ""
            // Written on another device of this user's.
            let to = from == user ? " to \(VisibleText.of(message.to ?? "?"))" : ""
            finished.append(
                Line(
                    style: from == user ? .mine : .theirs,
                    text: "\(time(message.timeMilliseconds)) \(VisibleText.of(from))\(to)\(mark): \(body)"))
        }
    }

    /// Something that is to be known.
    mutating func notice(_ text: String) { finished.append(Line(style: .notice, text: "-- \(VisibleText.of(text))")) }

    /// What the connection does, in a few words; empty while it is up.
    var connectionText: String {
        switch connection {
        case .connected: ""
        case .disconnected: "disconnected"
        case .connecting: "connecting"
        case .waiting(let milliseconds): milliseconds < 1_000 ? "reconnecting" : "reconnecting in \((milliseconds + 999) / 1000) s"
        case .stopped: "stopped"
        }
    }

    private var me: String { VisibleText.of(user) }
}

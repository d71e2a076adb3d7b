package import HoldfastWire

/// Messages that the gateway hasn't answered for. A number isn't kept with a message: the first of `line` has the last stored number
/// plus 1, each next one 1 more, so that taking one out gives its number to the next by itself.
package struct Outbox: Equatable, Sendable {
    /// Messages with a number; they may have been sent.
    package private(set) var line = Queue<OutboxEntry>()
    /// Messages without a number, in the order of their acceptance; never sent under the numbers that are open now.
    package private(set) var waiting = Queue<OutboxEntry>()
    /// Bytes of bodies, of all and of those in `line`.
    package private(set) var bodyBytes = 0
    package private(set) var lineBodyBytes = 0

    package init() {}

    package var count: Int { line.count + waiting.count }
    package var isEmpty: Bool { line.isEmpty && waiting.isEmpty }

    package mutating func enqueue(_ entry: OutboxEntry) {
        bodyBytes += entry.body.count
        waiting.append(entry)
    }

    /// The waiting message at `index` gets the next number.
    package mutating func assign(at index: Int) {
        let entry = waiting.remove(at: index)
        lineBodyBytes += entry.body.count
        line.append(entry)
    }

    /// The messages of the line from `index` on lose their numbers and wait again, in front.
    package mutating func unassign(from index: Int) {
        while line.count > index, let entry = line.popLast() {
            lineBodyBytes -= entry.body.count
            waiting.prepend(entry)
        }
    }

    /// Takes the first of the line out: it is stored.
    package mutating func popFirst() -> OutboxEntry? {
        guard let entry = line.popFirst() else { return nil }
        lineBodyBytes -= entry.body.count
        bodyBytes -= entry.body.count
        return entry
    }

    package mutating func removeFromLine(at index: Int) -> OutboxEntry {
        let entry = line.remove(at: index)
        lineBodyBytes -= entry.body.count
        bodyBytes -= entry.body.count
        return entry
    }

    package mutating func removeWaiting(at index: Int) -> OutboxEntry {
        let entry = waiting.remove(at: index)
        bodyBytes -= entry.body.count
        return entry
    }

    /// Messages to conversations of which the other member is known go to that user by name: the numbers are about to be forgotten.
    package mutating func readdress(_ peers: [ConversationNumber: String]) {
        let change = { (entry: inout OutboxEntry) in
            if case .conversation(let number) = entry.recipient, let peer = peers[ConversationNumber(rawValue: number)] {
                entry.recipient = .user(peer)
            }
        }
        line.update(change)
        waiting.update(change)
    }
}

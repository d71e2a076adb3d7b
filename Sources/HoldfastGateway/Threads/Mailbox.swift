internal import Synchronization

/// Messages from any thread to one, taken all at once: one lock for a batch, and one wake-up for all that came since the last.
///
/// It has no bound of its own: what is under way is bounded by the credits of the loops, the one batch in the journal, and the
/// core's limits for reads.
final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex(ContiguousArray<Message>())

    /// Adds a message; true when it is the first since the receiver looked, who must be woken then.
    func post(_ message: Message) -> Bool {
        messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
    }

    /// Exchanges all messages for the empty array that the receiver brings: its room is used again.
    func take(into taken: inout ContiguousArray<Message>) {
        let spare = taken
        taken = messages.withLock { messages in
            let all = messages
            messages = spare
            return all
        }
    }
}

internal import Dispatch

/// A mailbox whose receiver sleeps until something comes.
final class ThreadMailbox<Message: Sendable>: Sendable {
    private let mailbox = Mailbox<Message>()
    private let semaphore = DispatchSemaphore(value: 0)

    /// Adds a message; never waits.
    func post(_ message: Message) {
        if mailbox.post(message) { semaphore.signal() }
    }

    /// Everything that has come; waits for something when there is nothing, but not longer than told.
    func take(into taken: inout ContiguousArray<Message>, waitingMilliseconds: Int) {
        _ = semaphore.wait(timeout: .now() + .milliseconds(waitingMilliseconds))
        mailbox.take(into: &taken)
    }
}

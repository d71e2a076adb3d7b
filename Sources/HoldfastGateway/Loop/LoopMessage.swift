internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO

/// What other threads tell an event loop.
enum LoopMessage: Sendable {
    /// What the core says; `spare` are the emptied arrays of a batch, to be used again.
    case effects(EffectBatch, spare: CommandBatch)
    case tokenChecked(ConnectionID, Result<VerifiedToken, TokenError>)
    case ticketKeys(TicketKeys)
    /// The gateway is quiet: let go of the room of past batches.
    case giveMemoryBack
    /// Tell what is known of some connections.
    case describe(ConnectionInquiry)
    /// Tell the collector what was counted.
    case count(FigureCollector)
    /// Stop listening; tell every client to leave within the time.
    case drain(milliseconds: UInt32)
    /// Close every connection that is still there.
    case closeAll
}

/// The way to an event loop from other threads.
final class LoopMailbox: Sendable {
    private let mailbox = Mailbox<LoopMessage>()
    let eventLoop: EventLoop

    init(_ eventLoop: EventLoop) { self.eventLoop = eventLoop }

    func post(_ message: LoopMessage) {
        if mailbox.post(message) { eventLoop.wake() }
    }

    /// On the loop's thread.
    func take(into taken: inout ContiguousArray<LoopMessage>) { mailbox.take(into: &taken) }
}

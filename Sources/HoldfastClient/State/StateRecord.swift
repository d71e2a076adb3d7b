package import HoldfastWire

/// A message that the gateway hasn't answered for.
package struct OutboxEntry: Equatable, Sendable {
    /// Its number in this outbox: rises, never used twice.
    package var id: UInt64
    package var recipient: Recipient
    package var kind: MessageKind
    /// A full inbox is waited for; false: it is the outcome.
    package var waitsForRoom: Bool
    package var tag: SendTag?
    /// The ordinal of the tag; 0 without one.
    package var inputNumber: UInt64
    package var body: [UInt8]

    package init(
        id: UInt64, recipient: Recipient, kind: MessageKind, waitsForRoom: Bool = true, tag: SendTag? = nil, inputNumber: UInt64 = 0,
        body: [UInt8]
    ) {
        self.id = id
        self.recipient = recipient
        self.kind = kind
        self.waitsForRoom = waitsForRoom
        self.tag = tag
        self.inputNumber = inputNumber
        self.body = body
    }
}

/// One change of the client's state. A snapshot is a list of these too.
package enum StateRecord: Equatable, Sendable {
    /// Whose state this is; the first of a file.
    case owner(user: String, device: String)
    case welcomed(session: SessionID, attach: AttachNumber, era: UInt8, cursor: Position, lastSequence: MessageSequence)
    /// A refusal has raised the attach.
    case attachRaised(AttachNumber)
    /// Empty: there is none any more.
    case ticket([UInt8])
    /// The app has dealt with everything up to here.
    case acknowledged(Position)
    /// Everything up to here may have been handed to the app.
    case handedOver(Position)
    case enqueued(OutboxEntry)
    /// These waiting messages get the next numbers, in this order.
    case assigned([UInt64])
    /// The messages from this number on lose their numbers and wait again, in front.
    case unassigned(from: MessageSequence)
    /// Everything up to this number is stored by the gateway.
    case stored(through: MessageSequence)
    /// The message is taken out; what follows it gets the freed numbers. With a code it is kept as failed.
    case removed(id: UInt64, SendError.Code?)
    case conversation(ConversationNumber, peer: String)
    /// Messages to them go to the user by name.
    case conversationsForgotten
    case inputs(InputProgress)
    case failed(FailedSend)
    case failuresForgotten
    /// The app was told of this one while it waited for it.
    case failureForgotten(id: UInt64)
    /// The next id is at least this.
    case nextID(UInt64)
    /// The session was logged out: all of it is forgotten but for what is presented of it, the inputs and the failures.
    case sessionEnded
}

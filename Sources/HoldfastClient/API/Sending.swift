/// Where a message goes.
public enum Recipient: Hashable, Sendable {
    /// The one-to-one conversation with this user; it begins with the first message.
    case user(String)
    /// A conversation by its permanent number.
    case conversation(UInt64)
}

/// Sixteen bytes of the caller's choice that stay with a message in the outbox, and of which the last one taken is remembered for good:
/// a program that sends a list of inputs finds after a crash how many were taken, and by a running digest whether they were the same.
public struct SendTag: Hashable, Sendable {
    /// The first eight bytes.
    public var high: UInt64
    /// The last eight bytes.
    public var low: UInt64

    /// A tag of these sixteen bytes.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// How many tagged messages the outbox has ever taken, over all runs with this state.
public struct InputProgress: Hashable, Sendable {
    /// The number of tagged messages taken.
    public var count: UInt64
    /// The tag of the last one.
    public var lastTag: SendTag?

    /// Nothing taken yet.
    public init() { count = 0 }

    init(count: UInt64, lastTag: SendTag?) {
        self.count = count
        self.lastTag = lastTag
    }
}

/// A message is stored on the gateway's disk.
public struct SendReceipt: Hashable, Sendable {
    /// The number of the message in its session.
    public var sequence: UInt64
}

/// Why a message was not sent.
public struct SendError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened.
    public enum Code: UInt16, Sendable, CaseIterable {
        /// The recipient's inbox is full.
        case inboxFull = 100
        /// There is no such conversation, or this user isn't in it.
        case unknownConversation = 101
        /// The body is larger than the gateway takes.
        case bodyTooLarge = 102
        /// The recipient's name is not valid.
        case invalidRecipient = 103
        /// The gateway has no room: its disk is full, or what it may store is used up.
        case storageFull = 104
        /// The gateway doesn't take this kind of body.
        case kindUnsupported = 105
        /// The gateway has too much to do.
        case overloaded = 106
        /// The token doesn't let its user write to this one.
        case notAllowed = 107
        /// The session ended before an answer came: it may be stored or not, and is not sent again.
        case unknown = 1000
        /// It was withdrawn before it was sent.
        case withdrawn = 1001
        /// The outbox is full.
        case outboxFull = 1002
        /// The client was closed while the caller waited; the message stays in the outbox if the state is kept.
        case closed = 1003
        /// The state could not be written.
        case stateUnwritable = 1004
    }
    /// What happened.
    public var code: Code
    /// More about it, for a log; empty when the code says all.
    public var message: String

    init(_ code: Code, _ message: String = "") {
        self.code = code
        self.message = message
    }

    /// A word for it, and more about it.
    public var description: String { message.isEmpty ? "\(code)" : "\(code): \(message)" }
}

/// A message that is to be put into the outbox together with others.
public struct OutgoingMessage: Hashable, Sendable {
    /// The content.
    public var body: [UInt8]
    /// What the body is.
    public var kind: BodyKind
    /// Where it goes.
    public var recipient: Recipient
    /// A full inbox of the recipient is waited for; false: it is the outcome.
    public var waitsForRoom: Bool
    /// Stays with the message; see `SendTag`.
    public var tag: SendTag?

    /// A message.
    public init(body: [UInt8], kind: BodyKind = .text, to recipient: Recipient, waitsForRoom: Bool = true, tag: SendTag? = nil) {
        self.body = body
        self.kind = kind
        self.recipient = recipient
        self.waitsForRoom = waitsForRoom
        self.tag = tag
    }
}

/// A message in the outbox.
public struct PendingSend: Sendable {
    /// Its number in this outbox; rises.
    public let id: UInt64
    /// What the caller gave it.
    public let tag: SendTag?
    /// The ordinal of its tag among all tagged ones (`InputProgress.count` when it was taken); 0 without a tag.
    public let inputNumber: UInt64
    let result: OneShot<Result<SendReceipt, SendError>>

    /// Returns when the message is stored on the gateway's disk; throws when it never will be.
    public func receipt() async throws(SendError) -> SendReceipt {
        try await result.value(ifCancelled: .failure(SendError(.closed))).get()
    }
}

/// A message that was refused or whose fate is unknown, kept until the app has seen it: a tagged one, or one of an earlier run.
public struct FailedSend: Hashable, Sendable {
    /// Its number in the outbox.
    public var id: UInt64
    /// What the caller gave it.
    public var tag: SendTag?
    /// The ordinal of its tag; 0 without one.
    public var inputNumber: UInt64
    /// What happened.
    public var code: SendError.Code
}

/// What a message's body is. The gateway doesn't look into the body.
public struct BodyKind: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt8

    /// Any number from 0 to 8; see the constants.
    public init?(rawValue: UInt8) {
        guard rawValue <= 8 else { return nil }
        self.rawValue = rawValue
    }

    init(known rawValue: UInt8) { self.rawValue = rawValue }

    /// UTF-8 text.
    public static let text = BodyKind(known: 0)
    /// A picture, by reference.
    public static let image = BodyKind(known: 1)
    /// A voice message, by reference.
    public static let voice = BodyKind(known: 2)
    /// A video, by reference.
    public static let video = BodyKind(known: 3)
    /// A file, by reference.
    public static let file = BodyKind(known: 4)
    /// A place.
    public static let location = BodyKind(known: 5)
    /// An order, a visited page.
    public static let card = BodyKind(known: 6)
    /// Anything that the applications agree upon.
    public static let custom = BodyKind(known: 7)
    /// Something that happened in the conversation.
    public static let event = BodyKind(known: 8)
}

/// A message of this session's stream.
public struct IncomingMessage: Hashable, Sendable {
    /// Its place in the stream: rises, never used twice. To be stored together with the message's effect, and acknowledged.
    public var position: UInt64
    /// The permanent number of its conversation.
    public var conversation: UInt64
    /// The user who sent it; nil if the conversation can't be looked up any more.
    public var from: String?
    /// The other user of the conversation; nil if it can't be looked up any more.
    public var peer: String?
    /// When the gateway took it, in milliseconds since 1970, UTC.
    public var timeMilliseconds: UInt64
    /// What the body is.
    public var kind: BodyKind
    /// The content.
    public var body: [UInt8]
    /// Sent by this user from another device.
    public var isOwn: Bool
    /// It may have been handed over before, with the same position: the app ended, or the gateway went back in time, before it was
    /// acknowledged.
    public var isRepeat: Bool
}

/// Messages that will not come, told in their place in the stream.
public struct IncomingGap: Hashable, Sendable {
    /// Why they will not come.
    public enum Reason: UInt8, Sendable, CaseIterable {
        /// The inbox was full.
        case evicted = 1
        /// Older than the inbox keeps.
        case expired = 2
        /// Erased on request.
        case erased = 3
        /// The stored record was damaged.
        case damaged = 4
    }
    /// The stream is without these messages up to here; to be acknowledged like a message.
    public var through: UInt64
    /// How many are missing; 0 when that isn't known.
    public var count: UInt32
    /// Why.
    public var reason: Reason
}

/// An element of the stream.
public enum Incoming: Hashable, Sendable {
    /// A message.
    case message(IncomingMessage)
    /// Messages that will not come.
    case gap(IncomingGap)

    /// What to acknowledge once it is dealt with.
    public var position: UInt64 {
        switch self {
        case .message(let message): message.position
        case .gap(let gap): gap.through
        }
    }
}

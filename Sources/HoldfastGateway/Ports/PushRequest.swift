package import HoldfastWire

/// A message of an account's.
package struct PushRequest: Equatable, Sendable {
    /// The user who sends: 1 to 255 bytes.
    package var account: [UInt8]
    /// 1 to 1,000 names, each once, of 1 to 255 bytes.
    package var recipients: [[UInt8]]
    package var kind: MessageKind
    package var body: [UInt8]
    /// At most 255 bytes; empty: none.
    package var tag: [UInt8]
    /// For how many seconds the message is worth something; 0: for ever.
    package var timeToLive: UInt32
    /// Whether its delivery is an event of its own.
    package var isTracked: Bool
    /// Whether a name that nobody has is refused; else a user begins with the message.
    package var mustExist: Bool

    package init(
        from account: [UInt8], to recipients: [[UInt8]], kind: MessageKind, body: [UInt8], tag: [UInt8] = [], timeToLive: UInt32 = 0,
        isTracked: Bool = false, mustExist: Bool = false
    ) {
        self.account = account
        self.recipients = recipients
        self.kind = kind
        self.body = body
        self.tag = tag
        self.timeToLive = timeToLive
        self.isTracked = isTracked
        self.mustExist = mustExist
    }
}

package import HoldfastWire

/// What a machine wants done, in this order; collected over events and reused.
package struct ClientActions: Sendable {
    package var items: [ClientAction] = []
    /// What `write` ranges point into.
    package var bytes: [UInt8] = []
    /// What `handOver` ranges point into.
    package var deliveries: [ClientDelivery] = []
    /// What the bodies of deliveries point into.
    package var bodies: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { items.isEmpty }

    /// To be called when all is done; keeps the memory.
    package mutating func removeAll() {
        items.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
        deliveries.removeAll(keepingCapacity: true)
        bodies.removeAll(keepingCapacity: true)
    }

    /// Adds a `write` of what was appended to `bytes` since `start`; neighbours become one.
    mutating func write(from start: Int) {
        guard bytes.count > start else { return }
        if case .write(let range) = items.last, range.upperBound == start {
            items[items.count - 1] = .write(range.lowerBound..<bytes.count)
        } else {
            items.append(.write(start..<bytes.count))
        }
    }
}

/// One thing to do.
package enum ClientAction: Equatable, Sendable {
    /// Open a connection: to `address` if given, under the configured TLS name. Told back by `transportOpened` or `transportClosed`.
    case openTransport(address: String?)
    /// Close the connection after what was written has gone out. Nothing about this connection may be told to the machine any more.
    case closeTransport
    /// Send these bytes of `ClientActions.bytes`.
    case write(ByteRange)
    /// Call `timerFired` at this time, or a little later; replaces the one before.
    case armTimer(at: UInt64)
    /// Fetch a token; told back by `tokenProvided` or `tokenFailed`.
    case needToken
    /// Hand these elements of `ClientActions.deliveries` to the app.
    case handOver(Range<Int>)
    /// What became of a message.
    case resolved(id: UInt64, SendOutcome)
    /// Append a record to the state file.
    case persist(StateRecord)
    /// All records persisted so far must be on the disk before anything that follows is done.
    case sync
    case stateChanged(ConnectionState)
    /// The session is open: what a `connect` waits for.
    case welcomed(WelcomeOutcome)
    case notice(ClientNotice)
}

/// What became of a message.
package enum SendOutcome: Hashable, Sendable {
    case stored(MessageSequence)
    case refused(RefusalCode)
    /// It may be stored or not, and is not sent again.
    case unknown
    case withdrawn
}

/// An element of the stream, for the app.
package enum ClientDelivery: Equatable, Sendable {
    case message(Message)
    case gap(through: Position, count: UInt32, GapReason)

    package struct Message: Equatable, Sendable {
        package var position: Position
        package var conversation: ConversationNumber
        /// Nil: not looked up, or not known any more.
        package var peer: String?
        /// Milliseconds since 1970.
        package var time: UInt64
        package var kind: MessageKind
        package var isOwn: Bool
        package var isRepeat: Bool
        /// In `ClientActions.bodies`.
        package var body: ByteRange
    }
}

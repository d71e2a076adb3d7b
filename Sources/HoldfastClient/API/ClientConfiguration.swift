/// What a client is to know.
public struct ClientConfiguration: Sendable {
    /// Where the gateway is.
    public var endpoint: ClientEndpoint
    /// The name of the user; must be that of the token.
    public var user: String
    /// The name of this device: a session is of one user on one device.
    public var device: String
    /// The session only sends: it gets no messages and holds nothing back in the inbox.
    public var isSendOnly = false
    /// Messages are acknowledged when the next one is asked for, and without being recorded before each; false: by `acknowledge` only.
    public var acknowledgesAutomatically = true
    /// The last position that the app itself has stored together with the message's effect: nothing up to it is handed over again.
    public var storedPosition: UInt64?
    /// The outbox takes at most this many messages.
    public var outboxMessagesMax = 10_000
    /// The outbox takes at most this many bytes of bodies.
    public var outboxBytesMax = 64 << 20
    /// At most this many received messages may be unacknowledged; nil: as many as the gateway allows.
    public var creditMessagesMax: UInt32?
    /// At most this many bytes of received messages may be unacknowledged; nil: as many as the gateway allows.
    public var creditBytesMax: UInt32?
    /// An acknowledgement waits at most this long for a frame to ride with.
    public var acknowledgementDelayMilliseconds: UInt32 = 2_000
    /// A connection must be open, and the session resumed, within this time.
    public var connectTimeoutMilliseconds: UInt32 = 15_000
    /// A heartbeat must be answered within this time.
    public var replyTimeoutMilliseconds: UInt32 = 10_000
    /// The pause before attempt n (1, 2, …) is random, and at most this times 2ⁿ; n begins anew after a connection that lasted a minute.
    public var backoffBaseMilliseconds: UInt32 = 1_000
    /// No pause is longer than this, unless the gateway asks for it.
    public var backoffMaxMilliseconds: UInt32 = 60_000

    /// The usual configuration.
    public init(endpoint: ClientEndpoint, user: String, device: String) {
        self.endpoint = endpoint
        self.user = user
        self.device = device
    }
}

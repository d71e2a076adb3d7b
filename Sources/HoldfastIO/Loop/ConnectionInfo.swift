/// What a loop knows of a connection when it reports it.
package struct ConnectionInfo: Sendable {
    /// The other side: the address that a PROXY header names if there was one, the socket's peer otherwise.
    package var peer: SocketAddress
    /// Whether the bytes travel encrypted.
    package var isTLS: Bool
    /// Whether `connect` made the connection, not a listener.
    package var isOutgoing: Bool
    /// Which listener accepted it, counted from 0 in the order of `listen` on its loop; -1 for outgoing ones.
    package var listener: Int
    /// The value given to `connect`; 0 for accepted ones.
    package var userData: UInt64

    /// All of it.
    package init(peer: SocketAddress, isTLS: Bool, isOutgoing: Bool, listener: Int, userData: UInt64) {
        self.peer = peer
        self.isTLS = isTLS
        self.isOutgoing = isOutgoing
        self.listener = listener
        self.userData = userData
    }
}

/// Why a connection ended.
package enum DisconnectReason: UInt8, CaseIterable, Sendable {
    /// `close` was called.
    case requested
    /// The peer ended the stream.
    case peerClosed
    /// The peer reset the connection, or the path to it failed.
    case reset
    /// The peer took too little of its output: over the limit of unsent bytes, or no progress until the stall deadline.
    case slowConsumer
    /// More received bytes were left unconsumed than `keptBytesMax`.
    case keptBytesExceeded
    /// A TLS record that doesn't verify, or a TLS alert.
    case tlsFailed
    /// No descriptors were left, and this connection was the longest silent.
    case reclaimed
    /// The loop stopped.
    case loopStopped
    /// It began with a PROXY header, which has no place there.
    case unexpectedProxyHeader
    /// The peer made the loop do too much in vain (`ReceiveOverhead`).
    case overheadExceeded
}

/// Why an outgoing connection didn't come about.
package enum ConnectError: Error, Equatable, CustomStringConvertible, Sendable {
    /// Nobody listens there.
    case refused
    /// No answer, or no end of the TLS handshake, within the configured time.
    case timedOut
    /// The TLS handshake failed: the certificate doesn't verify, no common protocol. The text says which.
    case tls(String)
    /// The peer closed before the TLS handshake was over.
    case closedEarly
    /// `close` was called, or the loop stopped, before the connection was up.
    case cancelled
    /// Another failure of the system; an `errno` value.
    case system(Int32)

    package var description: String {
        switch self {
        case .refused: "connection refused"
        case .timedOut: "no answer in time"
        case .tls(let text): "TLS handshake failed: \(text)"
        case .closedEarly: "closed by the peer before the TLS handshake was over"
        case .cancelled: "cancelled"
        case .system(let number): IOError.text(of: number)
        }
    }
}

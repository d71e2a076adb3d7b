internal import CLinux

/// The limits of one event loop.
package struct EventLoopConfiguration: Sendable {
    /// The name of the thread that `EventLoop.start` makes; 15 bytes are shown.
    package var name: String = "loop"
    /// Connections at most, accepted and outgoing. Costs address space only, until they are used.
    package var connectionCountMax: Int = 1 << 20
    /// The most that one read takes from a connection.
    package var readBytesMax: Int = 64 * 1024
    /// Received bytes that a delegate may leave unconsumed (while reading isn't paused); more closes with `.keptBytesExceeded`.
    package var keptBytesMax: Int = 64 * 1024
    /// Bytes that a peer may leave unread; more closes with `.slowConsumer`.
    package var unsentBytesMax: Int = 1 << 20
    /// A peer with unsent bytes must take `stallProgressBytesMin` (or all) of them in this time, or is closed with `.slowConsumer`.
    package var stallTimeoutMilliseconds: UInt32 = 15_000
    /// See `stallTimeoutMilliseconds`.
    package var stallProgressBytesMin: Int = 4096
    /// How long `close(_:flush: true)` waits for the output to go out and for the peer to end its side.
    package var flushTimeoutMilliseconds: UInt32 = 3_000
    /// How long an outgoing connection may take until it is up, TLS included.
    package var connectTimeoutMilliseconds: UInt32 = 10_000
    /// Connections taken from a listener in one iteration.
    package var acceptCountMax: Int = 64
    /// Steps of TLS handshakes in one iteration: they cost a millisecond each, and a storm of them must not delay the others.
    package var handshakeStepCountMax: Int = 4
    /// How long a TLS handshake may have to wait for its first step: where more wait than the loop does in this time, further connections are
    /// closed when they are accepted, before anything was spent on them. 0: none are.
    package var handshakeBacklogMilliseconds: UInt32 = 0
    /// TLS handshakes under way from one peer address, as limits count addresses; further connections from there are closed. They hold
    /// more memory than a connection that is up, and nobody has been asked yet whether there is room for them.
    package var handshakesPerAddressMax: Int = .max
    /// At the descriptor limit, a connection that has been silent for longer than this is closed to make room for a new one: longer than
    /// any heartbeat's interval, or living ones are closed.
    package var reclaimSilenceMilliseconds: UInt32 = 600_000
    /// Written to an accepted plaintext socket that there is no room for, before it is closed.
    package var refusalBytes: [UInt8] = []

    /// Monotonic milliseconds. Read once per iteration; a test moves it.
    package var clock: @Sendable () -> UInt64 = { clinux_monotonic_nanoseconds() / 1_000_000 }

    /// The defaults.
    package init() {}
}

/// What a loop counted since it was made.
package struct EventLoopStatistics: Sendable {
    /// Connections taken from listeners, refused ones included.
    package var acceptedCount: UInt64 = 0
    /// Accepted connections that ended before they were up: bad PROXY header, failed TLS handshake, deadline.
    package var failedHandshakeCount: UInt64 = 0
    /// Those of `failedHandshakeCount` that reached the deadline.
    package var timedOutHandshakeCount: UInt64 = 0
    /// TLS handshakes that were done, and those of them that resumed a session.
    package var finishedHandshakeCount: UInt64 = 0
    package var resumedHandshakeCount: UInt64 = 0
    /// Connections that were turned away because descriptors or slots had run out.
    package var refusedCount: UInt64 = 0
    /// Connections that were closed when they were accepted, because too many TLS handshakes waited already.
    package var shedHandshakeCount: UInt64 = 0
    /// Silent connections closed to make room.
    package var reclaimedCount: UInt64 = 0
    /// Connections closed as slow consumers.
    package var slowConsumerCount: UInt64 = 0
    /// Connections closed because they cost more than they brought.
    package var costlyCount: UInt64 = 0
    /// Bytes read from sockets.
    package var receivedBytes: UInt64 = 0
    /// Bytes written to sockets.
    package var sentBytes: UInt64 = 0
    /// Connections that aren't up yet, now: of those with TLS and of those without.
    package var pendingTLSCount = 0
    package var pendingPlainCount = 0
    /// How often the loop has looked for events.
    package var iterationCount: UInt64 = 0
    /// TLS handshakes whose first step waits for its turn, now.
    package var waitingHandshakeCount = 0

    /// All zero.
    package init() {}
}

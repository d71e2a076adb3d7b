/// What an event loop reports. Everything is called on the loop's thread, nothing from inside a call into the loop: what
/// `close` or `connect` bring about is reported later.
package protocol EventLoopDelegate: AnyObject {
    /// A connection is up: PROXY header read, TLS handshake done. Outgoing ones too.
    func opened(_ id: ConnectionID, _ info: ConnectionInfo)

    /// An outgoing connection didn't come up. Nothing else is reported of it.
    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError)

    /// An accepted connection is closed because of its PROXY header, or for want of one. `closed` follows if it was reported by `opened`.
    /// - Parameter peer: the socket's peer.
    func refused(_ peer: SocketAddress, _ refusal: ProxyRefusal)

    /// An accepted connection is gone before it was up: its TLS handshake failed, or it didn't come to its end in time.
    /// - Parameter peer: whom the connection was from, as far as that was known.
    func setupFailed(_ peer: SocketAddress, _ error: ConnectError)

    /// The peer makes the loop do too much in vain: records of TLS without data, a frame that comes byte by byte. If the delegate doesn't close the
    /// connection, the loop does.
    func overheadExceeded(_ id: ConnectionID)

    /// Bytes arrived.
    /// - Parameter bytes: what was left unconsumed before, and after it what is new. Valid during the call only.
    /// - Returns: how many bytes from the front were consumed. The rest is kept, and shown again in front of what comes next.
    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int

    /// A connection that was reported by `opened` is gone; its id names nothing any more. Once for each, also after `close`.
    func closed(_ id: ConnectionID, _ reason: DisconnectReason)

    /// The time given to `setDeadline` has come. The connection stays open; the deadline is gone.
    func deadlineReached(_ id: ConnectionID)

    /// `wake` was called, once or several times.
    func woken()

    /// About every 100 ms.
    /// - Parameter now: monotonic milliseconds, as `EventLoop.now`.
    func ticked(_ now: UInt64)

    /// Everything that was ready has been handled; what was sent goes out after this.
    func iterationEnded()
}

extension EventLoopDelegate {
    /// Says nothing.
    package func refused(_ peer: SocketAddress, _ refusal: ProxyRefusal) {}

    /// Says nothing.
    package func setupFailed(_ peer: SocketAddress, _ error: ConnectError) {}

    /// Has nothing to say.
    package func overheadExceeded(_ id: ConnectionID) {}
}

package import HoldfastCore
package import HoldfastWire

/// What the connections of one event loop need of the world: sockets, timers, ciphers, clocks. The gateway's event loop has it over epoll and
/// OpenSSL, the simulator over a simulated network. Nothing in it calls back at once: what it brings about is reported later.
package protocol ConnectionPort: AnyObject {
    /// Monotonic milliseconds; the same during one event.
    var now: UInt64 { get }
    /// Seconds since 1970, as far as the machine's clock is believed; jumps when the clock is set.
    var wallSeconds: UInt64 { get }
    func send(_ connection: ConnectionHandle, _ bytes: Span<UInt8>)
    /// Writes out what was sent and closes; `ConnectionTable.closed` is called then.
    func close(_ connection: ConnectionHandle)
    /// Replaces the deadline before; answered by `ConnectionTable.deadlineReached`.
    func setDeadline(_ connection: ConnectionHandle, afterMilliseconds: UInt32)
    /// Whether the other side has ended or is gone, also where that lies behind bytes that weren't shown yet.
    func hasPeerEnded(_ connection: ConnectionHandle) -> Bool
    func pauseReading(_ connection: ConnectionHandle)
    func resumeReading(_ connection: ConnectionHandle)
    /// Counts a connection for its address, or says why there is no room for it.
    func admit(_ connection: ConnectionHandle) -> CloseCode?
    /// A connection that was admitted is gone.
    func release(_ connection: ConnectionHandle)
    /// Has a token checked, answered by `ConnectionTable.tokenChecked`; false when too many checks wait already.
    func checkToken(_ token: [UInt8], of connection: ConnectionHandle) -> Bool
    /// What a sealed ticket says, if it is genuine; its time isn't looked at.
    func openTicket(_ sealed: Span<UInt8>) throws(TicketError) -> Ticket
    func sealTicket(_ ticket: Ticket) -> [UInt8]
    /// What is known of the whole gateway's load.
    var load: GatewayLoad { get }
    /// Openings are turned away: for the log.
    func isShedding(_ report: StormControl.Report)
    func random(in range: ClosedRange<UInt32>) -> UInt32
    /// A connection is about to be closed with this code: for the log.
    /// - Parameter session: 0 before `WELCOME`.
    func willClose(_ connection: ConnectionHandle, _ session: SessionID, _ code: CloseCode)
}

/// What all connections of a gateway are told.
package struct ConnectionSettings: Sendable {
    package var limits = ConnectionLimits()
    /// How long a ticket is good.
    package var ticketSeconds: UInt32 = 30 * 86400
    /// The least that a client is told to wait where the gateway lacks room; up to three times as long, so that not all come at once.
    package var retryAfterSeconds: UInt32 = 5
    /// Where to come back to after `GO_AWAY`; empty: to the same address.
    package var goAwayAddress = ""
    package var storm = StormControl.Settings()
    package init() {}
}

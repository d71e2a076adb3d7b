/// What the connection of a client is doing.
public enum ConnectionState: Hashable, Sendable {
    /// Not connected, and not trying to be.
    case disconnected
    /// On the way: a token is fetched, a connection opened, or the session resumed.
    case connecting
    /// Messages flow.
    case connected
    /// Lost; the next attempt comes in this time.
    case waiting(milliseconds: UInt64)
    /// Lost for good: only a new `connect` tries again.
    case stopped(StopReason)
}

/// Why a client doesn't connect any more by itself.
public enum StopReason: Hashable, Sendable {
    /// Another connection of the same session took over.
    case fenced
    /// The session was logged out.
    case loggedOut
    /// The gateway refused the token twice in a row, or for good.
    case unauthorized(code: UInt16)
    /// An operator keeps the user out. The session is still there: once the block is over, a new `connect` goes on with it.
    case blocked
    /// The user has too many devices.
    case tooManyDevices
    /// The gateway says that this client breaks the protocol.
    case protocolError(code: UInt16)
    /// The state can't be written, with what the system said: going on would break what is promised.
    case stateUnwritable(String)
}

/// Something that the app may have to act on.
public enum ClientNotice: Hashable, Sendable {
    /// The state file was damaged; it was set aside under this name and the client began without it.
    case stateDamaged(setAside: String, reason: String)
    /// The gateway knows more sent messages of this session than the state does: the state went back in time without the session
    /// noticing. What the outbox held may have been sent in the part that is missing.
    case stateBehind(sends: UInt64)
    /// A new session began.
    case resynchronised(Cause)
    /// The gateway was restored from a backup: this many messages that it had stored are lost; messages may be repeated.
    case serverWentBack(lostSends: UInt64)
    /// The gateway broke the protocol; the client closed the connection and resumes.
    case protocolViolation(code: UInt16)
    /// A hole in the stream was found; the client closed the connection and resumes from what it has.
    case streamHole
    /// The gateway closed the connection and said why.
    case closedByServer(code: UInt16, text: String)
    /// A connection could not be opened, or broke.
    case transportFailed(TransportFailure)
    /// The gateway has no room for a message now: it waits, and is sent again by itself. `inboxFull`, `storageFull` or `overloaded`.
    case heldBack(SendError.Code)
    /// A token could not be had, with the application's error in words. It is asked for again later.
    case tokenUnavailable(String)

    /// Why a new session began.
    public enum Cause: UInt8, Sendable, CaseIterable {
        /// The old one was too long away.
        case expired = 2
        /// The old one was logged out or revoked.
        case ended = 3
        /// The state went back in time, as a restored backup does.
        case rewound = 4
        /// The gateway doesn't know the old one.
        case unknown = 5
    }
}

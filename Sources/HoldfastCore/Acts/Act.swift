package import HoldfastWire

/// What an operator has done to a user's access or to his connections.
package enum Act: Equatable, Sendable {
    /// Ends a session: its ticket and its state don't bring it back, and its connection is closed with `revoked`.
    case revokeSession(SessionID)
    /// The same of the session of a device.
    case revokeDevice([UInt8])
    /// The same of all sessions of the user. Tokens that were issued before the time, in seconds since 1970, aren't good any more, and neither are
    /// those that don't say when they were issued.
    case revokeTokens(before: UInt32)
    /// Keeps the user out, whatever token or ticket he has, until a time in seconds since 1970, or for ever when that is 0. The reason, of at most
    /// 255 bytes, is for operators.
    case block(until: UInt32, reason: [UInt8])
    case unblock
    /// Closes the connections of all of the user's sessions, which may come back after a time in milliseconds.
    case disconnect(retryAfterMilliseconds: UInt32)
    /// The same of one session.
    case disconnectSession(SessionID, retryAfterMilliseconds: UInt32)

    /// As records have it: what is unknown is a later version's.
    package enum Kind: UInt8, CaseIterable, Sendable {
        case revokeSession = 1
        case revokeDevice = 2
        case revokeTokens = 3
        case block = 4
        case unblock = 5
        case disconnect = 6
        case disconnectSession = 7
    }

    package var kind: Kind {
        switch self {
        case .revokeSession: .revokeSession
        case .revokeDevice: .revokeDevice
        case .revokeTokens: .revokeTokens
        case .block: .block
        case .unblock: .unblock
        case .disconnect: .disconnect
        case .disconnectSession: .disconnectSession
        }
    }

    /// What kinds have beside themselves, each as far as it needs it: all are stored and handed over in the same fields.
    struct Fields {
        /// 0: none.
        var session = SessionID(rawValue: 0)
        /// A time or a duration.
        var number: UInt32 = 0
        /// A device or a reason.
        var text: [UInt8] = []
    }

    var fields: Fields {
        switch self {
        case .revokeSession(let session): Fields(session: session)
        case .revokeDevice(let device): Fields(text: device)
        case .revokeTokens(let before): Fields(number: before)
        case .block(let until, let reason): Fields(number: until, text: reason)
        case .unblock: Fields()
        case .disconnect(let milliseconds): Fields(number: milliseconds)
        case .disconnectSession(let session, let milliseconds): Fields(session: session, number: milliseconds)
        }
    }

    init(_ kind: Kind, _ fields: Fields) {
        self =
            switch kind {
            case .revokeSession: .revokeSession(fields.session)
            case .revokeDevice: .revokeDevice(fields.text)
            case .revokeTokens: .revokeTokens(before: fields.number)
            case .block: .block(until: fields.number, reason: fields.text)
            case .unblock: .unblock
            case .disconnect: .disconnect(retryAfterMilliseconds: fields.number)
            case .disconnectSession: .disconnectSession(fields.session, retryAfterMilliseconds: fields.number)
            }
    }
}

/// Who has asked for an act.
package enum Actor: Equatable, Sendable {
    /// The subject of the token: at most 255 bytes.
    case token([UInt8])
    /// A process of this machine, at the control socket.
    case process(uid: UInt32, pid: UInt32)
}

extension Actor: CustomStringConvertible {
    package var description: String {
        switch self {
        case .token(let subject): String(decoding: subject, as: UTF8.self)
        case .process(let uid, let pid): "uid \(uid) pid \(pid)"
        }
    }
}

/// What became of an act.
package enum ActOutcome: UInt8, CaseIterable, Sendable {
    case done = 0
    /// It was so already: the session had ended, nobody was connected, or there was no block.
    case unchanged = 1
    /// Nobody has the name.
    case unknownUser = 2
    /// The user has no such session, or it ended so long ago that nothing is kept of it.
    case unknownSession = 3
    /// The user has no session on a device of this name.
    case unknownDevice = 4
    /// The time can't be meant: tokens would be refused that are issued from now on, or the block would be over already.
    case wrongTime = 5
}

/// What an act has come to.
package struct ActResult: Equatable, Sendable {
    package var outcome: ActOutcome
    /// How many sessions it has ended.
    package var sessionsEnded: Int
    /// How many connections it has closed.
    package var connectionsClosed: Int

    package init(outcome: ActOutcome, sessionsEnded: Int, connectionsClosed: Int) {
        self.outcome = outcome
        self.sessionsEnded = sessionsEnded
        self.connectionsClosed = connectionsClosed
    }
}

internal import HoldfastClient
internal import HoldfastWire

/// What happens to a client, in words for standard error.
enum ClientReports {
    /// Why a client doesn't go on by itself, and what to do.
    static func text(_ reason: StopReason, user: String, device: String) -> String {
        let (user, device) = (VisibleText.of(user), VisibleText.of(device))
        return switch reason {
        case .fenced:
            "Another connection of user \(user) on device \(device) took over. Use another --device, or end the other one."
        case .loggedOut: "The session of user \(user) on device \(device) was logged out. Start again to begin a new one."
        case .unauthorized(CloseCode.revoked.rawValue):
            "The operator of the gateway has ended the session of user \(user) on device \(device). Start again with a token that is issued now."
        case .unauthorized(let code):
            "The gateway refuses the token of user \(user): \(name(code)). Get a fresh one from the key that the gateway checks with."
        case .blocked:
            "The operator of the gateway has blocked user \(user). Ask the operator; then start again: nothing that waits is lost."
        case .tooManyDevices:
            "User \(user) has as many devices as the gateway allows (devicesPerUserMax). Use a --device that is known, or log one out."
        case .protocolError(let code): "The gateway says that this client breaks the protocol: \(name(code)). Please report it."
        case .stateUnwritable(let cause):
            "The state can't be written: \(VisibleText.of(cause)). Make room, or make it writable, and start again."
        }
    }

    /// Something that went wrong or was found out; nil when it is of no interest to a person.
    static func text(_ notice: ClientNotice) -> String? {
        switch notice {
        case .stateDamaged(let name, let reason): "The state was damaged (\(reason)); it was set aside as \(name), and a new one begun."
        case .stateBehind(let sends):
            "The state went back in time: the gateway knows \(sends) messages more than it does. What waited is not sent again."
        case .resynchronised(.expired): "The old session was away for too long; a new one began."
        case .resynchronised(.ended): "The old session had been ended; a new one began."
        case .resynchronised(.rewound): "The state went back in time; a new session began. What waited is not sent again."
        case .resynchronised(.unknown): "The gateway doesn't know the old session; a new one began."
        case .serverWentBack(let lost):
            "The gateway was restored from a backup: \(lost) messages that it had stored are lost, and messages may be repeated."
        case .protocolViolation(let code): "The gateway broke the protocol (\(name(code))); connecting again."
        case .streamHole: "The stream had a hole; connecting again from what is there."
        case .closedByServer(let code, let text):
            // Where there is nothing to say the text is the code's name.
            "The gateway closed the connection: \(name(code))\(name(code).hasPrefix("\(text) ") || text.isEmpty ? "" : ", \(VisibleText.of(text))")."
        case .transportFailed(.unreachable(let text)): "The gateway can't be reached: \(VisibleText.of(text))."
        case .transportFailed(.untrusted(let text)): "The gateway is not trusted: \(VisibleText.of(text)). See --trust."
        case .transportFailed(.closedByPeer): "The gateway closed the connection."
        case .transportFailed(.broken(let text)): "The connection broke: \(VisibleText.of(text))."
        case .heldBack(.inboxFull): "The recipient's inbox is full (inboxMessagesMax, inboxBytesMax); waiting for room."
        case .heldBack(.storageFull): "The gateway has no room for messages; waiting for it."
        case .heldBack: "The gateway has too much to do; waiting."
        case .tokenUnavailable(let cause): "There is no token: \(VisibleText.of(cause))"
        }
    }

    /// The name of a code, for people.
    static func name(_ code: UInt16) -> String { CloseCode(rawValue: code).map { "\($0) (\(code))" } ?? "code \(code)" }
}

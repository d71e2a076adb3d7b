/// Why the gateway closes a connection (SPEC 6.1).
package enum CloseCode: UInt16, CaseIterable, Error, Sendable {
    case unsupportedVersion = 1
    case badPreface = 2
    case malformedFrame = 3
    case frameTooLarge = 4
    case unknownFrame = 5
    case reservedBits = 6
    case invalidText = 7
    case wrongState = 8
    case sequenceHole = 9
    case acknowledgementBeyond = 10
    case creditOverflow = 11
    case sendsInFlightExceeded = 12

    case tokenInvalid = 20
    case tokenExpired = 21
    case tokenNotYetValid = 22
    case tokenAlgorithm = 23
    case ticketInvalid = 24
    case ticketExpired = 25
    case deviceMismatch = 26
    case revoked = 27
    case blocked = 28

    case fenced = 30
    case loggedOut = 31
    case goingAway = 32
    case tooManyDevices = 33

    case firstFrameDeadline = 40
    case heartbeatMissed = 41
    case slowConsumer = 42
    case tooManyConnections = 43
    case gatewayFull = 44
    case rateLimited = 45
    case overloaded = 46

    case internalError = 50
}

/// Why one message was not stored (SPEC 6.2); the connection stays.
package enum RefusalCode: UInt16, CaseIterable, Error, Sendable {
    case inboxFull = 100
    case unknownConversation = 101
    case bodyTooLarge = 102
    case invalidRecipient = 103
    case storageFull = 104
    case kindUnsupported = 105
    case overloaded = 106
    case notAllowed = 107
}

/// What became of a question (SPEC 3.13).
package enum AnswerStatus: UInt8, CaseIterable, Sendable {
    /// The fields are the answer.
    case answered = 0
    /// The gateway doesn't know the kind, or a field that it must understand.
    case unsupported = 1
    /// Too much is asked; later it may be answered.
    case overloaded = 2
}

/// Why the client closes (SPEC 3.9).
package enum CloseIntent: UInt8, CaseIterable, Sendable {
    /// End the session: nothing is kept for it.
    case logout = 1
    /// I will be back.
    case keep = 2
}

/// What became of the session (SPEC 4.2).
package enum WelcomeOutcome: UInt8, CaseIterable, Sendable {
    /// The session goes on.
    case resumed = 0
    /// The first session of this user on this device.
    case begun = 1
    /// A new session: the old one was too long away.
    case begunExpired = 2
    /// A new session: the old one was logged out or revoked.
    case begunEnded = 3
    /// A new session: the client's state went back in time.
    case rewound = 4
    /// A new session: this gateway doesn't know the presented one.
    case begunUnknown = 5
}

/// What a conversation is (SPEC 4.6).
package enum ConversationType: UInt8, CaseIterable, Sendable {
    /// There is none with this number, or the user is no member of it.
    case unknown = 0
    case oneToOne = 1
}

/// Why messages of a stream will not come (SPEC 3.7).
package enum GapReason: UInt8, CaseIterable, Sendable {
    /// The inbox was full and its policy is `evictWithGap`.
    case evicted = 1
    /// Older than the inbox keeps.
    case expired = 2
    /// Erased on request.
    case erased = 3
    /// The stored record was damaged.
    case damaged = 4
}

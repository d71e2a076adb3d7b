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
}

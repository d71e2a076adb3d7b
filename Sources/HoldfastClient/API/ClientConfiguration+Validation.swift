import HoldfastWire

extension ClientConfiguration {
    /// Names and limits are such that the protocol can carry them.
    func validate() throws(ClientError) {
        try check(user, "user", WireLimits.userBytesMax)
        try check(device, "device", WireLimits.deviceBytesMax)
        guard outboxMessagesMax > 0, outboxBytesMax > 0, creditMessagesMax != 0, creditBytesMax != 0 else {
            throw ClientError(.configuration, "a limit is 0")
        }
        guard connectTimeoutMilliseconds > 0, replyTimeoutMilliseconds > 0, backoffMaxMilliseconds > 0 else {
            throw ClientError(.configuration, "a time is 0")
        }
    }

    private func check(_ name: String, _ what: String, _ bytesMax: Int) throws(ClientError) {
        guard WireLimits.isName(name, bytesMax: bytesMax) else {
            throw ClientError(.configuration, "the name of the \(what) must have 1 to \(bytesMax) bytes")
        }
    }
}

extension SessionStart {
    init(_ outcome: WelcomeOutcome) {
        switch outcome {
        case .resumed: self = .continued
        case .begun: self = .begun
        case .begunExpired: self = .resynchronised(.expired)
        case .begunEnded: self = .resynchronised(.ended)
        case .rewound: self = .resynchronised(.rewound)
        case .begunUnknown: self = .resynchronised(.unknown)
        }
    }
}

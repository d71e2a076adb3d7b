/// When the application may be asked for a token again (REQ-AUTH-5): at most once in half of what is left of the one that the connection
/// has. A token that is short from the beginning, or no better than the one before, is thus asked for more and more often, but only a few
/// times until its end; and so is an application that has none.
struct TokenRenewal {
    /// When the token ends that the gateway has.
    private var expiresAt: UInt64
    private(set) var nextAt: UInt64
    /// A token is to be asked for when that time has come.
    private(set) var isWanted = false

    /// Shorter times say nothing: the gateway counts whole seconds.
    private static let millisecondsMin: UInt64 = 1_000

    /// Nothing has been asked for yet.
    init(_ now: ClientNow) {
        expiresAt = now.milliseconds
        nextAt = now.milliseconds
    }

    /// The gateway has announced the token's end.
    mutating func announced(seconds: UInt32, _ now: ClientNow) {
        expiresAt = now.milliseconds + UInt64(seconds) * 1_000
        isWanted = true
    }

    /// The application is being asked.
    mutating func asked(_ now: ClientNow) {
        isWanted = false
        putOff(now)
    }

    /// The application had none. Whoever asks again spreads a little: its issuer may be back for many at once.
    mutating func failed(_ now: ClientNow) {
        isWanted = true
        putOff(now)
        nextAt += now.random % max(1, (nextAt - now.milliseconds) / 4)
    }

    /// The gateway has taken the new one.
    mutating func accepted(forSeconds seconds: UInt32, _ now: ClientNow) {
        expiresAt = now.milliseconds + UInt64(seconds) * 1_000
        isWanted = false
        putOff(now)
    }

    private mutating func putOff(_ now: ClientNow) {
        let left = expiresAt > now.milliseconds ? expiresAt - now.milliseconds : 0
        nextAt = now.milliseconds + max(Self.millisecondsMin, left / 2)
    }
}

extension ClientMachine {
    /// `TOKEN_EXPIRING`.
    mutating func tokenExpires(inSeconds seconds: UInt32, _ now: ClientNow, _ actions: inout ClientActions) {
        let cold = needCold()
        if cold.renewal == nil { cold.renewal = TokenRenewal(now) }
        cold.renewal?.announced(seconds: seconds, now)
        renewToken(now, &actions)
    }

    /// Asks for a token if one is wanted and it is time.
    mutating func renewToken(_ now: ClientNow, _ actions: inout ClientActions) {
        guard let cold, let renewal = cold.renewal, !flags.contains(.awaitsToken), now.milliseconds >= renewal.nextAt else { return }
        guard renewal.isWanted else {
            cold.renewal = nil
            return releaseCold()
        }
        cold.renewal?.asked(now)
        flags.insert(.awaitsToken)
        actions.items.append(.needToken)
    }
}

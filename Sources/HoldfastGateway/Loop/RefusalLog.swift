internal import HoldfastWire
internal import Logging
internal import Synchronization

/// Says once an hour that clients are sent away for something that an operator can act on: with which code, how many, and what to do. The loops
/// share it, and ask it about such connections only.
final class RefusalLog: Sendable {
    private struct State {
        var count: UInt64 = 0
        /// In monotonic milliseconds; nil: never.
        var saidAt: UInt64?
    }

    private let states = Mutex<[CloseCode: State]>([:])
    private let say: @Sendable (AddressLog.Line) -> Void
    static let silenceMilliseconds: UInt64 = 3_600_000

    init(say: @escaping @Sendable (AddressLog.Line) -> Void) { self.say = say }

    /// A connection is closed with this code.
    func note(_ code: CloseCode, now: UInt64) {
        guard let advice = Self.advice(code) else { return }
        let count = states.withLock { states -> UInt64? in
            states[code, default: State()].count += 1
            if let at = states[code]?.saidAt, now < at + Self.silenceMilliseconds { return nil }
            states[code]?.saidAt = now
            return states[code]?.count
        }
        guard let count else { return }
        say(
            AddressLog.Line(
                level: .notice, message: "clients are refused", metadata: ["code": "\(code)", "soFar": "\(count)", "do": advice]))
    }

    /// What to do; nil: it is the client's matter.
    private static func advice(_ code: CloseCode) -> String? {
        switch code {
        case .tokenInvalid:
            "if there are many: compare the issuer's key (and kid) with tokenSecretFile, tokenPublicKeyFile or tokenKeySetFile, its iss and aud with tokenIssuer and tokenAudience, and its claims with README"
        case .tokenAlgorithm:
            "have the issuer sign with the algorithm that tokenSecretFile (HS256), tokenPublicKeyFile (ES256, EdDSA) or its key in tokenKeySetFile says"
        case .tokenNotYetValid, .tokenExpired: "if there are many: compare the issuer's clock with this machine's; see tokenClockSeconds"
        case .gatewayFull:
            "raise connectionsMax and the limit of descriptors, as far as the memory goes, or add a gateway; see holdfast doctor"
        case .tooManyConnections:
            "if they come through one address of a carrier or a balancer: raise connectionsPerAddressMax, or use the PROXY protocol"
        case .tooManyDevices: "raise devicesPerUserMax, or have clients keep their device's name"
        default: nil
        }
    }
}

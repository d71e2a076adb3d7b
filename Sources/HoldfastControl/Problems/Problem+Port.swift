internal import HoldfastCore
internal import HoldfastGateway

extension Problem {
    /// Why the core has no answer.
    init(_ error: PortError) {
        switch error {
        case .invalid(let what): self.init(.invalidField, what, at: "")
        case .underWay: self.init(.keyUnderWay, "Another request with this Idempotency-Key is under way.", retryAfterSeconds: 1)
        case .overloaded: self.init(.overloaded, "Too many requests wait for the core.", retryAfterSeconds: 1)
        case .stopped: self.init(.stopping, "The gateway stops; what became of the request isn't known.", retryAfterSeconds: 5)
        }
    }

    /// Only a repair can tell of the user.
    static let userLost = Problem(.userLost, "The user's row is damaged.")
}

/// The core's answer, or the problem why there is none.
func answered(_ body: () async throws(PortError) -> PortAnswer) async throws(Problem) -> PortAnswer {
    do throws(PortError) { return try await body() } catch { throw Problem(error) }
}

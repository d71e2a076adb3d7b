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

    /// Why nothing of a push was stored.
    init(_ refusal: PushRefusal) {
        switch refusal {
        case .bodyTooLarge(let bytesMax): self.init(.invalidField, "The message's body can have \(bytesMax) bytes.", at: "")
        case .recipientTwice: self.init(.invalidField, "A recipient is named twice.", at: "/to")
        case .storageFull: self.init(.storageFull, "The disk is nearly full; nothing was stored.", retryAfterSeconds: 60)
        case .accountLost: self.init(.userLost, "The sender's row is damaged; nothing can be stored in his name.")
        case .blocked: self.init(.blocked, "The sender is blocked; nothing can be stored in his name.")
        case .keyReused: self.init(.keyReused, "The Idempotency-Key is another request's.")
        case .keysFull: self.init(.keysFull, "As many keys are kept as may be; nothing was stored.", retryAfterSeconds: 60)
        case .lineExpected(let line): self.init(.uploadGap, "The upload goes on with line \(line).")
        }
    }

    /// Only a repair can tell of the user.
    static let userLost = Problem(.userLost, "The user's row is damaged.")
}

/// The core's answer, or the problem why there is none.
func answered(_ body: () async throws(PortError) -> PortAnswer) async throws(Problem) -> PortAnswer {
    do throws(PortError) { return try await body() } catch { throw Problem(error) }
}

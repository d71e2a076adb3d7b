internal import HoldfastCore
internal import HoldfastGateway

/// Who makes a request.
struct Caller: Sendable {
    /// The token's user; nil: a process of this machine, which has come by the unix socket.
    let user: String?
    /// What logs and the audit log call it: the token's user, or "uid N pid M".
    let name: String
    /// Of the process; nobody's where there is a user.
    var peer: Peer?
    let scopes: TokenScopes
    /// Whom the caller may write to; nil: everybody.
    var to: RecipientLimit?

    /// What the caller's Idempotency-Keys belong to: the token's user, or the user of the machine.
    var subject: [UInt8] {
        // The first byte keeps a user who is called like a number apart.
        if let user { return [0] + Array(user.utf8) }
        return [1] + Array(String(peer?.uid ?? .max).utf8)
    }

    /// Refuses what the scopes don't cover.
    func require(_ scope: TokenScopes) throws(Problem) {
        guard scopes.isSuperset(of: scope) else {
            throw Problem(.scopeMissing, "The token of \(name) lacks the scope \(scope.subtracting(scopes).claim).")
        }
    }
}

/// Finds out who makes a request: the one place where tokens meet the control API.
struct ControlAccess: Sendable {
    let gateway: Gateway

    /// Everybody who comes by the unix socket may do everything: he could read and write the data directory as well.
    func caller(_ peer: Peer) -> Caller { Caller(user: nil, name: peer.name, peer: peer, scopes: .everything) }

    /// - Parameter authorization: the header's value; nil: there is none.
    func caller(authorization: String?) throws(Problem) -> Caller {
        guard let authorization else { throw Problem(.tokenMissing, "There is no header Authorization.") }
        let words = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            throw Problem(.tokenMissing, "The header Authorization is not \"Bearer TOKEN\".")
        }
        let token: VerifiedToken
        do throws(TokenError) {
            guard let verified = try gateway.verify(Array(words[1].utf8)) else { throw TokenError.malformed }
            token = verified
        } catch {
            throw Self.problem(error)
        }
        guard token.role != .user else { throw Problem(.roleMissing, "The token of \(token.user) has the role user.") }
        return Caller(user: token.user, name: token.user, scopes: token.scopes, to: token.to)
    }

    private static func problem(_ error: TokenError) -> Problem {
        switch error {
        case .malformed: Problem(.tokenInvalid, "The token is not a JWT with the claims that are needed.")
        case .signature: Problem(.tokenInvalid, "The token isn't signed by a key that the gateway has.")
        case .algorithm: Problem(.tokenInvalid, "The token is signed with an algorithm for which the gateway has no key.")
        case .issuer: Problem(.tokenInvalid, "The token's issuer (iss) isn't the one that the gateway is set to.")
        case .audience: Problem(.tokenInvalid, "The token isn't for this gateway (aud).")
        case .expired: Problem(.tokenExpired, "The token has expired.")
        case .notYetValid: Problem(.tokenExpired, "The token isn't valid yet.")
        }
    }
}

extension TokenScopes {
    /// What a process of this machine may do.
    static let everything = all.reduce(into: TokenScopes()) { $0.insert($1.scope) }
}

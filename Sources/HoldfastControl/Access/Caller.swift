package import HoldfastCore
package import HoldfastGateway

/// Who makes a request.
package struct Caller: Sendable {
    /// The token's user; nil: a process of this machine, which has come by the unix socket.
    package let user: String?
    /// What logs and the audit log call it: the token's user, or "uid N pid M".
    let name: String
    /// Of the process; nobody's where there is a user.
    var peer: Peer?
    package let scopes: TokenScopes
    /// Whom the caller may write to; nil: everybody.
    package var to: RecipientLimit?

    package init(user: String?, name: String, peer: Peer? = nil, scopes: TokenScopes, to: RecipientLimit? = nil) {
        self.user = user
        self.name = name
        self.peer = peer
        self.scopes = scopes
        self.to = to
    }

    /// What the caller's Idempotency-Keys belong to: the token's user, or the user of the machine.
    var subject: [UInt8] {
        // The first byte keeps a user who is called like a number apart.
        if let user { return [0] + Array(user.utf8) }
        return [1] + Array(String(peer?.uid ?? .max).utf8)
    }

    /// Whom the audit log names.
    var actor: Actor { peer.map { .process(uid: $0.uid, pid: UInt32(clamping: $0.pid)) } ?? .token(Array(name.utf8)) }

    /// Refuses what the scopes don't cover.
    func require(_ scope: TokenScopes) throws(Problem) {
        guard scopes.isSuperset(of: scope) else {
            throw Problem(.scopeMissing, "The token of \(name) lacks the scope \(scope.subtracting(scopes).claim).")
        }
    }
}

extension TokenScopes {
    /// What a process of this machine may do.
    static let everything = all.reduce(into: TokenScopes()) { $0.insert($1.scope) }
}

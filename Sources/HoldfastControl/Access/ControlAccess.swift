internal import HoldfastCore
internal import HoldfastGateway
internal import NIOCore

/// Finds out who makes a request: the one place where tokens meet the control API.
struct ControlAccess: Sendable {
    let gateway: Gateway
    private let memory = CallerMemory()

    init(gateway: Gateway) { self.gateway = gateway }

    /// Everybody who comes by the unix socket may do everything: he could read and write the data directory as well.
    func caller(_ peer: Peer) -> Caller { Caller(user: nil, name: peer.name, peer: peer, scopes: .everything) }

    /// By the monotonic clock, in seconds.
    static var now: Double { Double(NIODeadline.now().uptimeNanoseconds) / 1e9 }

    /// Who has come by the connection: its process, or whose token it is.
    func caller(_ connection: Connection, authorization: String?, now: Double) async throws(Problem) -> Caller {
        if let peer = connection.peer { return caller(peer) }
        return try await caller(authorization: authorization, now: now)
    }

    /// - Parameters:
    ///   - authorization: the header's value; nil: there is none.
    ///   - now: monotonic seconds.
    func caller(authorization: String?, now: Double) async throws(Problem) -> Caller {
        guard let authorization else { throw Problem(.tokenMissing, "There is no header Authorization.") }
        if let known = memory.caller(authorization, now: now) { return known }
        guard let text = BearerToken.parse(authorization) else {
            throw Problem(.tokenMissing, "The header Authorization is not \"Bearer TOKEN\".")
        }
        let token: VerifiedToken
        do throws(TokenError) {
            guard let verified = try gateway.verify(Array(text.utf8)) else { throw TokenError.malformed }
            token = verified
        } catch {
            throw Self.problem(error)
        }
        guard token.role != .user else { throw Problem(.roleMissing, "The token of \(token.user) has the role user.") }
        try await checkUser(of: token)
        let caller = Caller(user: token.user, name: token.user, scopes: token.scopes, to: token.to)
        memory.keep(caller, authorization: authorization, now: now)
        return caller
    }

    /// A blocked user, and one whose tokens were revoked, has no business here either.
    private func checkUser(of token: VerifiedToken) async throws(Problem) {
        guard let port = gateway.port else { throw Problem(.stopping, "The gateway doesn't serve yet.", retryAfterSeconds: 1) }
        let user = Array(token.user.utf8)
        let access: UserAccess
        switch try await answered({ () throws(PortError) in try await port.user(user) }) {
        case .user(let details?, _): access = details.access
        case .userLost: throw Problem.userLost
        default: return
        }
        if let block = access.block, block.holds(at: gateway.wallSeconds * 1_000) {
            throw Problem(.blocked, "The token's user \(token.user) is blocked.")
        }
        guard access.tokensFrom > 0 else { return }
        guard let issued = token.issuedAt, issued >= UInt64(access.tokensFrom) else {
            throw Problem(
                .tokenRevoked, "Tokens of \(token.user) must be issued at \(Timestamp.text(UInt64(access.tokensFrom) * 1_000)) or later.")
        }
    }

    private static func problem(_ error: TokenError) -> Problem {
        switch error {
        case .malformed: Problem(.tokenInvalid, "The token is not a JWT with the claims that are needed.")
        case .signature: Problem(.tokenInvalid, "The token isn't signed by a key that the gateway has.")
        case .algorithm: Problem(.tokenInvalid, "The token is signed with an algorithm for which the gateway has no key.")
        case .keyID: Problem(.tokenInvalid, "The token names a key (kid) that the gateway doesn't have.")
        case .issuer: Problem(.tokenInvalid, "The token's issuer (iss) isn't the one that the gateway is set to.")
        case .audience: Problem(.tokenInvalid, "The token isn't for this gateway (aud).")
        case .expired: Problem(.tokenExpired, "The token has expired.")
        case .notYetValid: Problem(.tokenExpired, "The token isn't valid yet.")
        }
    }
}

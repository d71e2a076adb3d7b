internal import HoldfastCore

extension Effect {
    /// Whom the effect is for.
    var connection: ConnectionHandle {
        switch self {
        case .welcome(let connection, _), .previous(let connection, _, _), .sent(let connection, _, _), .refused(let connection, _, _, _),
            .deliver(let connection, _), .gap(let connection, _, _, _, _), .skip(let connection, _, _),
            .conversation(let connection, _, _, _), .authenticated(let connection), .close(let connection, _, _):
            connection
        }
    }
}

internal import HTTPTypes
internal import HoldfastCore
internal import HoldfastGateway

extension IdempotencyKey {
    /// What the ledger knows the request by.
    static func requestKey(_ request: ControlRequest) throws(Problem) -> RequestKey {
        guard let caller = request.caller else { preconditionFailure("what has a key has a caller") }
        let values = request.headers[values: .idempotencyKey]
        guard let value = values.first else { throw Problem(.keyMissing, "There is no header Idempotency-Key.") }
        guard values.count == 1, let key = parse(value) else {
            throw Problem(.keyMalformed, "\(value.prefix(100)) is not a quoted string of 1 to \(bytesMax) visible characters.")
        }
        return RequestHash.key(subject: caller.subject, key: key)
    }
}

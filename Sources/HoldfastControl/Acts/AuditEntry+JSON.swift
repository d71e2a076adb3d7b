internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastWire

extension AuditEntry {
    /// Its members, for the audit log and for the feed.
    func write(to json: inout JSONWriter) {
        json.add("position", position.rawValue)
        json.add("time", time: record.time)
        json.add("act", "\(record.act.kind)")
        json.add("user", name: record.name)
        switch record.act {
        case .revokeSession(let session): json.add("session", session.rawValue)
        case .revokeDevice(let device): json.add("device", name: device)
        case .revokeTokens(let before): json.add("before", time: UInt64(before) * 1_000)
        case .block(let until, let reason):
            if until != 0 { json.add("until", time: UInt64(until) * 1_000) }
            if !reason.isEmpty { json.add("reason", name: reason) }
        case .unblock: break
        case .disconnect(let milliseconds): json.add("retryAfterSeconds", Int(milliseconds / 1_000))
        case .disconnectSession(let session, let milliseconds):
            json.add("session", session.rawValue)
            json.add("retryAfterSeconds", Int(milliseconds / 1_000))
        }
        json.add("actor", "\(record.actor)")
        json.add("requestId", name: record.requestID)
        json.add("outcome", "\(record.outcome)")
        json.add("sessionsEnded", record.result.sessionsEnded)
        json.add("connectionsClosed", record.result.connectionsClosed)
    }
}

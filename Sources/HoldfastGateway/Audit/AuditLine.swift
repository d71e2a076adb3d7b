internal import HoldfastCore
internal import HoldfastWire

/// A row of the audit log as a line for log collectors: one JSON object. The runbook has its fields.
struct AuditLine {
    /// With the line break.
    let bytes: [UInt8]

    init(_ entry: AuditEntry) {
        let record = entry.record
        let object = JSONWriter.object { json in
            // First, where `position(of:)` looks for it.
            json.add("position", entry.position.rawValue)
            json.add("time", time: record.time)
            switch record.actor {
            case .token(let subject): json.add("actor", name: subject)
            case .process(let uid, let pid):
                json.add("uid", Int(uid))
                json.add("pid", Int(pid))
            }
            if !record.requestID.isEmpty { json.add("requestID", name: record.requestID) }
            json.add("act", "\(record.act.kind)")
            if !record.name.isEmpty { json.add("user", name: record.name) }
            if record.user != 0 { json.add("userNumber", record.user) }
            switch record.act {
            case .revokeSession(let session): json.add("session", session.rawValue)
            case .revokeDevice(let device): json.add("device", name: device)
            case .revokeTokens(let before): json.add("before", time: UInt64(before) * 1_000)
            case .block(let until, let reason):
                if until != 0 { json.add("until", time: UInt64(until) * 1_000) }
                json.add("reason", name: reason)
            case .unblock: break
            case .disconnect(let milliseconds): json.add("retryAfterMilliseconds", Int(milliseconds))
            case .disconnectSession(let session, let milliseconds):
                json.add("session", session.rawValue)
                json.add("retryAfterMilliseconds", Int(milliseconds))
            }
            json.add("outcome", "\(record.outcome)")
            json.add("sessionsEnded", record.ended.count)
            json.add("connectionsClosed", Int(record.connectionsClosed))
        }
        bytes = object + [UInt8(ascii: "\n")]
    }

    private static let start = Array("{\"position\":\"".utf8)

    /// The position that a line says; nil: it isn't one of these.
    static func position(of line: some Collection<UInt8>) -> UInt64? {
        guard line.starts(with: start) else { return nil }
        return UInt64(String(decoding: line.dropFirst(start.count).prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self))
    }
}

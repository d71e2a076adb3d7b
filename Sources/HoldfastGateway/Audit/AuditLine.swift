internal import Foundation
internal import HoldfastCore
internal import HoldfastWire

/// A row of the audit log as a line for log collectors: one JSON object. The runbook has its fields.
struct AuditLine {
    /// With the line break.
    private(set) var bytes: [UInt8] = []

    init(_ entry: AuditEntry) {
        let record = entry.record
        bytes = Self.start
        // A position, and every other u64, exceeds what JSON's numbers hold.
        bytes += Array("\(entry.position.rawValue)\"".utf8)
        add("time", Self.time(record.time))
        switch record.actor {
        case .token(let subject): add("actor", text: subject)
        case .process(let uid, let pid):
            add("uid", uid)
            add("pid", pid)
        }
        if !record.requestID.isEmpty { add("requestID", text: record.requestID) }
        add("act", "\(record.act.kind)")
        if !record.name.isEmpty { add("user", text: record.name) }
        if record.user != 0 { add("userNumber", "\(record.user)") }
        switch record.act {
        case .revokeSession(let session): add("session", "\(session.rawValue)")
        case .revokeDevice(let device): add("device", text: device)
        case .revokeTokens(let before): add("before", Self.time(UInt64(before) * 1_000))
        case .block(let until, let reason):
            if until != 0 { add("until", Self.time(UInt64(until) * 1_000)) }
            add("reason", text: reason)
        case .unblock: break
        case .disconnect(let milliseconds): add("retryAfterMilliseconds", milliseconds)
        case .disconnectSession(let session, let milliseconds):
            add("session", "\(session.rawValue)")
            add("retryAfterMilliseconds", milliseconds)
        }
        add("outcome", "\(record.outcome)")
        add("sessionsEnded", UInt32(record.ended.count))
        add("connectionsClosed", UInt32(record.connectionsClosed))
        bytes += Array("}\n".utf8)
    }

    private static let start = Array("{\"position\":\"".utf8)

    /// The position that a line says; nil: it isn't one of these.
    static func position(of line: some Collection<UInt8>) -> UInt64? {
        guard line.starts(with: start) else { return nil }
        return UInt64(String(decoding: line.dropFirst(start.count).prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self))
    }

    private mutating func add(_ name: StaticString, _ number: UInt32) { bytes += Array(",\"\(name)\":\(number)".utf8) }

    private mutating func add(_ name: StaticString, _ text: String) { add(name, text: Array(text.utf8)) }

    private mutating func add(_ name: StaticString, text: [UInt8]) {
        bytes += Array(",\"\(name)\":\"".utf8)
        // What isn't UTF-8 gets the sign for that, so that every line can be read.
        for byte in String(decoding: text, as: UTF8.self).utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20, 0x7F: bytes += Array("\\u00\(byte < 0x10 ? "0" : "")\(String(byte, radix: 16))".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// RFC 3339, with milliseconds.
    private static func time(_ milliseconds: UInt64) -> String {
        let seconds = Date(timeIntervalSince1970: TimeInterval(milliseconds / 1_000)).ISO8601Format()
        let rest = String(milliseconds % 1_000)
        return seconds.dropLast() + "." + String(repeating: "0", count: 3 - rest.count) + rest + "Z"
    }
}

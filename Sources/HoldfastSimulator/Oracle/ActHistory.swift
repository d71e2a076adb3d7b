import HoldfastCore
import HoldfastWire

/// What operators have done to users, by the records on the disk.
struct ActHistory {
    /// All acts, in the order of their positions.
    private(set) var entries: [AuditEntry] = []
    /// Where sessions ended by an act.
    private var revoked: [SessionID: Position] = [:]
    private var access: [UInt64: UserAccess] = [:]

    mutating func add(_ record: AuditRecord, at position: Position) {
        entries.append(AuditEntry(position: position, record: record))
        guard record.outcome == .done else { return }
        for serial in record.ended { revoked[SessionID(user: record.user, serial: serial)] = position }
        access[record.user, default: UserAccess()].apply(record.act)
    }

    /// The gateway was put back: what was at `next` and above hasn't been done.
    mutating func goBack(to next: Position) {
        let left = entries.filter { $0.position < next }
        self = ActHistory()
        for entry in left { add(entry.record, at: entry.position) }
    }

    func access(of user: UInt64) -> UserAccess { access[user] ?? UserAccess() }

    func isRevoked(_ session: SessionID) -> Bool { revoked[session] != nil }

    /// Names of those whom a block may keep out.
    var blocked: [String] {
        var names: Set<String> = []
        for entry in entries where access(of: entry.record.user).block != nil {
            names.insert(String(decoding: entry.record.name, as: UTF8.self))
        }
        return names.sorted()
    }
}

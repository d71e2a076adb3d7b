package import HoldfastWire

/// An administrative act, with who asked for it and what became of it: the record does the act, and is the row of the audit log. Acts that have found
/// nothing to do are records, too.
package struct AuditRecord: Equatable, Sendable {
    package var act: Act
    package var outcome: ActOutcome
    /// Milliseconds since 1970.
    package var time: UInt64
    /// By the age clock, in seconds.
    package var age: UInt32
    package var actor: Actor
    /// The request that it came with, for comparison with other logs; empty: none.
    package var requestID: [UInt8]
    /// 0: nobody has the name.
    package var user: UInt64
    /// As far as it is known.
    package var name: [UInt8]
    /// The user begins with the record.
    package var isNewUser: Bool
    /// Serials of the sessions that it ends.
    package var ended: [UInt32]
    /// Connections that were closed.
    package var connectionsClosed: UInt16

    package var result: ActResult {
        ActResult(outcome: outcome, sessionsEnded: ended.count, connectionsClosed: Int(connectionsClosed))
    }
}

/// A row of the audit log.
package struct AuditEntry: Equatable, Sendable {
    package var position: Position
    package var record: AuditRecord

    package init(position: Position, record: AuditRecord) {
        self.position = position
        self.record = record
    }
}

/// Some rows of the audit log, the oldest first.
package struct AuditPage: Equatable, Sendable {
    package var entries: [AuditEntry]
    /// There are more after the last one.
    package var hasMore: Bool
}

extension AuditRecord {
    /// act u8 | outcome u8 | kind of actor u8 | time u64 | age u32 | user u64 | flags u8 | closed u16 | session u64 | number u32 | then with their
    /// counts in a byte: text, name, request id, the actor's subject, or uid u32 and pid u32 | count u8, serials u32
    func encode(into bytes: inout [UInt8]) {
        let fields = act.fields
        bytes.append(act.kind.rawValue)
        bytes.append(outcome.rawValue)
        bytes.append(actor.kind)
        bytes.append(bigEndian: time)
        bytes.append(bigEndian: age)
        bytes.append(bigEndian: user)
        bytes.append(isNewUser ? 1 : 0)
        bytes.append(bigEndian: connectionsClosed)
        bytes.append(bigEndian: fields.session.rawValue)
        bytes.append(bigEndian: fields.number)
        bytes.append(text: fields.text)
        bytes.append(text: name)
        bytes.append(text: requestID)
        bytes.append(text: actor.encoded)
        bytes.append(UInt8(ended.count))
        for serial in ended { bytes.append(bigEndian: serial) }
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let kind = reader.integer(UInt8.self).flatMap(Act.Kind.init(rawValue:)),
            let outcome = reader.integer(UInt8.self).flatMap(ActOutcome.init(rawValue:)), let actorKind = reader.integer(UInt8.self),
            let time = reader.integer(UInt64.self), let age = reader.integer(UInt32.self), let user = reader.integer(UInt64.self),
            let flags = reader.integer(UInt8.self), let closed = reader.integer(UInt16.self), let session = reader.integer(UInt64.self),
            let number = reader.integer(UInt32.self), let text = reader.text(), let name = reader.text(), let requestID = reader.text(),
            let actor = reader.text().flatMap({ Actor(actorKind, $0) }), let count = reader.integer(UInt8.self)
        else { return nil }
        var ended: [UInt32] = []
        for _ in 0..<count {
            guard let serial = reader.integer(UInt32.self) else { return nil }
            ended.append(serial)
        }
        self.init(
            act: Act(kind, .init(session: SessionID(rawValue: session), number: number, text: text)), outcome: outcome, time: time,
            age: age, actor: actor, requestID: requestID, user: user, name: name, isNewUser: flags & 1 != 0, ended: ended,
            connectionsClosed: closed)
    }

    /// Whether what begins at the act's kind names an act, an outcome or an actor that only a later version knows.
    static func isOfLaterVersion(_ bytes: Span<UInt8>, from offset: Int) -> Bool {
        guard bytes.count >= offset + 3 else { return false }
        return Act.Kind(rawValue: bytes[offset]) == nil || ActOutcome(rawValue: bytes[offset + 1]) == nil
            || bytes[offset + 2] > Actor.kindMax
    }
}

extension Actor {
    fileprivate static let kindMax: UInt8 = 1

    fileprivate var kind: UInt8 {
        switch self {
        case .token: 0
        case .process: 1
        }
    }

    /// The subject, or uid and pid.
    fileprivate var encoded: [UInt8] {
        switch self {
        case .token(let subject): return subject
        case .process(let uid, let pid):
            var bytes: [UInt8] = []
            bytes.append(bigEndian: uid)
            bytes.append(bigEndian: pid)
            return bytes
        }
    }

    fileprivate init?(_ kind: UInt8, _ bytes: [UInt8]) {
        switch kind {
        case 0: self = .token(bytes)
        case 1:
            var reader = ByteReader(bytes.span)
            guard let uid = reader.integer(UInt32.self), let pid = reader.integer(UInt32.self) else { return nil }
            self = .process(uid: uid, pid: pid)
        default: return nil
        }
    }
}

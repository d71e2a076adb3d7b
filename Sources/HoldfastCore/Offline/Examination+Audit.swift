import HoldfastWire

// The audit log; and what it tells of users whose rows are lost.
extension Examination {
    mutating func examineAudit() throws(StorageError) {
        try snapshot.rows(.audit) { (key, value) throws(StorageError) in
            let entry = AuditEntry(key.span, value.span)
            if let entry, entry.position < nextPosition { return note(entry.record) }
            if entry == nil, let position = Self.number(key) { try Record.requireKnown(value.span, at: Position(rawValue: position)) }
            find(
                entry == nil ? .rowDamaged : .rowWrong, "audit", position: entry?.position, row: Self.hexadecimal(key),
                entry == nil ? "not an act of an operator" : "the act is behind the end of the journal",
                effect: "the audit log lacks the act")
            plan.delete(.audit, key)
            plan.losses.append(
                Loss(
                    kind: .audit, position: Self.number(key), from: nil, to: [], time: entry?.record.time, count: 1,
                    text: "a row of the audit log; what the act did stays"))
        }
    }

    private mutating func note(_ record: AuditRecord) {
        guard record.outcome == .done, let inbox = remade[record.user], inbox.image == nil else { return }
        lostAccess[record.user, default: .none].apply(record.act)
    }
}

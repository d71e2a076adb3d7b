import HoldfastCore
import HoldfastWire

// What operators do: whom it ends or keeps out speaks no more, and comes back by nothing.
extension Oracle {
    /// A record is on the disk.
    func checkActs(_ record: Record, at position: Position) {
        switch record {
        case .sessionBegun(let begun): devices[begun.session] = String(decoding: begun.device, as: UTF8.self)
        case .message(let message) where message.key == nil: checkIsNotRevoked(message.session, "sends", at: position)
        case .cursors(let cursors, _): for cursor in cursors { checkIsNotRevoked(cursor.session, "acknowledges", at: position) }
        case .audit(let audit):
            world.note(
                "on the disk: \(audit.act) on \(String(decoding: audit.name, as: UTF8.self)), \(audit.outcome), at \(position.rawValue)")
            for serial in audit.ended {
                excuse(SessionID(user: audit.user, serial: serial), of: String(decoding: audit.name, as: UTF8.self))
            }
            acts?.add(audit, at: position)
        default: break
        }
    }

    private func checkIsNotRevoked(_ session: SessionID, _ what: String, at position: Position) {
        guard acts?.isRevoked(session) ?? false else { return }
        world.fail("session \(session.rawValue) \(what) at \(position.rawValue), and was revoked before")
    }

    /// The phones of the session's device don't know that it ended.
    private func excuse(_ session: SessionID, of user: String) {
        for phone in phones where phone.profile.user == user && phone.profile.device == devices[session] ?? phone.profile.device {
            excuse(phone)
        }
    }

    /// Whether an operator has done anything to the phone's user; after a restore or a repair one can't tell any more.
    func mayBeKeptOut(_ phone: SimulatedPhone) -> Bool {
        guard let acts, restoredAt == nil else { return true }
        return acts.entries.contains { $0.record.name == Array(phone.profile.user.utf8) }
    }

    /// The core lets a connection in.
    /// - Parameters:
    ///   - issuedAt: of the token, in seconds since 1970; nil: it came by a ticket.
    ///   - time: the core's, in milliseconds since 1970.
    func letIn(_ attached: Effect.Attached, issuedAt: UInt32?, at time: UInt64) {
        guard let acts else { return }
        let session = attached.session
        if acts.isRevoked(session) { world.fail("session \(session.rawValue) is let in, and was revoked") }
        let access = acts.access(of: session.userNumber)
        // With a clock that jumps, a block may have been over for a moment.
        if let block = access.block, block.until == 0 || (!world.coverage.has(.wallClockJump) && block.holds(at: time)) {
            world.fail("session \(session.rawValue) is let in, and its user is blocked")
        }
        if let issuedAt, issuedAt < access.tokensFrom {
            world.fail("session \(session.rawValue) is let in by a token of \(issuedAt), and those before \(access.tokensFrom) are revoked")
        }
    }

    func acted(_ act: Act, _ result: ActResult, at position: Position) {
        world.coverage.count("act \(act.kind): \(result.outcome)")
        guard let acts else { return }
        guard let entry = acts.entries.last(where: { $0.position <= position }), entry.position == position else {
            return world.fail("\(act) is answered as of \(position.rawValue), where the disk has no act")
        }
        if entry.record.act != act || entry.record.result != result {
            world.fail("\(act) is answered by \(result), and the record says otherwise")
        }
    }

    func answered(_ page: AuditPage, limit: Int, at position: Position) {
        world.coverage.count(page.entries.isEmpty ? "asked for an empty audit log" : "asked for the audit log")
        guard let acts else { return }
        let known = acts.entries.filter { $0.position <= position }
        let first = page.entries.first.map { first in known.firstIndex { $0.position == first.position } ?? known.count } ?? known.count
        // The oldest go when they are too old, and no others.
        if first > 0, world.profile.core.auditDays == 400 { world.fail("the audit log lacks its first \(first) acts") }
        let expected = Array(known[first...].prefix(limit))
        if page.entries != expected {
            world.fail("a page of the audit log has \(page.entries.count) rows, not the \(expected.count) of the records")
        }
    }
}

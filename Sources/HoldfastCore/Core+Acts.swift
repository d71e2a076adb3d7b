import HoldfastWire

// What operators do to users: one record each, which does the act and is the row of the audit log. And what keeps users out.
extension Core {
    /// What an act is about to do.
    private struct ActPlan {
        var outcome = ActOutcome.done
        /// Sessions that end.
        var ends: [SessionSlot] = []
        /// Sessions whose connections are closed.
        var closes: [SessionSlot] = []
        var code = CloseCode.revoked
        var retryAfterMilliseconds: UInt32 = 0
    }

    mutating func act(_ id: ReplyID, _ command: ActCommand, _ bytes: [UInt8], _ commandNames: CommandNames, _ resolution: Resolution) {
        let isNamed = !command.user.isEmpty
        if resolution.hasLostUser, isNamed { return reply(id, .userLost) }
        let act = command.act(bytes)
        let number = resolution.user
        let user = number.flatMap { users.find($0) }
        let plan = plan(act, on: user, isNamed: isNamed, resolution)
        let isNew = user == nil && plan.outcome == .done
        // What they have acknowledged has left the inbox: behind their end a replay wouldn't count it any more.
        if let user, !plan.ends.isEmpty { recordCursors(of: user) }
        let record = AuditRecord(
            act: act, outcome: plan.outcome, time: clock.time, age: clock.age, actor: command.actor(bytes),
            requestID: command.requestID(bytes), user: isNew ? names.nextUser : user == nil ? 0 : number ?? 0,
            name: isNamed ? commandNames.user.bytes : resolution.peerName, isNewUser: isNew,
            ended: plan.ends.map { sessions[$0].id.serial }, connectionsClosed: UInt16(clamping: plan.closes.count))
        let position = append(.audit(record))
        for slot in plan.closes {
            // The session speaks no more from here on; its client hears why when the record is synced.
            hold(.close(sessions[slot].connection, plan.code, retryAfterMilliseconds: plan.retryAfterMilliseconds), until: position)
            disconnect(slot)
        }
        hold(.audited(AuditEntry(position: position, record: record)), until: position)
        answer(id, .acted(record.result, at: position), until: position)
    }

    /// - Parameter user: nil: nobody has the name, or the number of the session's user.
    private func plan(_ act: Act, on user: UserSlot?, isNamed: Bool, _ resolution: Resolution) -> ActPlan {
        var plan = ActPlan()
        switch act {
        case .revokeSession(let id):
            guard let user else { return ActPlan(outcome: isNamed ? .unknownUser : .unknownSession) }
            guard let slot = users.session(id, of: user) else { return ActPlan(outcome: .unknownSession) }
            planEnd(of: slot, &plan)
        case .revokeDevice:
            guard let user else { return ActPlan(outcome: .unknownUser) }
            guard let id = resolution.device else { return ActPlan(outcome: .unknownDevice) }
            // A session that nothing is kept of ended long ago.
            if let slot = users.session(id, of: user) { planEnd(of: slot, &plan) }
        case .revokeTokens(let before):
            if UInt64(before) * 1_000 > clock.time + Self.actClockMilliseconds { return ActPlan(outcome: .wrongTime) }
            guard let user else { return ActPlan(outcome: .unknownUser) }
            eachSlot(of: user) { planEnd(of: $0, &plan) }
            if plan.ends.isEmpty, users.access(of: user).tokensFrom >= before { plan.outcome = .unchanged }
            return plan
        case .block(let until, _):
            guard UserAccess.Block(until: until, reason: []).holds(at: clock.time) else { return ActPlan(outcome: .wrongTime) }
            plan.code = .blocked
            // Somebody who isn't known yet is kept out, too.
            if let user { eachSlot(of: user) { planClose(of: $0, &plan) } }
            return plan
        case .unblock:
            guard let user else { return ActPlan(outcome: .unknownUser) }
            return ActPlan(outcome: users.access(of: user).block == nil ? .unchanged : .done)
        case .disconnect(let milliseconds):
            guard let user else { return ActPlan(outcome: .unknownUser) }
            (plan.code, plan.retryAfterMilliseconds) = (.goingAway, milliseconds)
            eachSlot(of: user) { planClose(of: $0, &plan) }
        case .disconnectSession(let id, let milliseconds):
            guard let user else { return ActPlan(outcome: isNamed ? .unknownUser : .unknownSession) }
            guard let slot = users.session(id, of: user) else { return ActPlan(outcome: .unknownSession) }
            (plan.code, plan.retryAfterMilliseconds) = (.goingAway, milliseconds)
            planClose(of: slot, &plan)
        }
        if plan.ends.isEmpty, plan.closes.isEmpty { plan.outcome = .unchanged }
        return plan
    }

    /// By how much the clock of who asks may be ahead.
    private static let actClockMilliseconds: UInt64 = 60_000

    private func planEnd(of slot: SessionSlot, _ plan: inout ActPlan) {
        guard !sessions[slot].flags.contains(.hasEnded) else { return }
        plan.ends.append(slot)
        planClose(of: slot, &plan)
    }

    private func planClose(of slot: SessionSlot, _ plan: inout ActPlan) {
        if sessions[slot].connection != .none { plan.closes.append(slot) }
    }

    private func eachSlot(of user: UserSlot, _ body: (SessionSlot) -> Void) {
        var slot = users[user].firstSession
        while slot != .none {
            body(slot)
            slot = sessions[slot].next
        }
    }

    mutating func applyAudit(_ record: AuditRecord, at position: Position) {
        audits.append(record, at: position)
        guard record.outcome == .done else { return }
        if record.isNewUser { makeUser(record.user, record.name) }
        guard let user = users.find(record.user) else { return }
        users.willChange(user)
        for serial in record.ended {
            guard let slot = users.session(SessionID(user: record.user, serial: serial), of: user) else { continue }
            sessions[slot].flags.formUnion([.hasEnded, .isRevoked])
            users.setLimit(nil, of: slot)
            forgetOldestEndedSession(of: user, but: slot)
        }
        if !record.ended.isEmpty { users.updateAcknowledged(of: user) }
        var access = users.access(of: user)
        access.apply(record.act)
        users.setAccess(access, of: user)
    }

    // MARK: Whom acts keep out

    /// Why the user may not come in; nil: he may.
    func refusal(of user: UserSlot) -> CloseCode? {
        guard users[user].hasAccess, let block = users.access(of: user).block, block.holds(at: clock.time) else { return nil }
        return .blocked
    }

    /// The same with a token.
    /// - Parameter issuedAt: in seconds since 1970; 0: the token doesn't say.
    func refusal(of user: UserSlot, issuedAt: UInt32) -> CloseCode? {
        if let code = refusal(of: user) { return code }
        return users[user].hasAccess && issuedAt < users.access(of: user).tokensFrom ? .revoked : nil
    }

    /// Closes a connection because of an act, when that is synced.
    mutating func closeByAct(_ connection: ConnectionHandle, _ code: CloseCode) {
        hold(.close(connection, code, retryAfterMilliseconds: 0), until: audits.lastPosition)
    }

    // MARK: The log

    /// A page of the audit log: rows that the store lacks are copied now, a reader adds the others.
    mutating func askAudit(_ id: ReplyID, after: Position, limit: Int) {
        precondition(limit > 0, "a port checks how long a page may be")
        query(id, .audit(AuditScan(after: after, limit: limit, recent: audits.recent(after: after, limit: limit + 1))))
    }

    /// Rows that are too old are to be looked for: `run` it on a reader thread, then call `auditSwept`.
    mutating func takeAuditSweep() -> AuditSweep? {
        let ageMax = configuration.auditDays * 86_400
        guard ageMax > 0, clock.age > ageMax, changedEntries < configuration.checkpointEntriesMax else { return nil }
        return audits.takeSweep(upToAge: clock.age - ageMax, rowsMax: configuration.auditSweepRows, now: monotonic)
    }

    mutating func auditSwept(_ result: AuditSweepResult) {
        audits.swept(result, now: monotonic, next: monotonic + configuration.auditSweepMilliseconds)
    }

    /// Acts that have been synced since the last time.
    mutating func takeAuditNotices() -> [AuditEntry] {
        guard !audits.notices.isEmpty else { return [] }
        defer { audits.notices = [] }
        return audits.notices
    }
}

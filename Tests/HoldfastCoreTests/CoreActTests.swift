import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// What operators do, before and after a restart and a checkpoint.
@Suite struct CoreActTests {
    /// What comes between an act and the look at what it did.
    enum Interlude: CaseIterable {
        case nothing, crash, checkpoint, checkpointAndCrash
    }

    private func pass(_ interlude: Interlude, _ scenario: Scenario) throws {
        if [.checkpoint, .checkpointAndCrash].contains(interlude) { try scenario.toDisk() }
        if [.crash, .checkpointAndCrash].contains(interlude) { try scenario.phones.crash() }
    }

    private func result(_ reply: ReplyID, _ scenario: Scenario) -> ActResult? {
        guard case .acted(let result, _)? = scenario.harness.answers[reply] else { return nil }
        return result
    }

    private func act(_ act: Act, on user: String = "", _ scenario: Scenario) throws -> ActResult? {
        let reply = scenario.harness.act(act, on: user)
        try scenario.settle()
        return result(reply, scenario)
    }

    private func audit(after position: Position = .zero, limit: Int = 100, _ scenario: Scenario) throws -> AuditPage {
        let reply = scenario.harness.ask { _ in .audit(after: position, limit: limit) }
        try scenario.settle()
        guard case .audit(let page, _)? = scenario.harness.answers[reply] else { throw Missing() }
        return page
    }

    private struct Missing: Error {}

    /// Seconds since 1970.
    private func now(_ scenario: Scenario) -> UInt32 { UInt32(scenario.harness.now.wall / 1_000) }

    private let block = Act.block(until: 0, reason: Array("spam".utf8))

    // MARK: Revocation

    @Test(arguments: Interlude.allCases) func `a revoked session is closed, and comes back neither by ticket nor by state`(
        interlude: Interlude
    ) throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        let session = ann.session
        #expect(
            try act(.revokeSession(session), on: "ann", scenario)
                == ActResult(outcome: .done, sessionsEnded: 1, connectionsClosed: 1))
        #expect(ann.closes == [.revoked] && bob.closes.isEmpty)
        try pass(interlude, scenario)
        ann.resume()
        try scenario.settle()
        #expect(ann.closes == [.revoked, .revoked])
        // A token is another thing: with it the device begins anew.
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .begunEnded && ann.session != session)
        scenario.check()
    }

    @Test(arguments: Interlude.allCases) func `a session is revoked while it is away, by its number alone`(interlude: Interlude) throws {
        let scenario = try Scenario { $0.cachedUsersMax = 1 }
        let ann = try scenario.offline("ann")
        _ = try scenario.online("bob")
        try scenario.toDisk()
        let result = try act(.revokeSession(ann.session), scenario)
        #expect(result == ActResult(outcome: .done, sessionsEnded: 1, connectionsClosed: 0))
        try pass(interlude, scenario)
        ann.resume()
        try scenario.settle()
        #expect(ann.closes == [.revoked])
        // Found by the number, the row has the name.
        #expect(try audit(scenario).entries.map(\.record.name) == [Array("ann".utf8)])
        scenario.check()
    }

    @Test func `what a revoked session still says doesn't count`() throws {
        for seed in UInt64(1)...20 {
            let scenario = try Scenario(seed: seed)
            let ann = try scenario.online("ann")
            let bob = try scenario.online("bob")
            bob.send(1...3, to: "ann")
            try scenario.settle()
            let reply = scenario.harness.act(.revokeSession(ann.session), on: "ann")
            for number in 4...9 {
                ann.send("t\(number)", to: "bob")
                ann.acknowledge(through: ann.unacknowledged.first)
                try scenario.harness.step()
            }
            try scenario.settle()
            #expect(result(reply, scenario)?.outcome == .done && ann.closes == [.revoked])
            guard case .acted(_, let position)? = scenario.harness.answers[reply] else { return #expect(Bool(false)) }
            // The stored says so of every other record.
            let stored = scenario.harness.stored.stored[ann.session] ?? []
            #expect(stored.allSatisfy { $0 < position })
            scenario.check()
        }
    }

    @Test func `a device's session is revoked by its name`() throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.offline("ann", "tablet")
        #expect(try act(.revokeDevice(Array("tablet".utf8)), on: "ann", scenario)?.outcome == .done)
        #expect(try act(.revokeDevice(Array("tablet".utf8)), on: "ann", scenario)?.outcome == .unchanged)
        #expect(try act(.revokeDevice(Array("watch".utf8)), on: "ann", scenario)?.outcome == .unknownDevice)
        tablet.resume()
        try scenario.settle()
        #expect(tablet.closes == [.revoked] && phone.closes.isEmpty)
        scenario.check()
    }

    @Test func `acts that find nothing are in the log, too`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let stranger = SessionID(user: 7, serial: 1)
        let outcomes: [(Act, String, ActOutcome)] = [
            (.revokeSession(stranger), "", .unknownSession), (.revokeSession(stranger), "ann", .unknownSession),
            (.revokeSession(ann.session), "nobody", .unknownUser), (.revokeDevice([1]), "nobody", .unknownUser),
            (.revokeTokens(before: 7), "nobody", .unknownUser), (.unblock, "nobody", .unknownUser), (.unblock, "ann", .unchanged),
            (.disconnect(retryAfterMilliseconds: 0), "nobody", .unknownUser),
            (.disconnectSession(stranger, retryAfterMilliseconds: 1), "", .unknownSession),
            (.block(until: 1_000, reason: []), "ann", .wrongTime), (.revokeTokens(before: .max), "ann", .wrongTime),
        ]
        for (act, user, outcome) in outcomes { #expect(try self.act(act, on: user, scenario)?.outcome == outcome) }
        #expect(try audit(scenario).entries.map(\.record.outcome) == outcomes.map(\.2))
        #expect(ann.closes.isEmpty && scenario.harness.stored.number(of: "nobody") == 0)
        scenario.check()
    }

    @Test(arguments: Interlude.allCases) func `tokens of before a time are refused, and those that don't say when`(
        interlude: Interlude
    ) throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.offline("ann", "tablet")
        let before = now(scenario)
        #expect(
            try act(.revokeTokens(before: before), on: "ann", scenario)
                == ActResult(outcome: .done, sessionsEnded: 2, connectionsClosed: 1))
        #expect(phone.closes == [.revoked])
        // An earlier time doesn't make good again what was stolen.
        #expect(try act(.revokeTokens(before: before - 100), on: "ann", scenario)?.outcome == .unchanged)
        try pass(interlude, scenario)
        tablet.resume()
        try scenario.settle()
        for issuedAt in [0, before - 1] {
            tablet.issuedAt = issuedAt
            try tablet.comeBack()
        }
        #expect(tablet.closes == [.revoked, .revoked, .revoked])
        tablet.issuedAt = before
        try tablet.comeBack()
        #expect(tablet.welcomes.last?.outcome == .begunEnded)
        tablet.authenticate(issuedAt: before + 7)
        try scenario.settle()
        #expect(tablet.renewals == 1)
        tablet.authenticate(issuedAt: before - 1)
        try scenario.settle()
        #expect(tablet.closes.last == .revoked && !tablet.isConnected)
        scenario.check()
    }

    // MARK: Blocks

    @Test(arguments: Interlude.allCases) func `a blocked user stays out, whatever he has, until he is unblocked`(interlude: Interlude)
        throws
    {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.offline("ann", "tablet")
        let bob = try scenario.online("bob")
        let session = phone.session
        #expect(try act(block, on: "ann", scenario) == ActResult(outcome: .done, sessionsEnded: 0, connectionsClosed: 1))
        #expect(phone.closes == [.blocked])
        try pass(interlude, scenario)
        phone.resume()
        tablet.hello()
        try scenario.settle()
        tablet.hello(withState: false)
        try scenario.settle()
        #expect(phone.closes == [.blocked, .blocked] && tablet.closes == [.blocked, .blocked])
        try bob.leave()
        try bob.comeBack()
        // What is sent to him waits.
        bob.send(1...1, to: "ann")
        try scenario.settle()
        #expect(bob.outbox.isEmpty && bob.refusals.isEmpty)
        #expect(try act(.unblock, on: "ann", scenario)?.outcome == .done)
        try pass(interlude, scenario)
        phone.resume()
        try scenario.settle()
        #expect(phone.session == session && phone.welcomes.last?.outcome == .resumed && phone.texts == ["t1"])
        scenario.check()
    }

    @Test(arguments: Interlude.allCases) func `a block ends by itself, by the clock that is believed`(interlude: Interlude) throws {
        let scenario = try Scenario()
        let ann = try scenario.offline("ann")
        #expect(try act(.block(until: now(scenario) + 3_600, reason: []), on: "ann", scenario)?.outcome == .done)
        try pass(interlude, scenario)
        try ann.comeBack()
        scenario.harness.tick(milliseconds: 3_500_000)
        ann.resume()
        try scenario.settle()
        #expect(ann.closes == [.blocked, .blocked])
        scenario.harness.tick(milliseconds: 100_000)
        ann.resume()
        try scenario.settle()
        #expect(ann.isOpen)
        scenario.check()
    }

    @Test(arguments: Interlude.allCases) func `somebody who isn't known yet can be blocked`(interlude: Interlude) throws {
        let scenario = try Scenario()
        #expect(try act(block, on: "eve", scenario)?.outcome == .done)
        try pass(interlude, scenario)
        let eve = try scenario.online("eve")
        #expect(eve.closes == [.blocked] && eve.welcomes.isEmpty)
        let bob = try scenario.online("bob")
        bob.send(1...1, to: "eve")
        try scenario.settle()
        #expect(try act(.unblock, on: "eve", scenario)?.outcome == .done)
        try eve.comeBack()
        #expect(eve.texts == ["t1"])
        scenario.check()
    }

    // MARK: Disconnection

    @Test func `who is disconnected may come back, when he is told`() throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        let tablet = try scenario.online("ann", "tablet")
        #expect(try act(.disconnectSession(phone.session, retryAfterMilliseconds: 0), scenario)?.connectionsClosed == 1)
        #expect(phone.closes == [.goingAway] && tablet.closes.isEmpty)
        phone.resume()
        try scenario.settle()
        #expect(phone.welcomes.last?.outcome == .resumed)
        #expect(try act(.disconnect(retryAfterMilliseconds: 5_000), on: "ann", scenario)?.connectionsClosed == 2)
        #expect(phone.closes.last == .goingAway && phone.retryAfterMilliseconds == 5_000 && tablet.retryAfterMilliseconds == 5_000)
        #expect(try act(.disconnect(retryAfterMilliseconds: 0), on: "ann", scenario)?.outcome == .unchanged)
        scenario.check()
    }

    // MARK: Durability

    @Test func `nobody hears of an act before it is synced`() throws {
        let scenario = try Scenario(doubt: 0)
        let harness = scenario.harness
        let ann = try scenario.online("ann")
        let tablet = try scenario.offline("ann", "tablet")
        harness.isJournalSilent = true
        let reply = harness.act(block, on: "ann")
        for _ in 0..<200 { try harness.step() }
        tablet.resume()
        ann.send("t1", to: "bob")
        for _ in 0..<200 { try harness.step() }
        #expect(ann.closes.isEmpty && tablet.closes.isEmpty && harness.answers[reply] == nil && harness.core.takeAuditNotices().isEmpty)
        harness.isJournalSilent = false
        for _ in 0..<10 { harness.tick(milliseconds: 1_000) }
        try scenario.settle()
        #expect(ann.closes == [.blocked] && tablet.closes == [.blocked] && result(reply, scenario)?.outcome == .done)
        #expect(harness.core.takeAuditNotices().map(\.record.act) == [block])
        #expect(harness.stored.messages.isEmpty)
        scenario.check()
    }

    // MARK: The log

    @Test func `the log has who did what to whom, in pages`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        var expected: [Act] = []
        for round in 0..<4 {
            for act in [.block(until: 0, reason: [UInt8(round)]), .unblock, .revokeTokens(before: UInt32(round)), .revokeDevice([7])]
                as [Act]
            {
                expected.append(act)
                _ = try self.act(act, on: "ann", scenario)
            }
            if round == 1 { try scenario.toDisk() }
            if round == 2 { try scenario.phones.crash() }
        }
        var found: [AuditEntry] = []
        var page = AuditPage(entries: [], hasMore: true)
        while page.hasMore {
            page = try audit(after: found.last?.position ?? .zero, limit: 3, scenario)
            #expect(page.entries.count == 3 || !page.hasMore)
            found += page.entries
        }
        #expect(found.map(\.record.act) == expected)
        #expect(try audit(after: Position(rawValue: .max), scenario) == AuditPage(entries: [], hasMore: false))
        let first = try #require(found.first)
        #expect(first.record.user == 1 && first.record.name == Array("ann".utf8) && first.record.actor == .token(Array("ops".utf8)))
        #expect(first.record.requestID == Array("r1".utf8) && first.record.connectionsClosed == 1)
        #expect(first.record.time >= 1_700_000_000_000)
        _ = ann
        scenario.check()
    }

    @Test func `rows are deleted when they are too old, in slices`() throws {
        let scenario = try Scenario { ($0.auditDays, $0.auditSweepRows) = (40, 3) }
        _ = try scenario.offline("ann")
        for _ in 0..<8 { _ = try act(.unblock, on: "ann", scenario) }
        try scenario.toDisk()
        scenario.days(30)
        _ = try act(.unblock, on: "ann", scenario)
        try scenario.toDisk()
        #expect(try audit(scenario).entries.count == 9)
        scenario.days(11)
        for _ in 0..<4 { try scenario.toDisk() }
        #expect(try audit(scenario).entries.count == 1)
        // After a start it begins anew, and nothing else goes.
        try scenario.phones.crash()
        scenario.days(1)
        try scenario.toDisk()
        #expect(try audit(scenario).entries.count == 1)
        scenario.check()
    }

    @Test func `what a crash may have kept from the file is told again`() throws {
        let scenario = try Scenario()
        _ = try act(.unblock, on: "ann", scenario)
        try scenario.toDisk()
        _ = try act(block, on: "ann", scenario)
        #expect(scenario.harness.core.takeAuditNotices().count == 2)
        try scenario.phones.crash()
        #expect(scenario.harness.core.takeAuditNotices().map(\.record.act) == [block])
        scenario.check()
    }

    // MARK: Formats

    private func record(_ act: Act, by actor: Actor = .process(uid: 7, pid: .max)) -> AuditRecord {
        AuditRecord(
            act: act, outcome: .done, time: 1 << 40, age: 70_000, actor: actor, requestID: [1, 2], user: 1 << 39, name: [3],
            isNewUser: true, ended: [1, 1 << 23], connectionsClosed: 9)
    }

    @Test func `a record is read as it was written, and one of a later version isn't taken for damage`() throws {
        let acts: [Act] = [
            .revokeSession(SessionID(rawValue: 1 << 60)), .revokeDevice([1, 2]), .revokeTokens(before: 7), .block(until: .max, reason: [9]),
            .unblock, .disconnect(retryAfterMilliseconds: 3), .disconnectSession(SessionID(rawValue: 2), retryAfterMilliseconds: .max),
        ]
        #expect(Set(acts.map(\.kind)).count == Act.Kind.allCases.count)
        for act in acts {
            for actor in [Actor.process(uid: 7, pid: .max), .token([]), .token(Array(repeating: 7, count: 255))] {
                var bytes: [UInt8] = []
                Record.audit(record(act, by: actor)).encode(into: &bytes)
                let decoded = Record.decode(bytes.span)
                #expect(decoded == .audit(record(act, by: actor)))
            }
        }
        for index in 5...7 {
            var bytes: [UInt8] = []
            Record.audit(record(.unblock)).encode(into: &bytes)
            bytes[index] = 200
            bytes.replace(at: 0, bigEndian: CRC32C.checksum(bytes.span, 4..<bytes.count))
            let newer = bytes
            let error = #expect(throws: StorageError.self) { try Record.requireKnown(newer.span, at: .zero) }
            #expect(error?.code == .newerFormat)
        }
    }

    @Test func `the row of a user whom nothing keeps out is what it was`() throws {
        func encoded(_ access: UserAccess) -> [UInt8] {
            var bytes: [UInt8] = []
            UserImage(row: UserRow(number: 7), access: access, sessions: []).encode(into: &bytes)
            return bytes
        }
        let plain = encoded(.none)
        #expect(plain[4] == 1)
        let accesses: [UserAccess] = [
            .init(tokensFrom: 1), .init(block: .init(until: 7, reason: Array(repeating: 1, count: 255))),
            .init(tokensFrom: .max, block: .init(until: 0, reason: [])),
        ]
        for access in accesses {
            let bytes = encoded(access)
            #expect(bytes[4] == 2 && bytes.count > plain.count)
            let read = UserImage(decoding: bytes.span, number: 7)
            #expect(read?.access == access)
            let cut = Array(bytes.dropLast())
            let readCut = UserImage(decoding: cut.span, number: 7)
            #expect(readCut.map { _ in true } == nil)
        }
        let readPlain = UserImage(decoding: plain.span, number: 7)
        #expect(readPlain?.access == UserAccess.none)
    }

    // MARK: Repair

    private func repair(_ storage: MemoryStorage) throws -> [Finding] {
        let (plan, findings) = try RepairPlan.make(for: storage, unreadable: .init(), nameSuffix: "repaired")
        try plan.apply(to: storage, now: CoreTime(wall: 1_700_000_000_000, monotonic: 1))
        #expect(try Verification.run(on: storage).findings.isEmpty)
        return findings
    }

    @Test func `a damaged row of the log is found, and a repair leaves it out`() throws {
        let scenario = try Scenario()
        _ = try act(block, on: "ann", scenario)
        _ = try act(.unblock, on: "bob", scenario)
        try scenario.toDisk()
        let storage = scenario.harness.storage
        let second = try StoreKey.number(#require(audit(scenario).entries.last).position.rawValue)
        try storage.checkpoint { (store) throws(StorageError) in
            try store.put(.audit, second.span, [UInt8](repeating: 3, count: 30).span)
            var late: [UInt8] = []
            Record.audit(record(.unblock)).encode(into: &late)
            try store.put(.audit, StoreKey.number(1 << 50).span, late.span)
        }
        #expect(try Verification.run(on: storage).findings.map(\.table) == ["audit", "audit"])
        #expect(try repair(storage).count == 2)
        let after = try Scenario(storage: storage)
        #expect(try audit(after).entries.map(\.record.act) == [block])
    }

    @Test(arguments: [false, true]) func `a repair keeps a block, also where the user's row is lost`(isLost: Bool) throws {
        let scenario = try Scenario()
        let ann = try scenario.offline("ann")
        let bob = try scenario.offline("bob")
        _ = bob
        _ = try act(block, on: "ann", scenario)
        try scenario.toDisk()
        let storage = scenario.harness.storage
        try storage.checkpoint { (store) throws(StorageError) in
            if isLost { try store.put(.users, StoreKey.number(ann.session.userNumber).span, [UInt8(7)].span) }
            try store.put(.ages, StoreKey.number(1 << 40).span, [UInt8(7)].span)
        }
        #expect(try repair(storage).count == (isLost ? 2 : 1))
        let after = try Scenario(storage: storage)
        let again = try after.online("ann")
        #expect(again.closes == [.blocked] && again.welcomes.isEmpty)
        after.check()
    }
}

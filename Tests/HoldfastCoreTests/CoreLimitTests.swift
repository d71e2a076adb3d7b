import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// Whom a session may write to, as its token says (REQ-AUTH-8).
@Suite struct CoreLimitTests {
    /// ann may write to bob and to everybody whose name begins with "order-"; she, bob and carl know each other by number.
    private struct Cast {
        let scenario: Scenario
        let ann: Phone
        let bob: Phone
        let carl: Phone

        init(_ configure: (inout CoreConfiguration) -> Void = { _ in }) throws {
            scenario = try Scenario(configure)
            bob = try scenario.online("bob")
            carl = try scenario.online("carl")
            ann = scenario.phones.add("ann")
            ann.limit = RecipientLimit(["bob", "order-*"])
            ann.hello()
            try scenario.settle()
            bob.send("b", to: "ann")
            carl.send("c", to: "ann")
            try scenario.settle()
            // The numbers of the conversations that the others began.
            for number in 1...2 { ann.lookup(ConversationNumber(rawValue: UInt64(number))) }
            try scenario.settle()
            #expect(ann.peers.values.sorted() == ["bob", "carl"])
        }

        /// - Returns: what ann's next message to a user comes to: nil when it is stored.
        func outcome(_ text: String, to user: String) throws -> RefusalCode? {
            let before = ann.refusals.count
            ann.send(text, to: user)
            try scenario.settle()
            #expect(ann.outbox.isEmpty)
            return ann.refusals.count > before ? ann.refusals.last?.code : nil
        }
    }

    @Test func `a limited session writes to those whom its token names, and to nobody else`() throws {
        let cast = try Cast()
        #expect(try cast.outcome("t1", to: "bob") == nil)
        #expect(try cast.outcome("t2", to: "order-7") == nil)
        #expect(try cast.outcome("t3", to: "carl") == .notAllowed, "by the conversation that carl began")
        #expect(try cast.outcome("t4", to: "dora") == .notAllowed, "by name")
        #expect(try cast.outcome("t5", to: "ann") == .notAllowed)
        #expect(try cast.outcome("t6", to: "bob") == nil, "a refused number isn't consumed")
        #expect(cast.bob.texts == ["t1", "t6"])
        #expect(cast.carl.texts == [])
        #expect(cast.scenario.harness.stored.number(of: "dora") == 0, "nobody is made for a message that isn't allowed")
        // To be written to is not limited.
        cast.carl.send("c2", to: "ann")
        try cast.scenario.settle()
        #expect(cast.ann.texts.last == "c2")
        cast.scenario.check()
    }

    @Test func `a name that isn't allowed is refused without a read`() throws {
        let cast = try Cast { $0.cachedLookupsMax = 1 }
        for number in 0..<30 { _ = try cast.scenario.offline("user\(number)") }
        try cast.scenario.toDisk()
        let reads = cast.scenario.harness.readsRun
        #expect(try cast.outcome("t1", to: "user3") == .notAllowed)
        #expect(cast.scenario.harness.readsRun == reads)
    }

    @Test(arguments: [false, true]) func `it holds for a resume, after a start and from the disk`(_ isCheckpointed: Bool) throws {
        let cast = try Cast()
        if isCheckpointed { try cast.scenario.toDisk() }
        for round in 0..<3 {
            if round == 1 { try cast.scenario.phones.crash() } else { try cast.ann.leave() }
            // Without a limit in a token: the ticket stands for the session.
            cast.ann.resume()
            try cast.scenario.settle()
            #expect(cast.ann.welcomes.last?.outcome == .resumed)
            #expect(try cast.outcome("t\(round)", to: "bob") == nil)
            #expect(try cast.outcome("x\(round)", to: "carl") == .notAllowed)
        }
        cast.scenario.check()
    }

    @Test func `it is read from the disk with the row of a user who is away`() throws {
        let cast = try Cast { $0.cachedUsersMax = 1 }
        try cast.ann.leave()
        try cast.scenario.toDisk()
        for number in 0..<20 { _ = try cast.scenario.offline("user\(number)") }
        try cast.scenario.toDisk()
        #expect(cast.scenario.harness.core.users.find(cast.scenario.harness.stored.number(of: "ann")) == nil)
        cast.ann.resume()
        try cast.scenario.settle()
        #expect(try cast.outcome("t1", to: "order-8") == nil)
        #expect(try cast.outcome("t2", to: "carl") == .notAllowed)
        cast.scenario.check()
    }

    @Test(arguments: [false, true]) func `another token's limit counts instead, also after a crash`(_ byHello: Bool) throws {
        let cast = try Cast()
        func show(_ limit: RecipientLimit?) throws {
            cast.ann.limit = limit
            if byHello {
                try cast.ann.leave()
                cast.ann.hello()
            } else {
                cast.ann.authenticate()
            }
            try cast.scenario.settle()
        }
        let session = cast.ann.session
        try show(RecipientLimit(["carl"]))
        #expect(try cast.outcome("t1", to: "carl") == nil)
        #expect(try cast.outcome("t2", to: "bob") == .notAllowed)
        try cast.scenario.phones.crash()
        cast.ann.resume()
        try cast.scenario.settle()
        #expect(try cast.outcome("t3", to: "bob") == .notAllowed)
        try show(nil)
        #expect(try cast.outcome("t4", to: "bob") == nil)
        try cast.scenario.phones.crash()
        cast.ann.resume()
        try cast.scenario.settle()
        #expect(try cast.outcome("t5", to: "dora") == nil)
        try show(.nobody)
        #expect(try cast.outcome("t6", to: "dora") == .notAllowed)
        #expect(cast.ann.session == session)
        #expect(cast.ann.renewals == (byHello ? 0 : 3))
        cast.scenario.check()
    }

    @Test func `a token that says the same makes no record`() throws {
        let cast = try Cast()
        let end = cast.scenario.harness.storage.nextPosition
        cast.ann.authenticate()
        cast.bob.authenticate()
        try cast.scenario.settle()
        #expect(cast.ann.renewals == 1 && cast.bob.renewals == 1)
        #expect(cast.scenario.harness.storage.nextPosition == end)
    }

    @Test(arguments: [false, true]) func `who is told that a token counts finds its limit after any crash`(_ byHello: Bool) throws {
        for seed in 0..<40 {
            let scenario = try Scenario(seed: UInt64(seed))
            let ann = try scenario.online("ann")
            ann.limit = .nobody
            if byHello {
                try ann.leave()
                ann.hello()
            } else {
                ann.authenticate()
            }
            let (welcomes, renewals) = (ann.welcomes.count, ann.renewals)
            // Until the answer is there, and then the crash comes at once.
            for _ in 0..<10_000 where ann.welcomes.count == welcomes && ann.renewals == renewals { try scenario.harness.step() }
            #expect(ann.welcomes.count > welcomes || ann.renewals > renewals)
            try scenario.phones.crash()
            ann.resume()
            try scenario.settle()
            ann.send("t", to: "bob")
            try scenario.settle()
            #expect(ann.refusals.map(\.code) == [.notAllowed], "seed \(seed)")
            scenario.check()
        }
    }

    @Test func `the next session of a device has the limit of its own token`() throws {
        let cast = try Cast()
        cast.ann.logout()
        try cast.scenario.settle()
        cast.ann.limit = nil
        try cast.ann.comeBack()
        #expect(try cast.outcome("t1", to: "carl") == nil)
        // Of one that has ended nothing is kept.
        try cast.scenario.toDisk()
        try cast.scenario.phones.crash()
        var limits: [[String]?] = []
        try cast.scenario.harness.storage.read { (snapshot) throws(StorageError) in
            try cast.scenario.harness.core.inspectUsers(from: snapshot) { user in
                if user.name == Array("ann".utf8) { limits = user.sessions.map(\.to) }
                return true
            }
        }
        #expect(limits == [nil, nil])
        cast.scenario.check()
    }

    @Test func `other sessions of the user have no part in it, and it is shown`() throws {
        let cast = try Cast()
        let tablet = try cast.scenario.online("ann", "tablet")
        tablet.send("t1", to: "carl")
        try cast.scenario.settle()
        #expect(tablet.refusals.isEmpty && cast.carl.texts == ["t1"])
        try cast.scenario.toDisk()
        var shown: [String: [String]?] = [:]
        try cast.scenario.harness.storage.read { (snapshot) throws(StorageError) in
            try cast.scenario.harness.core.inspectUsers(from: snapshot) { user in
                guard user.name == Array("ann".utf8) else { return true }
                for session in user.sessions { shown[String(decoding: session.device ?? [], as: UTF8.self)] = session.to }
                return true
            }
        }
        #expect(shown == ["phone": ["bob", "order-*"], "tablet": nil])
        cast.scenario.check()
    }

    @Test func `records of limits are read as they were written, and no damage traps`() throws {
        let limit = try #require(RecipientLimit(["bob", "order-*"]))
        func begun(_ limit: RecipientLimit?, predecessor: UInt32) -> Record {
            .sessionBegun(
                SessionBegunRecord(
                    session: SessionID(user: 3, serial: 2), attach: AttachNumber(rawValue: 1), isSendOnly: false, isService: true,
                    deviceHasSent: false, cursor: .none, age: 7, device: [65], newUser: [66], predecessor: predecessor, limit: limit,
                    time: predecessor == 0 ? 0 : 5))
        }
        let records: [Record] = [
            begun(limit, predecessor: 0), begun(limit, predecessor: 1), begun(.nobody, predecessor: 0), begun(nil, predecessor: 1),
            begun(nil, predecessor: 0), .limit(SessionID(user: 3, serial: 2), limit), .limit(SessionID(user: 3, serial: 2), .nobody),
            .limit(SessionID(user: 3, serial: 2), nil),
        ]
        for record in records {
            var bytes: [UInt8] = []
            record.encode(into: &bytes)
            #expect(Record.decode(bytes.span) == record)
            for index in 4..<bytes.count {
                for end in [index, bytes.count] {
                    var cut = Array(bytes[..<end])
                    if end == bytes.count { cut[index] ^= 0x41 }
                    cut.replace(at: 0, bigEndian: CRC32C.checksum(cut.span, 4..<cut.count))
                    _ = Record.decode(cut.span)
                }
            }
        }
        #expect(Set(records.map { "\($0)" }).count == records.count)
    }
}

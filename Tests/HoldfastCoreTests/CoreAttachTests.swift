import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct CoreAttachTests {
    @Test func `a first HELLO begins a session and a second one resumes it`() throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann")
        try phone.leave()
        try phone.comeBack()
        phone.resume()
        try scenario.settle()
        #expect(phone.welcomes.map(\.outcome) == [.begun, .resumed, .resumed])
        #expect(phone.welcomes.map(\.attach.rawValue) == [1, 2, 3])
        #expect(Set(phone.welcomes.map(\.session)).count == 1)
        scenario.check()
    }

    @Test func `a newer connection closes the older, whose sends and acknowledgements no longer count`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        let old = bob.origin
        let end = bob.end
        let cursor = bob.welcomes[0].cursor
        bob.state?.position = cursor
        bob.hello()
        try scenario.settle()
        #expect(bob.attach > old.attach)
        scenario.harness.submit(to: old.connection.loop) { _ in .acknowledge(old, ShortPosition(end)) }
        let body = Array("late".utf8)
        scenario.harness.submit(to: old.connection.loop, texts: [Array("ann".utf8), body]) {
            .sendTo(old, MessageSequence(rawValue: 1), .text, user: $0[0], body: $0[1])
        }
        try scenario.settle()
        #expect(scenario.harness.stored.stored[bob.session]?.isEmpty == true)
        bob.hello(withState: false)
        try scenario.settle()
        #expect(bob.welcomes.last?.cursor == cursor)
        #expect(bob.texts == scenario.texts(1...3) + scenario.texts(1...3) + scenario.texts(1...3))
        scenario.check()
    }

    @Test func `the older connection hears that it is fenced`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let other = scenario.phones.add("ann")
        other.state = ann.state
        other.hello()
        try scenario.settle()
        #expect(ann.closes == [.fenced])
        #expect(other.welcomes.last?.outcome == .resumed)
        scenario.check()
    }

    @Test func `a client whose state went back in time begins a new session`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let backup = ann.state
        let session = ann.session
        try ann.leave()
        try ann.comeBack()
        ann.send(1...2, to: "bob")
        try scenario.settle()
        try ann.leave()
        ann.state = backup
        ann.confirmedThrough = 0
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .rewound)
        #expect(ann.session != session)
        #expect(ann.attach > (backup?.attach ?? .none))
        #expect(ann.previous.map(\.session) == [session])
        #expect(ann.previous.first?.lastSequence == MessageSequence(rawValue: 2))
        // RESUME can't begin a session: it says so and the client comes with HELLO.
        ann.state = backup
        ann.resume()
        try scenario.settle()
        #expect(ann.closes == [.ticketInvalid])
        scenario.check()
    }

    @Test func `an acknowledgement is a sign of life as a send is`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        let backup = bob.state
        try bob.leave()
        ann.send(1...2, to: "bob")
        try bob.comeBack()
        bob.acknowledge()
        try scenario.settle()
        try bob.leave()
        bob.state = backup
        try bob.comeBack()
        #expect(bob.welcomes.last?.outcome == .rewound)
        scenario.check()
    }

    // REQ-ATTACH-8
    @Test(arguments: [false, true]) func `whoever enters a session without its state fences the other for good`(crashes: Bool) throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        // The last of these is known to nobody after a crash.
        for _ in 0..<5 {
            try ann.leave()
            try ann.comeBack()
        }
        let state = ann.state
        try ann.leave()
        if crashes { try scenario.phones.crash() }
        ann.hello(withState: false)
        try scenario.settle()
        #expect(ann.welcomes.last?.outcome == .resumed)
        ann.send(1...2, to: "bob")
        try scenario.settle()
        try ann.leave()
        if crashes { try scenario.phones.crash() }
        ann.state = state
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .rewound)
        scenario.check()
    }

    @Test func `a client without state gets an attach above what is stored, after a start too`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send(1...2, to: "bob")
        try scenario.settle()
        try ann.leave()
        for _ in 0..<3 {
            try scenario.phones.crash()
            ann.hello(withState: false)
            try scenario.settle()
            let attach = ann.attach
            try ann.leave()
            try ann.comeBack()
            #expect(ann.welcomes.last?.outcome == .resumed)
            #expect(ann.attach > attach)
            try ann.leave()
        }
        scenario.check()
    }

    // REQ-ATTACH-7, REQ-SESSION-10
    @Test func `attaches that are made up don't come to the end of their numbers`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        var sessions: Set<SessionID> = []
        for _ in 0..<200 {
            try ann.leave()
            // The highest that is believed.
            ann.state?.attach = AttachNumber(rawValue: ann.attach.rawValue + 1 << 24 - 1)
            ann.hello()
            try scenario.settle()
            sessions.insert(ann.session)
            #expect(ann.attach.rawValue < 1 << 31)
        }
        #expect(sessions.count == 4)
        ann.send(1...2, to: "bob")
        try scenario.settle()
        #expect(ann.outbox.isEmpty)
        scenario.check()
    }

    // REQ-OPEN-9
    @Test(arguments: [0, 1, 7, UInt64.max >> 1]) func `the last sequence that a client presents decides nothing`(presented: UInt64) throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        try ann.leave()
        ann.state?.lastSequence = MessageSequence(rawValue: presented)
        ann.hello()
        try scenario.settle()
        #expect(ann.welcomes.last?.outcome == .resumed)
        #expect(ann.welcomes.last?.lastSequence == MessageSequence(rawValue: 3))
    }

    // REQ-SESSION-9
    @Test func `a state older than the device's last session went back in time`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let backup = ann.state
        ann.logout()
        try scenario.settle()
        try ann.comeBack()
        ann.send(1...2, to: "bob")
        try scenario.settle()
        ann.logout()
        try scenario.settle()
        ann.state = backup
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .rewound)
        scenario.check()
    }

    @Test(arguments: [false, true]) func `a lost WELCOME costs nothing, however often`(crashes: Bool) throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        let state = bob.state
        try bob.leave()
        // The client got three messages, its acknowledgement didn't arrive.
        for _ in 0..<3 {
            bob.state = state
            bob.hello()
            try scenario.settle()
            #expect(bob.welcomes.last?.outcome == .resumed)
            try bob.leave()
            if crashes { try scenario.phones.crash() }
        }
        #expect(bob.previous.isEmpty)
        scenario.check()
    }

    // REQ-ATTACH-7
    @Test func `an attach that nobody can have been given is of another gateway`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        try ann.leave()
        let session = ann.session
        ann.state?.attach = AttachNumber(rawValue: .max)
        ann.resume()
        try scenario.settle()
        #expect(ann.closes == [.ticketInvalid])
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .begunUnknown)
        #expect(ann.session == session)
        #expect(ann.previous.map(\.session) == [session])
        // The highest that can be believed, and the one above it.
        try ann.leave()
        let known = try #require(ann.welcomes.last?.attach.rawValue)
        ann.state?.attach = AttachNumber(rawValue: known + 1 << 24)
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .begunUnknown)
        try ann.leave()
        ann.state?.attach = AttachNumber(rawValue: known + 1 << 24)
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .resumed)
        // Nor of a stranger.
        let eve = scenario.phones.add("eve")
        eve.state = PresentedState(
            session: SessionID(rawValue: 99), attach: AttachNumber(rawValue: .max), position: .zero, lastSequence: .none)
        try eve.comeBack()
        #expect(eve.welcomes.last?.outcome == .begunUnknown)
        scenario.check()
    }

    @Test func `a HELLO without state after a logout begins anew`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send(1...1, to: "bob")
        try scenario.settle()
        let session = ann.session
        ann.logout()
        try scenario.settle()
        #expect(ann.closes == [.loggedOut])
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .begunEnded)
        #expect(ann.session != session)
        #expect(ann.previous.isEmpty)
        scenario.check()
    }

    @Test func `a logged out session presented again has ended, and its last sequence is known`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        let state = ann.state
        ann.logout()
        try scenario.settle()
        for _ in 0..<2 {
            ann.state = state
            ann.resume()
            try scenario.settle()
            #expect(ann.closes.last == .ticketInvalid)
            ann.state = state
            try ann.comeBack()
            #expect(ann.welcomes.last?.outcome == .begunEnded)
            #expect(ann.previous.last?.lastSequence == MessageSequence(rawValue: 3))
            try ann.leave()
            try scenario.toDisk()
            try scenario.phones.crash()
        }
        scenario.check()
    }

    // REQ-SESSION-2
    @Test func `a session that was away too long has expired, however the wall clock jumped`() throws {
        let scenario = try Scenario { $0.sessionDays = 5 }
        let ann = try scenario.online("ann")
        try ann.leave()
        scenario.harness.now.wall += 10 * 365 * 86_400_000
        scenario.harness.tick()
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .resumed)
        try ann.leave()
        scenario.days(6)
        let session = ann.session
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .begunExpired)
        #expect(ann.session != session)
        #expect(ann.previous.map(\.session) == [session])
        try ann.leave()
        scenario.days(6)
        ann.hello(withState: false)
        try scenario.settle()
        // It has never sent anything: nothing that it sends now can have been sent before.
        #expect(ann.welcomes.last?.outcome == .begun)
        #expect(ann.previous.count == 1)
        scenario.check()
    }

    @Test func `a session that stays connected doesn't expire`() throws {
        let scenario = try Scenario { $0.sessionDays = 5 }
        let ann = try scenario.online("ann")
        for _ in 0..<8 {
            scenario.days(1)
            try scenario.settle()
        }
        try scenario.phones.crash()
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .resumed)
        scenario.check()
    }

    @Test func `an expired session among many ended ones is found again or forgotten, never another's`() throws {
        let scenario = try Scenario {
            $0.sessionDays = 5
            $0.devicesPerUserMax = 40
        }
        let old = try scenario.offline("ann", "old")
        for device in 0..<SessionRow.endedSessionsMax + 2 {
            let phone = try scenario.online("ann", "device\(device)")
            phone.logout()
            try scenario.settle()
        }
        scenario.days(6)
        let session = old.session
        try old.comeBack()
        #expect(old.welcomes.last?.outcome == .begunExpired)
        #expect(old.session != session && old.session.userNumber == session.userNumber)
        scenario.check()
    }

    @Test func `states of another gateway or of the future are unknown`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let state = try #require(ann.state)
        let session = ann.session
        try ann.leave()
        for position in [Position(rawValue: 1_000_000), Position(era: 3, offset: 1)] {
            ann.state = PresentedState(session: session, attach: state.attach, position: position, lastSequence: .none)
            ann.resume()
            try scenario.settle()
            #expect(ann.closes.last == .ticketInvalid)
            ann.state = PresentedState(session: session, attach: state.attach, position: position, lastSequence: .none)
            ann.hello()
            try scenario.settle()
            #expect(ann.welcomes.last?.outcome == .begunUnknown)
            #expect(ann.welcomes.last?.session == session)
            try ann.leave()
        }
        ann.state = PresentedState(
            session: SessionID(rawValue: 12_345 << 24 | 1), attach: AttachNumber(rawValue: 9), position: .zero, lastSequence: .none)
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .begunUnknown)
        #expect(ann.welcomes.last?.session == session)
        #expect(ann.previous.count == 3 && ann.previous.allSatisfy { $0.lastSequence == nil || $0.session == session })
        scenario.check()
    }

    // REQ-SEC-4
    @Test func `of another user's session nobody hears`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        let eve = scenario.phones.add("eve")
        eve.state = ann.state
        try eve.comeBack()
        #expect(eve.welcomes.last?.outcome == .begunUnknown)
        #expect(eve.previous.map(\.lastSequence) == [nil])
        #expect(ann.isOpen)
        scenario.check()
    }

    @Test func `a session stays send-only or receiving`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        let script = scenario.phones.add("ann", isSendOnly: true)
        try script.comeBack()
        #expect(script.closes == [.deviceMismatch])
        #expect(ann.isOpen)
        scenario.check()
    }

    @Test func `one device too many is refused until another logs out`() throws {
        let scenario = try Scenario { $0.devicesPerUserMax = 2 }
        _ = try scenario.online("ann", "one")
        let two = try scenario.online("ann", "two")
        let three = try scenario.online("ann", "three")
        #expect(three.closes == [.tooManyDevices])
        two.logout()
        try scenario.settle()
        try three.comeBack()
        #expect(three.welcomes.map(\.outcome) == [.begun])
        scenario.check()
    }

    @Test func `in a new era the gateway's cursor counts`() throws {
        let storage = MemoryStorage(firstPosition: Position(era: 1, offset: 1))
        let scenario = try Scenario(storage: storage)
        let ann = try scenario.online("ann")
        let bob = try scenario.online("bob")
        ann.send(1...4, to: "bob")
        try scenario.settle()
        bob.acknowledge(through: bob.unacknowledged[1])
        try scenario.settle()
        let acknowledged = bob.acknowledged
        try bob.leave()
        try ann.leave()
        var batch = JournalBatch()
        batch.nextPosition = Position(era: 2, offset: 1)
        try storage.commit(batch)
        let restored = try Scenario(storage: storage.crashCopy())
        let again = restored.phones.add("bob")
        again.state = bob.state
        again.hello()
        try restored.settle()
        let welcome = try #require(again.welcomes.last)
        #expect(welcome.outcome == .resumed)
        #expect(welcome.era == 2)
        #expect(welcome.cursor == acknowledged)
        #expect(again.end.era == 1)
    }

    @Test func `a token of another user or device doesn't renew`() throws {
        let scenario = try Scenario()
        let ann = try scenario.online("ann")
        _ = try scenario.online("bob")
        let origin = ann.origin
        var heard: [Effect] = []
        let receive = scenario.harness.receive
        scenario.harness.receive = {
            heard.append($1.effect)
            receive($0, $1)
        }
        for (user, device) in [("ann", ""), ("ann", "phone")] {
            scenario.harness.submit(to: origin.connection.loop, texts: [Array(user.utf8), Array(device.utf8)]) {
                .authenticate(origin, user: $0[0], device: $0[1])
            }
            try scenario.settle()
            guard case .authenticated? = heard.last else {
                Issue.record("\(user)/\(device) isn't taken")
                continue
            }
        }
        scenario.harness.submit(to: origin.connection.loop, texts: [Array("ann".utf8), Array("tablet".utf8)]) {
            .authenticate(origin, user: $0[0], device: $0[1])
        }
        try scenario.settle()
        #expect(ann.closes == [.deviceMismatch])
        try ann.comeBack()
        let second = ann.origin
        scenario.harness.submit(to: second.connection.loop, texts: [Array("bob".utf8), []]) {
            .authenticate(second, user: $0[0], device: $0[1])
        }
        try scenario.settle()
        #expect(ann.closes == [.deviceMismatch, .tokenInvalid])
        scenario.check()
    }
}

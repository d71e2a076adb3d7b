import HoldfastWire
import Testing

@testable import HoldfastCore

/// Lives of months: sessions that follow each other on a device, and states from long before. Each is a history that a simulated life of thousands
/// of operations has found.
@Suite struct CoreLongLifeTests {
    // REQ-SESSION-11
    @Test(arguments: [false, true]) func `a state from before two sessions, both ended, is rewound`(isRestarted: Bool) throws {
        let scenario = try Scenario { $0.sessionDays = 5 }
        let ann = try scenario.offline("ann")
        let backup = ann.state
        // What the backup's outbox holds is sent in the next session, and that one ends too, as does one after it in which nothing was sent.
        for texts in [1...2, nil] {
            scenario.days(6)
            try ann.comeBack()
            #expect(ann.welcomes.last?.outcome == .begunExpired)
            if let texts { ann.send(texts, to: "bob") }
            try scenario.settle()
            try ann.leave()
        }
        if isRestarted {
            try scenario.toDisk()
            try scenario.phones.crash()
        }
        scenario.days(6)
        for _ in 0..<2 {
            ann.state = backup
            try ann.comeBack()
            #expect(ann.welcomes.last?.outcome == .rewound)
            try ann.leave()
        }
        scenario.check()
    }

    // REQ-SESSION-11
    @Test func `a state whose later sessions have sent nothing goes on`() throws {
        let scenario = try Scenario { $0.sessionDays = 5 }
        let ann = try scenario.online("ann")
        ann.send(1...3, to: "bob")
        try scenario.settle()
        try ann.leave()
        let state = ann.state
        for _ in 0..<3 {
            scenario.days(6)
            ann.state = state
            try ann.comeBack()
            #expect(ann.welcomes.last?.outcome == .begunExpired)
            #expect(ann.previous.last?.lastSequence == MessageSequence(rawValue: 3))
            try ann.leave()
        }
        scenario.check()
    }

    // REQ-SESSION-11
    @Test func `the ended session of another device is no state of this one`() throws {
        let scenario = try Scenario()
        let phone = try scenario.online("ann", "phone")
        let state = phone.state
        phone.logout()
        try scenario.settle()
        let tablet = try scenario.offline("ann", "tablet")
        for device in [tablet, scenario.phones.add("ann", device: "watch")] {
            device.state = state
            try device.comeBack()
            #expect(device.welcomes.last?.outcome == .begunUnknown)
        }
        scenario.check()
    }

    // REQ-SESSION-9
    @Test(arguments: [false, true])
    func `a client without state hears that its device has sent before, as often as it asks`(isRestarted: Bool) throws {
        let scenario = try Scenario { $0.sessionDays = 5 }
        let ann = try scenario.online("ann")
        ann.send(1...1, to: "bob")
        try scenario.settle()
        try ann.leave()
        scenario.days(6)
        if isRestarted {
            try scenario.toDisk()
            try scenario.phones.crash()
        }
        for _ in 0..<3 {
            ann.hello(withState: false)
            try scenario.settle()
            #expect(ann.welcomes.last?.outcome == .begunExpired)
            try ann.leave()
        }
        // Also after a further session in which nothing was sent.
        scenario.days(6)
        ann.hello(withState: false)
        try scenario.settle()
        #expect(ann.welcomes.last?.outcome == .begunExpired)
        #expect(ann.welcomes.last?.lastSequence == MessageSequence.none)
        // Once it has sent, the last sequence says it.
        ann.send(2...2, to: "bob")
        try scenario.settle()
        try ann.leave()
        ann.hello(withState: false)
        try scenario.settle()
        #expect(ann.welcomes.last?.outcome == .resumed)
        #expect(ann.welcomes.last?.lastSequence == MessageSequence(rawValue: 1))
        scenario.check()
    }

    // REQ-SESSION-9
    @Test func `a device of which no session is kept any more may have sent`() throws {
        let scenario = try Scenario { $0.devicesPerUserMax = 40 }
        let ann = try scenario.online("ann", "old")
        ann.send(1...1, to: "bob")
        try scenario.settle()
        ann.logout()
        try scenario.settle()
        for device in 0..<SessionRow.endedSessionsMax + 2 {
            let phone = try scenario.online("ann", "device\(device)")
            phone.logout()
            try scenario.settle()
        }
        ann.hello(withState: false)
        try scenario.settle()
        #expect(ann.welcomes.last?.outcome == .begunEnded)
        scenario.check()
    }

    // REQ-SESSION-11
    @Test(arguments: [false, true]) func `two clients that fight for a device push out no other device's session`(isRestarted: Bool) throws
    {
        let scenario = try Scenario { $0.sessionDays = 5 }
        let phone = try scenario.online("ann", "phone")
        phone.send(1...3, to: "bob")
        try scenario.settle()
        try phone.leave()
        let tablet = try scenario.online("ann", "tablet")
        // Each rewound session is followed by another.
        for text in 4...4 + SessionRow.endedSessionsMax + 4 {
            let backup = tablet.state
            try tablet.leave()
            try tablet.comeBack()
            tablet.send(text...text, to: "bob")
            try scenario.settle()
            try tablet.leave()
            tablet.state = backup
            tablet.confirmedThrough = 0
            try tablet.comeBack()
            #expect(tablet.welcomes.last?.outcome == .rewound)
        }
        try tablet.leave()
        if isRestarted {
            try scenario.toDisk()
            try scenario.phones.crash()
        }
        scenario.days(6)
        try phone.comeBack()
        #expect(phone.welcomes.last?.outcome == .begunExpired)
        #expect(phone.previous.last?.lastSequence == MessageSequence(rawValue: 3))
        scenario.check()
    }

    // REQ-ATTACH-9
    @Test(arguments: [false, true]) func `a state from before a refusal on the same connection is rewound`(isRestarted: Bool) throws {
        let scenario = try Scenario { $0.bodyBytesMax = 1_000 }
        let ann = try scenario.online("ann")
        let backup = ann.state
        let welcomed = ann.attach
        // Refused, taken out, and its number is another message's.
        ann.send("t1", to: "bob", size: 2_000)
        ann.send("t2", to: "bob")
        try scenario.settle()
        #expect(ann.refusals.map(\.sequence) == [1])
        #expect(ann.confirmedThrough == 1)
        #expect(ann.state?.attach.rawValue == welcomed.rawValue + 1)
        let session = ann.session
        try ann.leave()
        if isRestarted { try scenario.phones.crash() }
        // The state with the raised attach is the newest.
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .resumed)
        try ann.leave()
        ann.state = backup
        ann.confirmedThrough = 0
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .rewound)
        #expect(ann.previous.last?.session == session)
        scenario.check()
    }

    // REQ-ATTACH-9
    @Test func `acknowledgements from before the refused number comes again count under the attach of WELCOME`() throws {
        let scenario = try Scenario { $0.bodyBytesMax = 1_000 }
        let bob = try scenario.online("bob")
        let ann = try scenario.online("ann")
        bob.send(1...2, to: "ann")
        try scenario.settle()
        let state = ann.state
        ann.takesOutRefused = false
        ann.send("t3", to: "bob", size: 2_000)
        ann.acknowledge()
        // The refused message comes again and again; the acknowledgement was on its way before the first refusal came.
        ann.outbox = []
        try scenario.settle()
        try ann.leave()
        // The phone lost its power, and with it the raised attach, which it had no need to store yet.
        ann.state = state
        try ann.comeBack()
        #expect(ann.welcomes.last?.outcome == .resumed)
        scenario.check()
    }
}

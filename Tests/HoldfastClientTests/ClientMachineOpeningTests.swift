import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastClient

@Suite struct ClientMachineOpeningTests {
    // REQ-OPEN-2
    @Test func `a first connection fetches a token and says hello without state`() {
        let rig = MachineRig()
        rig.connect()
        #expect(rig.wantsToken && !rig.isTransportOpen)
        rig.provideToken("abc")
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "hello abc phone -"])
        rig.receive { ServerFrameWriter.welcome(.usual(), to: &$0) }
        #expect(rig.outcomes == [.begun])
        #expect(rig.states == [.connecting, .connected])
    }

    @Test func `the bytes of a welcome may come one by one`() {
        let rig = MachineRig()
        rig.connect()
        rig.provideToken()
        rig.openTransport()
        var bytes: [UInt8] = []
        ServerFrameWriter.welcome(.usual(), to: &bytes)
        for byte in bytes { rig.receive([byte]) }
        #expect(rig.outcomes == [.begun])
    }

    @Test func `a ticket resumes without a token, with attach, cursor and last sequence`() {
        let rig = MachineRig()
        rig.open(.usual(attach: 3, cursor: 250, lastSequence: 9))
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("TICKET".utf8).span, to: &$0) }
        rig.closeTransport()
        rig.advance(by: 1_000)
        #expect(!rig.wantsToken && rig.isTransportOpen)
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "resume TICKET 3/250/9"])
    }

    @Test func `a lost welcome costs nothing`() throws {
        let rig = try MachineRig.persistent(FaultyStorage())
        rig.open(.usual(attach: 3))
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("T".utf8).span, to: &$0) }
        let id = rig.send("one")
        rig.closeTransport()
        rig.waitOut()
        rig.openTransport()
        // The answer, attach 4, never comes.
        rig.closeTransport()
        rig.waitOut()
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "resume T 3/100/0"])
        rig.receive { ServerFrameWriter.welcome(.usual(.resumed, attach: 5), to: &$0) }
        #expect(rig.takeFrames() == ["sendTo 1 bob one"])
        rig.confirm(through: 1)
        #expect(rig.resolved[id] == .stored(MessageSequence(rawValue: 1)))
    }

    // REQ-ATTACH-3
    @Test func `an attach that isn't on the disk is not presented`() throws {
        let rig = try MachineRig.persistent(FaultyStorage())
        rig.open(.usual(attach: 3))
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("T".utf8).span, to: &$0) }
        rig.closeTransport()
        rig.waitOut()
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "resume T 3/100/0"], "a new session is stored at once")
        rig.receive { ServerFrameWriter.welcome(.usual(.resumed, attach: 4), to: &$0) }
        rig.closeTransport()
        rig.waitOut()
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "resume T 3/100/0"], "nothing needed 4 to be stored")
        rig.receive { ServerFrameWriter.welcome(.usual(.resumed, attach: 5), to: &$0) }
        rig.send("one")
        rig.closeTransport()
        rig.waitOut()
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "resume T 5/100/0"])
    }

    @Test(arguments: [CloseCode.ticketInvalid, .ticketExpired])
    func `a refused ticket is dropped and hello follows at once, with state`(code: CloseCode) {
        let rig = MachineRig()
        rig.open(.usual(attach: 3))
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("T".utf8).span, to: &$0) }
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.openTransport()
        rig.closeByServer(code)
        #expect(rig.wantsToken)
        rig.provideToken("fresh")
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "hello fresh phone 3/100/0"])
    }

    // REQ-ATTACH-6
    @Test func `a fenced client opens again by itself, with its state, and stops at the third fence within ten minutes`() {
        let rig = MachineRig()
        rig.open()
        for _ in 0..<2 {
            rig.closeByServer(.fenced)
            let fencedAt = rig.now
            guard case .waiting(1_000...3_000) = rig.states.last else { return #expect(rig.states.last == nil) }
            // The app's impatience doesn't cut it short.
            rig.connect()
            #expect(!rig.wantsToken && !rig.isTransportOpen)
            rig.advance(by: 3_000)
            #expect(rig.wantsToken && rig.now >= fencedAt + 1_000)
            rig.open(.usual(.resumed, attach: 10))
            #expect(rig.states.last == .connected)
        }
        rig.closeByServer(.fenced)
        #expect(rig.states.last == .stopped(.fenced))
        rig.advance(by: 10_000_000)
        #expect(!rig.isTransportOpen && !rig.wantsToken)
        rig.connect()
        #expect(rig.wantsToken)
    }

    // REQ-ATTACH-6
    @Test func `a fenced client whose session another one has used stops when it comes back`() {
        let rig = MachineRig()
        rig.open()
        rig.closeByServer(.fenced)
        rig.advance(by: 3_000)
        rig.open(.usual(.rewound, session: 2))
        #expect(rig.states.last == .stopped(.fenced))
        #expect(!rig.isTransportOpen)
        // Asked by its app it takes the session back.
        rig.open(.usual(.rewound, session: 3))
        #expect(rig.states.last == .connected)
    }

    // REQ-ATTACH-6
    @Test func `an app that connects whenever it is fenced waits longer and longer, and a fence that comes late is no fight`() {
        let rig = MachineRig()
        var logins = 0
        func login() {
            logins += 1
            rig.open(.usual(.resumed, attach: UInt32(logins)))
            rig.closeByServer(.fenced)
        }
        login()
        let start = rig.now
        while rig.now < start + 3_600_000 {
            // The app's impatience doesn't cut it short.
            rig.connect()
            rig.connect()
            rig.advance(by: 100)
            if rig.wantsToken { login() }
        }
        // At most a minute each, half of that on average.
        #expect(60...200 ~= logins)
        #expect(rig.states.last != .connected)
        rig.advance(by: 660_000)
        rig.connect()
        rig.open(.usual(.resumed, attach: 10_000, heartbeat: 240...240))
        rig.closeByServer(.fenced)
        guard case .waiting(1_000...3_000) = rig.states.last else { return #expect(rig.states.last == nil) }
    }

    @Test(arguments: [CloseCode.tokenInvalid, .tokenAlgorithm, .deviceMismatch, .revoked])
    func `a token refused for good stops`(code: CloseCode) {
        let rig = MachineRig()
        rig.connect()
        rig.provideToken()
        rig.openTransport()
        rig.closeByServer(code)
        #expect(rig.states.last == .stopped(.unauthorized(code: code.rawValue)))
    }

    // REQ-AUTH-7
    @Test func `who is blocked stops, and goes on with the session when told to connect after the block`() {
        let rig = MachineRig()
        rig.open()
        rig.closeByServer(.blocked)
        #expect(rig.states.last == .stopped(.blocked))
        rig.advance(by: 3_600_000)
        #expect(rig.states.last == .stopped(.blocked))
        rig.connect()
        // The ticket is gone: the token is shown, with the session's state.
        #expect(rig.wantsToken)
    }

    @Test func `an expired token is replaced once, then it stops`() {
        let rig = MachineRig()
        rig.connect()
        rig.provideToken()
        rig.openTransport()
        rig.closeByServer(.tokenExpired)
        rig.waitOut()
        #expect(rig.wantsToken)
        rig.provideToken()
        rig.openTransport()
        rig.closeByServer(.tokenExpired)
        #expect(rig.states.last == .stopped(.unauthorized(code: 21)))
    }

    // REQ-TIME-8
    @Test func `being told to wait is obeyed, also by a new connect`() {
        let rig = MachineRig()
        rig.open()
        rig.closeByServer(.overloaded, retryAfter: 45_000)
        rig.connect()
        rig.advance(by: 44_000)
        #expect(!rig.wantsToken)
        rig.advance(by: 2_000)
        #expect(rig.wantsToken)
    }

    // REQ-TIME-10
    @Test func `a slot is kept to the millisecond, however often one was given`() {
        let rig = MachineRig()
        rig.connect()
        rig.provideToken()
        for _ in 0..<20 {
            rig.openTransport()
            rig.closeByServer(.overloaded, retryAfter: 1_500)
            #expect(rig.states.last == .waiting(milliseconds: 1_500))
            rig.advance(by: 1_500)
            rig.provideToken()
        }
    }

    // REQ-CODE-1
    @Test func `a breach of the protocol is forgiven once`() {
        let rig = MachineRig()
        rig.open()
        rig.closeByServer(.sequenceHole)
        #expect(rig.machine.phase == .waiting)
        rig.advance(by: 1_000)
        rig.open(.usual(.resumed, attach: 2))
        rig.closeByServer(.sequenceHole)
        #expect(rig.states.last == .stopped(.protocolError(code: 9)))
    }

    @Test func `bytes that are no frame close the connection, and it resumes`() {
        let rig = MachineRig()
        rig.open()
        rig.receive([0x00, 0x01])
        #expect(rig.notices == [.protocolViolation(code: CloseCode.malformedFrame.rawValue)])
        #expect(!rig.isTransportOpen && rig.machine.phase == .waiting)
    }

    @Test func `nothing but a welcome may open the connection`() {
        let rig = MachineRig()
        rig.connect()
        rig.provideToken()
        rig.openTransport()
        rig.deliver(after: 100, [(101, "early")])
        #expect(rig.notices == [.protocolViolation(code: CloseCode.wrongState.rawValue)])
        #expect(rig.handed.isEmpty)
    }

    @Test func `go away is obeyed at its time, at its address, without a pause`() {
        let rig = MachineRig(settings: ClientSettings(device: "phone", obeysAddresses: true))
        rig.open()
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("T".utf8).span, to: &$0) }
        rig.receive { ServerFrameWriter.goAway(delayMilliseconds: 5_000, address: Array("other:7443".utf8).span, to: &$0) }
        rig.advance(by: 4_900)
        #expect(rig.machine.phase == .open)
        _ = rig.takeFrames()
        rig.history = []
        rig.advance(by: 200)
        #expect(rig.history.contains(.closeTransport))
        #expect(rig.history.contains(.openTransport(address: "other:7443")))
    }

    @Test func `go away keeps its slot when the gateway closes first`() {
        let rig = MachineRig(settings: ClientSettings(device: "phone", obeysAddresses: false))
        rig.open()
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("T".utf8).span, to: &$0) }
        rig.receive { ServerFrameWriter.goAway(delayMilliseconds: 5_000, address: Array("evil:1".utf8).span, to: &$0) }
        rig.advance(by: 1_000)
        rig.closeTransport()
        rig.history = []
        rig.advance(by: 3_900)
        #expect(!rig.history.contains(.openTransport(address: nil)))
        rig.advance(by: 200)
        #expect(rig.history.contains(.openTransport(address: nil)), "without a verified name the address is not obeyed")
    }

    @Test func `a token that expires is replaced on the live connection`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 200...240))
        _ = rig.takeFrames()
        rig.receive { ServerFrameWriter.tokenExpiring(seconds: 60, to: &$0) }
        #expect(rig.wantsToken)
        rig.step { $0.tokenFailed($1, &$2) }
        rig.wantsToken = false
        rig.advance(by: 29_999)
        #expect(!rig.wantsToken)
        rig.advance(by: 7_501)
        #expect(rig.wantsToken)
        rig.provideToken("newer")
        #expect(rig.takeFrames().last == "authenticate newer")
        #expect(rig.machine.phase == .open)
    }

    // REQ-AUTH-5
    @Test func `a gateway that announces a token's end all the time gets an answer once in half of what is left`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 200...240))
        let end = rig.now + 60_000
        var asked = 0
        while rig.now < end {
            let left = UInt32((end - rig.now) / 1_000)
            rig.receive { ServerFrameWriter.tokenExpiring(seconds: left, to: &$0) }
            if rig.wantsToken {
                asked += 1
                rig.provideToken("the same")
                rig.receive { ServerFrameWriter.authenticated(expiresIn: left, to: &$0) }
            }
            rig.advance(by: 100)
        }
        // At 60, 30, 15, 7.5 … seconds before its end, then once a second.
        #expect(5...7 ~= asked)
        #expect(rig.takeFrames().filter { $0 == "authenticate the same" }.count == asked)
        rig.advance(by: 1_500)
        if rig.wantsToken { rig.provideToken() }
        rig.receive { ServerFrameWriter.authenticated(expiresIn: 20, to: &$0) }
        rig.advance(by: 201_000)
        #expect(!rig.wantsToken, "what isn't announced isn't asked for")
        #expect(rig.machine.cold == nil, "it is small again")
    }

    // REQ-AUTH-5
    @Test func `an announcement that comes too early is answered when it is time`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 200...240))
        rig.receive { ServerFrameWriter.tokenExpiring(seconds: 30, to: &$0) }
        rig.provideToken()
        rig.receive { ServerFrameWriter.authenticated(expiresIn: 30, to: &$0) }
        rig.receive { ServerFrameWriter.tokenExpiring(seconds: 30, to: &$0) }
        rig.advance(by: 14_999)
        #expect(!rig.wantsToken)
        rig.advance(by: 1)
        #expect(rig.wantsToken)
    }

    // REQ-AUTH-5
    @Test func `an application that has no token is asked a few times until the old one's end`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 200...240))
        rig.receive { ServerFrameWriter.tokenExpiring(seconds: 60, to: &$0) }
        var asked = 0
        for _ in 0..<600 {
            if rig.wantsToken {
                asked += 1
                rig.wantsToken = false
                rig.step { $0.tokenFailed($1, &$2) }
            }
            rig.advance(by: 100)
        }
        #expect(4...8 ~= asked)
    }

    @Test func `logout forgets the session, keep doesn't`() throws {
        let storage = FaultyStorage()
        let rig = try MachineRig.persistent(storage)
        rig.open(.usual(session: 5))
        _ = rig.takeFrames()
        rig.step { _ = $0.close(.keep, $1, &$2) }
        #expect(rig.takeFrames() == ["close keep"])
        #expect(rig.file?.state.session == SessionID(rawValue: 5))
        rig.open(.usual(.resumed, session: 5, attach: 2))
        let id = rig.send("unanswered")
        _ = rig.takeFrames()
        rig.step { _ = $0.close(.logout, $1, &$2) }
        #expect(rig.takeFrames() == ["close logout"])
        #expect(rig.resolved[id] == .unknown)
        // What shows an older state as such stays; the stream begins anew.
        #expect(rig.file?.state.isLoggedOut == true)
        #expect(rig.file?.state.outbox.isEmpty == true && rig.file?.state.cursor == .zero)
        rig.connect()
        rig.provideToken()
        rig.openTransport()
        #expect(rig.takeFrames() == ["preface", "hello token phone 2/0/0"])
    }

    @Test func `logout needs a connection`() {
        let rig = MachineRig()
        var isDone = true
        rig.step { isDone = $0.close(.logout, $1, &$2) }
        #expect(!isDone)
    }

    @Test func `no answer to the first frame ends the attempt`() {
        let rig = MachineRig()
        rig.connect()
        rig.provideToken()
        rig.openTransport()
        rig.advance(by: 15_001)
        #expect(rig.machine.phase != .opening)
        #expect(rig.notices == [.transportFailed(.broken("no answer in time"))])
    }

    // REQ-TIME-7
    @Test func `pauses grow with full jitter and stay within their bounds`() {
        var random = SeededRandom(seed: 1)
        for failures in UInt8(0)..<40 {
            var longest: UInt64 = 0
            // min(60 s, 1 s × 2ⁿ) before attempt n.
            let limit = min(UInt64(1_000) << UInt64(min(failures + 1, 20)), 60_000)
            for _ in 0..<400 {
                let delay = Backoff.milliseconds(failures: failures, base: 1_000, max: 60_000, atLeast: 0, random: random.next())
                #expect(delay <= limit)
                longest = max(longest, delay)
            }
            #expect(longest > limit * 8 / 10, "the jitter is full")
            #expect(Backoff.milliseconds(failures: failures, base: 1_000, max: 60_000, atLeast: 90_000, random: random.next()) == 90_000)
        }
    }

    // REQ-TIME-7
    @Test func `a client that nobody has configured waits as the protocol says`() {
        var longest = [UInt64](repeating: 0, count: 9)
        for seed in 0..<UInt64(300) {
            let rig = MachineRig()
            rig.random = SeededRandom(seed: seed)
            rig.connect()
            for attempt in 1...8 {
                if rig.wantsToken { rig.provideToken() }
                rig.closeTransport()
                if case .waiting(let milliseconds) = rig.states.last { longest[attempt] = max(longest[attempt], milliseconds) }
                rig.advance(by: 60_000)
            }
        }
        for attempt in 1...8 {
            let limit = UInt64(min(60_000, 1_000 << attempt))
            #expect(limit * 9 / 10...limit ~= longest[attempt], "attempt \(attempt)")
        }
    }

    @Test func `the white space around a token is no part of it`() {
        for given in ["token\n", "\r\n token\t", "token"] {
            let rig = MachineRig()
            rig.connect()
            rig.provideToken(given)
            rig.openTransport()
            #expect(rig.takeFrames() == ["preface", "hello token phone -"], "\(given.debugDescription)")
        }
        let rig = MachineRig()
        rig.connect()
        rig.provideToken(" \n")
        #expect(rig.notices == [.tokenUnavailable("the token is empty")])
        rig.advance(by: 60_000)
        rig.provideToken(String(repeating: "x", count: 4097))
        #expect(rig.notices.last == .tokenUnavailable("the token has 4097 bytes; a token has at most 4096"))
    }
}

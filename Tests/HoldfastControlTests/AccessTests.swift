import HoldfastGateway
import Testing

@testable import HoldfastControl

@Suite struct AccessTests {
    @Test func `hosts and ports are taken apart`() {
        for (text, host, port) in [
            ("a:80", "a", 80), ("a", "a", nil), ("[::1]:80", "::1", 80), ("[::1]", "::1", nil), ("127.0.0.1:0", "127.0.0.1", 0),
        ] as [(String, String, Int?)] {
            let parts = HostName.split(text)
            #expect(parts?.host == host && parts?.port == port)
        }
        for bad in ["", ":80", "a:", "a:b", "a:65536", "[::1", "::1", "[::1]x", "a:+1", "[]:1"] {
            #expect(HostName.split(bad) == nil, "\(bad)")
        }
    }

    @Test func `the address that was called is a name, however it is written`() {
        let names = HostName([])
        #expect(names.allows("10.1.2.3:7480", localHost: "10.1.2.3"))
        #expect(names.allows("10.1.2.3", localHost: "::ffff:10.1.2.3"))
        #expect(names.allows("[FD00::1]:7480", localHost: "fd00:0::1"))
        #expect(!names.allows("10.1.2.3", localHost: "10.1.2.4"))
        #expect(!names.allows("10.1.2.3", localHost: nil))
        #expect(names.allows("[::ffff:127.0.0.1]:7480", localHost: nil))
        #expect(!names.allows("127.0.0.1\u{0}.example.com", localHost: nil))
    }

    @Test func `a bucket empties with requests and fills with time`() {
        let rates = RequestRates(quota: 10, window: 5, usersMax: 2)
        for left in (0..<10).reversed() {
            let state = rates.take("a", now: 100)
            #expect(state.isAllowed && state.remaining == left)
        }
        #expect(rates.take("a", now: 100) == .init(isAllowed: false, remaining: 0, seconds: 1))
        #expect(rates.take("a", now: 100.5) == .init(isAllowed: true, remaining: 0, seconds: 5))
        #expect(rates.take("a", now: 1000).remaining == 9)
        // A clock that would go back gives nothing.
        #expect(rates.take("a", now: 0).remaining == 8)
        #expect(rates.take("b", now: 1000).remaining == 9)
        // The number of those who are remembered has a bound.
        for index in 0..<100 { #expect(rates.take("user \(index)", now: 1000).isAllowed) }
    }

    @Test func `a verified token is remembered for seconds, and not more tokens than a bound`() {
        let memory = CallerMemory()
        let caller = Caller(user: "backend", name: "backend", scopes: [.push])
        #expect(memory.caller("t", now: 10) == nil)
        memory.keep(caller, authorization: "t", now: 10)
        #expect(memory.caller("t", now: 10.9)?.user == "backend")
        #expect(memory.caller("T", now: 10.9) == nil)
        #expect(memory.caller("t", now: 11) == nil)
        memory.keep(caller, authorization: "t", now: 20)
        for index in 0..<2_000 { memory.keep(caller, authorization: "\(index)", now: 20) }
        #expect(memory.caller("t", now: 20) == nil)
    }

    @Test func `room is given back, and pushes go behind phones`() {
        var limits = ControlLimits()
        (limits.requestsMax, limits.uploadsMax, limits.shedPushesMax) = (3, 1, 1)
        let room = RequestRoom(limits)
        #expect(room.enter(.upload))
        #expect(!room.enter(.upload))
        #expect(room.enter(.push))
        #expect(room.enter(.question))
        #expect(!room.enter(.question))
        room.leave(.upload)
        #expect(room.enter(.upload))
        #expect(room.count == 3)
        #expect(room.enterPush(isShedding: true))
        #expect(!room.enterPush(isShedding: true))
        #expect(room.enterPush(isShedding: false))
        room.leavePush()
        #expect(!room.enterPush(isShedding: true))
        room.leavePush()
        #expect(room.enterPush(isShedding: true))
    }
}

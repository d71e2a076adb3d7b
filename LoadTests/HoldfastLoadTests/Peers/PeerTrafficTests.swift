import Testing

@testable import holdfast_load

/// What a comparison's verdict rests on.
@Suite struct PeerTrafficTests {
    private func traffic(window: Int) -> PeerTraffic {
        let traffic = PeerTraffic(window: window, bodyBytes: 100)
        traffic.add(sender: 5, receiver: 0, name: "a")
        traffic.add(sender: 5, receiver: 1, name: "b")
        traffic.quota = PeerTraffic.unlimited
        return traffic
    }

    private func sent(_ traffic: PeerTraffic) -> [(id: UInt64, name: String, body: [UInt8])] {
        var all: [(UInt64, String, [UInt8])] = []
        traffic.refill(5) { all.append(($0, $1, $2)) }
        return all
    }

    private func deliver(_ body: [UInt8], to phone: Int, _ traffic: PeerTraffic) { traffic.delivered(phone, body.span, 1 << 62) }

    @Test func `a window, receivers in turn`() {
        let traffic = traffic(window: 3)
        #expect(sent(traffic).map(\.name) == ["a", "b", "a"])
        #expect(!traffic.wantsRefill(5))
        traffic.acknowledged(5, 1)
        #expect(sent(traffic).map(\.id) == [4])
    }

    @Test func `lost, doubled, misdirected, damaged`() {
        let traffic = traffic(window: 4)
        let messages = sent(traffic)
        for message in messages { traffic.acknowledged(5, message.id) }
        deliver(messages[0].body, to: 0, traffic)
        deliver(messages[0].body, to: 0, traffic)
        deliver(messages[1].body, to: 0, traffic)
        var damaged = messages[3].body
        damaged[50] ^= 1
        deliver(damaged, to: 1, traffic)
        let totals = traffic.verified()
        #expect(totals.delivered == 1)
        #expect(totals.duplicated == 1)
        #expect(totals.corrupted == 2)
        #expect(totals.lost == 3)
        #expect(traffic.verified(receivers: 0..<1).lost == 1)
        #expect(traffic.acknowledgedCount(receivers: 1..<2) == 2)
    }

    @Test func `an answer counts once`() {
        let traffic = traffic(window: 2)
        _ = sent(traffic)
        traffic.acknowledged(5, 1)
        traffic.acknowledged(5, 1)
        traffic.rejected(5, 2)
        traffic.acknowledged(5, 2)
        traffic.acknowledged(5, 99)
        #expect(traffic.totals.acknowledged == 1)
        #expect(traffic.totals.rejected == 1)
    }

    @Test func `a quota and a limit for all`() {
        let traffic = traffic(window: 10)
        traffic.quota = 1
        #expect(sent(traffic).count == 2)
        traffic.quota = PeerTraffic.unlimited
        traffic.sentMax = 5
        #expect(sent(traffic).count == 3)
        #expect(!traffic.wantsRefill(5))
    }

    @Test func `a template's names must all have values`() throws {
        #expect(try PeerConfiguration.fill("port {{port}}", ["port": "1"], name: "x.conf") == "port 1")
        #expect(throws: LoadError.self) { try PeerConfiguration.fill("port {{prt}}", ["port": "1"], name: "x.conf") }
    }
}

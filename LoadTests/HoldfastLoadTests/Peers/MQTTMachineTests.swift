import Testing

@testable import holdfast_load

/// The MQTT client, by the bytes that it writes and what it reports.
@Suite struct MQTTMachineTests {
    /// A machine with its output, told of events at a time.
    private final class Bench {
        let machine: MQTTMachine
        var output = PeerOutput()
        var milliseconds: UInt64 = 1_000

        init(_ version: MQTTVersion = .v311, qos: UInt8 = 1, inbox: String? = "u/me") {
            machine = MQTTMachine(MQTTSettings(version: version, qos: qos, keepAliveSeconds: 60), clientID: "me", inbox: inbox)
        }

        var now: PeerNow { PeerNow(milliseconds: milliseconds, random: 7) }

        func bytes() -> [UInt8] {
            defer { output.bytes = [] }
            return output.bytes
        }

        /// Events but for timers.
        func events() -> [PeerEvent] {
            defer { output.events = [] }
            return output.events.filter { if case .armTimer = $0 { false } else { true } }
        }

        func open() { machine.opened(now, &output) }
        func close() { machine.closed(now, &output) }
        func receive(_ bytes: [UInt8]) -> Int { machine.received(bytes.span, now, &output) }
        func publish(_ id: UInt64) { machine.publish(id, to: "you", [UInt8(truncatingIfNeeded: id)], now, &output) }

        /// Opened, with a session and all that came of it forgotten.
        func connect(connack: [UInt8] = [0x20, 2, 1, 0]) {
            open()
            _ = receive(connack)
            output.removeAll()
        }
    }

    /// PUBLISH of `publish(id)`, QoS 1.
    private func publication(_ id: UInt8, isRepeat: Bool = false) -> [UInt8] {
        [isRepeat ? 0x3A : 0x32, 10, 0, 5, 0x75, 0x2F, 0x79, 0x6F, 0x75, 0, id, id]
    }

    @Test func `a new session subscribes to its inbox and is ready then`() {
        let bench = Bench()
        bench.open()
        // CONNECT: MQTT, level 4, no clean session, 60 s, client identifier "me".
        #expect(bench.bytes() == [0x10, 14, 0, 4, 0x4D, 0x51, 0x54, 0x54, 4, 0, 0, 60, 0, 2, 0x6D, 0x65])
        #expect(bench.receive([0x20, 2, 0, 0]) == 4)
        #expect(bench.bytes() == [0x82, 9, 0xFF, 0xFF, 0, 4, 0x75, 0x2F, 0x6D, 0x65, 1])
        #expect(bench.events() == [])
        #expect(bench.receive([0x90, 3, 0xFF, 0xFF, 1]) == 5)
        #expect(bench.events() == [.ready(resumed: false)])
    }

    @Test func `version 5 names the session's life and its own window`() {
        let bench = Bench(.v5)
        bench.open()
        // Session Expiry Interval 2,592,000 s, Receive Maximum 65,535.
        #expect(
            bench.bytes() == [
                0x10, 23, 0, 4, 0x4D, 0x51, 0x54, 0x54, 5, 0, 0, 60, 8, 17, 0, 0x27, 0x8D, 0, 33, 0xFF, 0xFF, 0, 2, 0x6D, 0x65,
            ])
        _ = bench.receive([0x20, 3, 0, 0, 0])
        #expect(bench.bytes() == [0x82, 10, 0xFF, 0xFF, 0, 0, 4, 0x75, 0x2F, 0x6D, 0x65, 1])
    }

    @Test func `a session that is there is ready at once, and gets its messages`() {
        let bench = Bench()
        bench.open()
        let answer: [UInt8] = [0x20, 2, 1, 0] + [0x32, 9, 0, 3, 0x61, 0x2F, 0x62, 0, 10, 7, 8]
        _ = bench.bytes()
        #expect(bench.receive(answer) == answer.count)
        #expect(bench.events() == [.ready(resumed: true), .delivered(0..<2)])
        #expect(bench.output.bodies == [7, 8])
        #expect(bench.bytes() == [0x40, 2, 0, 10])
    }

    @Test func `any split of the server's bytes is the same`() {
        let answer: [UInt8] = [0x20, 2, 1, 0] + [0x32, 9, 0, 3, 0x61, 0x2F, 0x62, 0, 10, 7, 8] + [0x40, 2, 0, 1] + [0xD0, 0]
        for split in 0...answer.count {
            let bench = Bench()
            bench.open()
            bench.publish(1)
            _ = bench.bytes()
            let first = bench.receive(Array(answer[..<split]))
            #expect(first <= split)
            #expect(first + bench.receive(Array(answer[first...])) == answer.count)
            #expect(bench.events() == [.ready(resumed: true), .delivered(0..<2), .acknowledged(1)], "split at \(split)")
            #expect(bench.bytes() == publication(1, isRepeat: true) + [0x40, 2, 0, 10])
        }
    }

    @Test func `messages are acknowledged in any order`() {
        let bench = Bench()
        bench.connect()
        for id in UInt64(1)...3 { bench.publish(id) }
        #expect(bench.bytes() == publication(1) + publication(2) + publication(3))
        _ = bench.receive([0x40, 2, 0, 2] + [0x40, 2, 0, 1] + [0x40, 2, 0, 3])
        #expect(bench.events() == [.acknowledged(2), .acknowledged(1), .acknowledged(3)])
    }

    @Test func `what wasn't acknowledged goes out again in order, marked`() {
        let bench = Bench()
        bench.connect()
        for id in UInt64(1)...3 { bench.publish(id) }
        _ = bench.receive([0x40, 2, 0, 2])
        bench.close()
        #expect(bench.events() == [.acknowledged(2), .open(afterMilliseconds: 500)])
        _ = bench.bytes()
        bench.open()
        _ = bench.bytes()
        _ = bench.receive([0x20, 2, 1, 0])
        #expect(bench.bytes() == publication(1, isRepeat: true) + publication(3, isRepeat: true))
    }

    @Test func `the server's window holds messages back`() {
        let bench = Bench(.v5)
        // Receive Maximum 2.
        bench.connect(connack: [0x20, 6, 1, 0, 3, 33, 0, 2])
        for id in UInt64(1)...3 { bench.publish(id) }
        let sent = bench.bytes()
        #expect(sent.count == 2 * 13)
        _ = bench.receive([0x40, 2, 0, 1])
        #expect(bench.bytes() == [0x32, 11, 0, 5, 0x75, 0x2F, 0x79, 0x6F, 0x75, 0, 3, 0, 3])
        #expect(bench.events() == [.acknowledged(1)])
    }

    @Test func `version 5 may refuse a message`() {
        let bench = Bench(.v5)
        bench.connect(connack: [0x20, 3, 1, 0, 0])
        bench.publish(1)
        _ = bench.receive([0x40, 3, 0, 1, 0x97])
        #expect(bench.events() == [.rejected(1)])
    }

    @Test func `quality 0 has no number and no answer`() {
        let bench = Bench(qos: 0)
        bench.connect()
        bench.publish(1)
        #expect(bench.bytes() == [0x30, 8, 0, 5, 0x75, 0x2F, 0x79, 0x6F, 0x75, 1])
        #expect(bench.events() == [.acknowledged(1)])
    }

    @Test func `packet identifiers begin again before they end`() {
        let bench = Bench()
        bench.connect()
        bench.publish(65_534)
        bench.publish(65_535)
        let bytes = bench.bytes()
        #expect(Array(bytes[9..<11]) == [0xFF, 0xFE])
        #expect(Array(bytes[21..<23]) == [0, 1])
    }

    @Test func `it pings after silence and gives up without an answer`() {
        let bench = Bench()
        bench.connect()
        bench.milliseconds += 30_000
        bench.machine.timerFired(bench.now, &bench.output)
        #expect(bench.bytes() == [])
        bench.milliseconds += 30_000
        bench.machine.timerFired(bench.now, &bench.output)
        #expect(bench.bytes() == [0xC0, 0])
        bench.milliseconds += 30_000
        bench.machine.timerFired(bench.now, &bench.output)
        #expect(bench.events() == [.trouble("MQTT: no PINGRESP"), .close])
    }

    @Test func `an answered ping is followed by another`() {
        let bench = Bench()
        bench.connect()
        for _ in 0..<2 {
            bench.milliseconds += 60_000
            bench.machine.timerFired(bench.now, &bench.output)
            #expect(bench.bytes() == [0xC0, 0])
            _ = bench.receive([0xD0, 0])
        }
        #expect(bench.events() == [])
    }

    static let breaches: [[UInt8]] = [
        [0x40, 2, 0, 9], [0x20, 2, 0, 0], [0x90, 3, 0xFF, 0xFF, 1], [0x34, 5, 0, 1, 0x61, 0, 1], [0x10, 0], [0x20, 0x80, 0x80, 0x80, 0x80],
    ]

    @Test(arguments: breaches) func `what is against the protocol ends the connection`(_ bytes: [UInt8]) {
        let bench = Bench()
        bench.connect()
        #expect(bench.receive(bytes + [1, 2, 3]) == bytes.count + 3)
        let events = bench.events()
        #expect(events.count == 2)
        #expect(events.last == .close)
    }

    @Test func `a refused connect is reported`() {
        let bench = Bench()
        bench.open()
        _ = bench.receive([0x20, 2, 0, 5])
        #expect(bench.events() == [.trouble("MQTT: CONNACK 5"), .close])
    }
}

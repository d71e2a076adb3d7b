import HoldfastWire
import Testing

@testable import HoldfastClient

/// Connections that the gateway asks for: not as often, and not as late, as it likes.
@Suite struct ClientMachineComingBackTests {
    /// What a gateway does to everybody who comes, for an hour, and how many connections that makes.
    private func connections(_ seconds: UInt64, _ answer: (MachineRig) -> Void) -> (count: Int, times: [UInt64]) {
        let rig = MachineRig()
        rig.connect()
        let end = rig.now + seconds * 1_000
        var times: [UInt64] = []
        while rig.now < end {
            if rig.wantsToken { rig.provideToken() }
            if rig.isTransportOpen {
                times.append(rig.now)
                if times.count > 10_000 { break }
                rig.openTransport()
                answer(rig)
            }
            // Only while nothing else is to be done does time pass.
            if !rig.isTransportOpen && !rig.wantsToken { rig.advance(by: 100) } else if rig.machine.phase == .open { rig.advance(by: 100) }
        }
        return (times.count, times)
    }

    private func welcome(_ rig: MachineRig) { rig.receive { ServerFrameWriter.welcome(.usual(), to: &$0) } }

    private func ticket(_ rig: MachineRig) {
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, Array("T".utf8).span, to: &$0) }
    }

    private func goAway(_ rig: MachineRig, _ milliseconds: UInt32 = 0) {
        let address: [UInt8] = []
        rig.receive { ServerFrameWriter.goAway(delayMilliseconds: milliseconds, address: address.span, to: &$0) }
        rig.flush()
        rig.advance(by: 1)
    }

    // REQ-TIME-12
    @Test func `a gateway that sends everybody away at once is not asked thousands of times`() {
        let (count, times) = connections(600) {
            welcome($0)
            goAway($0)
        }
        #expect(count >= 8 && count <= 40, "\(count)")
        #expect(zip(times.dropFirst(6), times.dropFirst(7)).allSatisfy { $1 - $0 >= 1_000 }, "after the third the wait grows")
    }

    @Test func `nor one that closes as soon as it has said when to come back`() {
        let count = connections(600) {
            welcome($0)
            goAway($0)
            if $0.isTransportOpen { $0.closeTransport() }
        }.count
        #expect(count <= 40, "\(count)")
    }

    @Test func `nor one whose tickets are good until they are used`() {
        let count = connections(600) {
            welcome($0)
            ticket($0)
            $0.closeByServer(.ticketInvalid)
        }.count
        #expect(count <= 60, "\(count)")
    }

    @Test func `a slot of a millisecond is a second when it comes again and again`() {
        let count = connections(60) { $0.closeByServer(.overloaded, retryAfter: 1) }.count
        #expect(count <= 66, "\(count)")
    }

    @Test func `a connection that lasted makes the next departure immediate again`() {
        let rig = MachineRig()
        for _ in 0..<12 {
            rig.open(.usual(heartbeat: 200...240))
            rig.advance(by: 60_000)
            goAway(rig)
            #expect(rig.wantsToken || rig.isTransportOpen, "no pause")
        }
    }

    @Test func `an app that connects all the time doesn't cut the floor short`() {
        let rig = MachineRig()
        for _ in 0..<4 {
            rig.open()
            goAway(rig)
        }
        #expect(rig.machine.phase == .waiting)
        rig.connect()
        #expect(rig.machine.phase == .waiting)
    }

    // REQ-TIME-11
    @Test func `nobody is sent away for longer than an hour`() {
        let rig = MachineRig()
        rig.open()
        rig.closeByServer(.goingAway, retryAfter: .max)
        #expect(rig.states.last == .waiting(milliseconds: 3_600_000))
        let storm = MachineRig()
        storm.connect()
        storm.provideToken()
        storm.openTransport()
        storm.closeByServer(.overloaded, retryAfter: .max)
        #expect(storm.states.last == .waiting(milliseconds: 3_600_000))
        let leaving = MachineRig()
        leaving.open()
        goAway(leaving, .max)
        leaving.closeTransport()
        #expect(leaving.states.last == .waiting(milliseconds: 3_600_000 - 1))
    }

    @Test func `a refusal for a month is asked again within the hour`() {
        let rig = MachineRig()
        rig.open()
        rig.send("one")
        _ = rig.takeFrames()
        rig.refuse(1, .storageFull, retryAfter: .max)
        // A quarter of jitter comes on top.
        rig.now += 4_500_000
        rig.step { $0.timerFired($1, &$2) }
        #expect(rig.takeFrames().contains("sendTo 1 bob one"))
    }
}

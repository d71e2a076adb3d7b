import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastClient

@Suite struct ClientMachineTimerTests {
    private func pong(_ rig: MachineRig) { rig.receive { ServerFrameWriter.pong(to: &$0) } }

    // REQ-TIME-2
    @Test func `heartbeats begin at the shortest interval, one at a time`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 20...240))
        _ = rig.takeFrames()
        rig.advance(by: 19_999)
        #expect(rig.takeFrames().isEmpty)
        rig.advance(by: 1)
        #expect(rig.takeFrames() == ["ping"])
        rig.advance(by: 9_000)
        #expect(rig.takeFrames().isEmpty)
        pong(rig)
        rig.advance(by: 11_000)
        #expect(rig.takeFrames() == ["ping"])
    }

    @Test func `any frame puts the heartbeat off`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 100...100))
        rig.advance(by: 90_000)
        rig.send("a")
        rig.confirm(through: 1)
        _ = rig.takeFrames()
        rig.advance(by: 99_999)
        #expect(rig.takeFrames().isEmpty)
        rig.advance(by: 1)
        #expect(rig.takeFrames() == ["ping"])
    }

    // REQ-TIME-4
    @Test func `a heartbeat without an answer ends the connection and shortens the interval, which grows again slowly`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 20...240))
        rig.machine.heartbeatSeconds = 240
        rig.advance(by: 240_000)
        rig.advance(by: 10_000)
        #expect(rig.notices == [.transportFailed(.broken("no answer to a heartbeat"))])
        rig.advance(by: 1_000)
        rig.open(.usual(.resumed, attach: 2, heartbeat: 20...240))
        #expect(rig.machine.heartbeatSeconds == 120)
        for _ in 0..<8 {
            rig.advance(by: 120_000)
            pong(rig)
        }
        #expect(rig.machine.heartbeatSeconds == 135)
    }

    @Test func `the interval stays within the gateway's range`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 50...60))
        for attach in UInt32(2)..<6 {
            rig.advance(by: 70_001)
            rig.advance(by: 10_000)
            rig.open(.usual(.resumed, attach: attach, heartbeat: 50...60))
            #expect(50...60 ~= rig.machine.heartbeatSeconds)
        }
    }

    @Test func `other traffic while a heartbeat is out shows that the connection lives`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 20...20))
        rig.learn()
        rig.advance(by: 20_000)
        rig.advance(by: 9_000)
        rig.deliver(after: 100, [(101, "a")])
        rig.advance(by: 9_000)
        #expect(rig.machine.phase == .open)
        rig.advance(by: 1_001)
        #expect(rig.machine.phase == .waiting)
    }

    @Test func `a send without an answer is followed by a heartbeat`() {
        let rig = MachineRig()
        rig.open()
        rig.send("a")
        _ = rig.takeFrames()
        rig.advance(by: 5_000)
        #expect(rig.takeFrames() == ["ping"])
        rig.advance(by: 10_000)
        #expect(rig.machine.phase == .waiting)
    }

    @Test func `an acknowledgement rides with the heartbeat`() {
        var limits = ClientSettings.Limits()
        limits.acknowledgementDelayMilliseconds = 1_000_000
        let rig = MachineRig(settings: ClientSettings(device: "phone", limits: limits))
        rig.open(.usual(heartbeat: 60...60))
        rig.learn()
        rig.deliver(after: 100, [(101, "a")])
        rig.acknowledge(101)
        _ = rig.takeFrames()
        rig.advance(by: 60_000)
        #expect(rig.takeFrames() == ["ack 101", "ping"])
    }

    @Test func `a pace is told, kept over a resume, and taken back`() {
        let rig = MachineRig()
        rig.open(.usual(heartbeat: 20...240))
        _ = rig.takeFrames()
        rig.step { $0.setPace(seconds: 900, $1, &$2) }
        #expect(rig.takeFrames() == ["pace 900"])
        rig.advance(by: 674_000)
        #expect(rig.takeFrames().isEmpty)
        rig.advance(by: 1_000)
        #expect(rig.takeFrames() == ["ping"])
        rig.closeTransport()
        rig.advance(by: 1_000)
        rig.open(.usual(.resumed, attach: 2))
        #expect(rig.takeFrames().last == "pace 900")
        rig.step { $0.setPace(seconds: 0, $1, &$2) }
        #expect(rig.takeFrames() == ["pace 0"])
        rig.advance(by: 240_000)
        #expect(rig.takeFrames() == ["ping"])
    }

    // REQ-TIME-7
    @Test(arguments: [UInt64(59_999), 60_000]) func `a connection of a minute ends a series of failures`(lasted: UInt64) {
        var longest: UInt64 = 0
        for seed in 0..<UInt64(50) {
            let rig = MachineRig()
            rig.random = SeededRandom(seed: seed)
            rig.connect()
            for _ in 0..<6 {
                if rig.wantsToken { rig.provideToken() }
                rig.closeTransport()
                rig.advance(by: 60_000)
            }
            rig.open(.usual(heartbeat: 200...240))
            rig.advance(by: lasted)
            rig.closeTransport()
            if case .waiting(let milliseconds) = rig.states.last { longest = max(longest, milliseconds) }
        }
        #expect((longest <= 2_000) == (lasted == 60_000), "\(longest)")
    }

    @Test func `an idle machine is small`() {
        let rig = MachineRig()
        rig.open()
        rig.receive { ServerFrameWriter.ticket(expiresIn: 60, [UInt8](repeating: 1, count: 43).span, to: &$0) }
        #expect(rig.machine.cold == nil && rig.machine.peers == nil)
        // The ticket's array takes 32 bytes of header, 43 of content, and what the allocator adds.
        #expect(MemoryLayout<ClientMachine>.stride + 96 < 400)
        rig.send("a", to: .conversation(4))
        #expect(rig.machine.cold != nil)
        rig.confirm(through: 1)
        #expect(rig.machine.cold == nil, "after traffic it is small again")
    }
}

import HoldfastWire
import Testing

@testable import HoldfastConnection
@testable import HoldfastCore

@Suite struct ConnectionMachineOutputTests {
    /// Deliveries with the given positions, conversations and bodies, chained from 1000.
    private func batch(_ messages: [(position: UInt64, conversation: UInt64, body: [UInt8])], predecessor: UInt64 = 1000) -> EffectBatch {
        var batch = EffectBatch()
        var source: [UInt8] = []
        var last = predecessor
        for message in messages {
            batch.effects.append(
                .deliver(
                    MachineHarness.handle,
                    .init(
                        predecessor: .init(rawValue: last), position: .init(rawValue: message.position),
                        conversation: .init(rawValue: message.conversation), time: 1_700_000_000_000 + message.position, kind: .text,
                        isOwn: message.position % 2 == 0, source: 0, offset: UInt32(source.count), count: UInt32(message.body.count))))
            source += message.body
            last = message.position
        }
        batch.sources = [source]
        return batch
    }

    private func deliver(_ batch: EffectBatch, to harness: inout MachineHarness) throws -> [ServerFrame] {
        var groups = EffectGroups()
        groups.load(batch.effects, slotCount: 6)
        groups.select(0)
        var bodyBytes = 0
        let end = harness.machine.deliver(batch, groups.group, from: 0, limits: harness.limits, out: &harness.out, bodyBytes: &bodyBytes)
        #expect(end == groups.group.count)
        let isWritten = harness.machine.state == .open || harness.machine.state == .leaving
        #expect(bodyBytes == (isWritten ? batch.sources[0].count : 0), "what is written of bodies is counted")
        return try harness.takeFrames()
    }

    @Test func `neighbours of one conversation share a frame`() throws {
        var harness = MachineHarness.open()
        var groups = EffectGroups()
        let batch = batch([(1001, 7, [1]), (1005, 7, [2, 3]), (1105, 7, []), (1106, 8, [4])])
        groups.load(batch.effects, slotCount: 6)
        groups.select(0)
        var bodyBytes = 0
        _ = harness.machine.deliver(batch, groups.group, from: 0, limits: harness.limits, out: &harness.out, bodyBytes: &bodyBytes)
        let out = harness.out
        let frames = try harness.takeFrames()
        #expect(frames.count == 2)
        guard case .deliver(let first) = frames[0], case .deliver(let second) = frames[1] else { return }
        #expect(first.predecessor.rawValue == 1000)
        #expect(first.timeOffset == 1001)
        #expect(second.predecessor.rawValue == 1105)
        #expect(second.conversation.rawValue == 8)
        var entries = DeliverEntries(first)
        var seen: [(UInt64, Int64, Bool, [UInt8])] = []
        while let entry = try entries.next(in: out.span) {
            seen.append((entry.position.rawValue, entry.timeOffset, entry.isOwn, Array(out[entry.body])))
        }
        #expect(seen.map(\.0) == [1001, 1005, 1105])
        #expect(seen.map(\.1) == [1001, 1005, 1105])
        #expect(seen.map(\.3) == [[1], [2, 3], []])
        #expect(harness.machine.sent.rawValue == 1106)
    }

    // REQ-FRAME-8
    @Test func `a frame never exceeds the limit`() throws {
        var harness = MachineHarness.open { $0.frames = WireLimits(frameBytesMax: 4096) }
        let body = [UInt8](repeating: 5, count: 1500)
        let frames = try deliver(batch((0..<10).map { (1001 + $0, 7, body) }), to: &harness)
        #expect(frames.count == 5)
        for case .deliver(let frame) in frames { #expect(frame.entries.upperBound - frame.entries.lowerBound <= 4096) }
    }

    // REQ-STREAM-5
    @Test func `a step that 40 bits can't say has a SKIP before it`() throws {
        var harness = MachineHarness.open()
        let far = Position(era: 1, offset: 5).rawValue
        let frames = try deliver(batch([(1001, 7, [1]), (far, 7, [2])]), to: &harness)
        #expect(frames.count == 3)
        guard case .skip(let predecessor, let through) = frames[1], case .deliver(let last) = frames[2] else {
            Issue.record("\(frames)")
            return
        }
        #expect(predecessor.rawValue == 1001)
        #expect(through.rawValue == far - 1)
        #expect(last.predecessor == ShortPosition(through))
        #expect(last.first.rawValue == 5)
        // And it can be acknowledged.
        #expect(harness.receive { ClientFrameWriter.acknowledge(.init(rawValue: far), to: &$0) }.action == .none)
        #expect(harness.takeCommands().0.count == 1)
    }

    // REQ-CLOSE-1
    @Test func `nothing is said to a connection that is being closed`() throws {
        var harness = MachineHarness.open()
        harness.machine.close()
        #expect(try deliver(batch([(1001, 7, [1])]), to: &harness).isEmpty)
        harness.sent(through: 11)
        harness.machine.skip(predecessor: .zero, through: .init(rawValue: 1), out: &harness.out)
        #expect(harness.out.isEmpty)
    }

    @Test func `effects are grouped by connection in their order`() {
        func sent(_ slot: UInt32, _ sequence: UInt64) -> Effect {
            .sent(.init(loop: 0, generation: 1, slot: slot), through: .init(rawValue: sequence), position: .zero)
        }
        var groups = EffectGroups()
        for _ in 0..<2 {
            groups.load([sent(3, 1), sent(1, 2), sent(3, 3), sent(9, 4), sent(1, 5), sent(3, 6)], slotCount: 4)
            #expect(groups.count == 2)
            groups.select(0)
            #expect(groups.group == [0, 2, 5])
            groups.select(1)
            #expect(groups.group == [1, 4])
        }
    }

    // MARK: Deadlines

    // REQ-TIME-3
    @Test func `a silent client is closed after one and a half heartbeats, and a frame puts that off`() {
        var harness = MachineHarness.open()
        let silence: UInt64 = 450_000
        #expect(harness.machine.deadlineMilliseconds(now: harness.now, limits: harness.limits) == 450_000)
        harness.now += 400_000
        harness.receive([1])
        harness.now += 50_000
        #expect(deadline(&harness) == .setDeadline(milliseconds: 400_000))
        harness.now += silence - 50_000 - 1
        #expect(deadline(&harness) == .setDeadline(milliseconds: 1))
        harness.now += 1
        #expect(deadline(&harness) == .close(.heartbeatMissed))
    }

    // REQ-TIME-3
    @Test func `a part of a frame is no sign of life`() {
        var harness = MachineHarness.open()
        harness.now += 449_999
        #expect(harness.receive([0x20, 10, 1]).action == .none)
        harness.now += 1
        #expect(deadline(&harness) == .close(.heartbeatMissed))
    }

    // REQ-TIME-5
    @Test func `PACE allows a longer silence, up to the limit, and takes it back`() {
        var harness = MachineHarness.open { $0.paceSecondsMax = 1000 }
        #expect(harness.receive { ClientFrameWriter.pace(seconds: 600, to: &$0) }.action == .setDeadline(milliseconds: 900_000))
        #expect(harness.receive { ClientFrameWriter.pace(seconds: 100_000, to: &$0) }.action == .setDeadline(milliseconds: 1_500_000))
        #expect(harness.receive { ClientFrameWriter.pace(seconds: 0, to: &$0) }.action == .setDeadline(milliseconds: 450_000))
    }

    @Test func `while the loop has no credits silence is not the client's`() {
        var harness = MachineHarness.open(credits: 0)
        harness.receive { ClientFrameWriter.lookup(.init(rawValue: 1), to: &$0) }
        harness.now += 1_000_000
        #expect(deadline(&harness) == .setDeadline(milliseconds: 1000))
    }

    // REQ-OPEN-1, REQ-TIME-9
    @Test func `the first frame has a deadline, and who waits for the gateway hears that it is overloaded`() {
        var silent = MachineHarness()
        #expect(deadline(&silent) == .close(.firstFrameDeadline))
        var waiting = MachineHarness(credits: 0)
        #expect(
            waiting.receiveHello().action == .pauseReading)
        #expect(deadline(&waiting) == .close(.overloaded))
    }

    // REQ-AUTH-2, REQ-AUTH-3
    @Test func `a token's end is announced once, and closes unless a fresh one comes`() throws {
        var harness = tokenHarness(seconds: 200)
        #expect(harness.machine.deadlineMilliseconds(now: harness.now, limits: harness.limits) == 140_000)
        harness.now += 140_000
        #expect(deadline(&harness) == .setDeadline(milliseconds: 60_000))
        #expect(try harness.takeFrames() == [.tokenExpiring(seconds: 60)])
        harness.now += 30_000
        #expect(deadline(&harness) == .setDeadline(milliseconds: 30_000))
        #expect(try harness.takeFrames().isEmpty)
        harness.now += 30_000
        #expect(deadline(&harness) == .close(.tokenExpired))

        var renewed = tokenHarness(seconds: 200)
        renewed.now += 140_000
        _ = deadline(&renewed)
        _ = try renewed.takeFrames()
        let token: [UInt8] = [1, 2]
        #expect(renewed.receive { ClientFrameWriter.authenticate(token: token.span, to: &$0) }.action == .verifyFreshToken(2..<4))
        #expect(renewed.receive { ClientFrameWriter.authenticate(token: token.span, to: &$0) }.action == .close(.wrongState))
        let checked = CheckedToken(user: token, device: nil, isService: false, issuedAt: 900, expires: 0)
        renewed.machine.freshTokenVerified(checked, expires: renewed.now / 1000 + 500, intake: &renewed.intake)
        guard case .authenticate(_, _, let device, limit: nil, issuedAt: 900)? = renewed.takeCommands().0.first else {
            Issue.record("no command")
            return
        }
        #expect(device.isEmpty)
        #expect(renewed.machine.authenticated(now: renewed.now, limits: renewed.limits, out: &renewed.out))
        #expect(try renewed.takeFrames() == [.authenticated(expiresIn: 500)])
        renewed.now += 60_000
        #expect(deadline(&renewed) == .setDeadline(milliseconds: 380_000))
    }

    // REQ-AUTH-2
    @Test func `a token that came in time is waited for`() throws {
        var harness = tokenHarness(seconds: 100)
        let token: [UInt8] = [1, 2]
        harness.receive { ClientFrameWriter.authenticate(token: token.span, to: &$0) }
        harness.now += 200_000
        #expect(deadline(&harness) == .setDeadline(milliseconds: 1000))
        let checked = CheckedToken(user: token, device: nil, isService: false, expires: 0)
        harness.machine.freshTokenVerified(checked, expires: harness.now / 1000 + 500, intake: &harness.intake)
        #expect(harness.machine.authenticated(now: harness.now, limits: harness.limits, out: &harness.out))
        #expect(deadline(&harness) != .close(.tokenExpired))
    }

    // REQ-AUTH-5
    @Test func `a token that is shorter than the warning is asked for once in half of what is left`() throws {
        // An application that has a token of 30 s each time, for ten minutes.
        var harness = tokenHarness(seconds: 30)
        var announced = 0
        for _ in 0..<600_000 / 250 {
            _ = deadline(&harness)
            if try !harness.takeFrames().isEmpty {
                announced += 1
                renew(&harness, seconds: 30)
            }
            #expect(harness.machine.deadlineMilliseconds(now: harness.now, limits: harness.limits) >= 1_000)
            harness.now += 250
        }
        #expect(announced == 600 / 15 - 1)
        #expect(harness.machine.state == .open)

        // A cached token in its last minute is no better each time.
        var cached = tokenHarness(seconds: 60)
        let end = cached.now / 1000 + 60
        var left: [UInt64] = []
        while deadline(&cached) != .close(.tokenExpired) {
            if try !cached.takeFrames().isEmpty {
                left.append(end - cached.now / 1000)
                renew(&cached, seconds: end - cached.now / 1000)
            }
            cached.now += 250
        }
        #expect(left == [30, 15, 7, 3, 1])
    }

    private func renew(_ harness: inout MachineHarness, seconds: UInt64) {
        let token: [UInt8] = [1, 2]
        harness.receive { ClientFrameWriter.authenticate(token: token.span, to: &$0) }
        let checked = CheckedToken(user: token, device: nil, isService: false, expires: 0)
        harness.machine.freshTokenVerified(checked, expires: harness.now / 1000 + seconds, intake: &harness.intake)
        _ = harness.takeCommands()
        #expect(harness.machine.authenticated(now: harness.now, limits: harness.limits, out: &harness.out))
        harness.out = []
    }

    // REQ-AUTH-4
    @Test func `a ticket's end asks for no token`() throws {
        var harness = MachineHarness.open { $0.heartbeatSecondsMax = 86400 }
        harness.now += 86_399_000
        _ = deadline(&harness)
        #expect(try harness.takeFrames().isEmpty)
        harness.now += 1000
        #expect(deadline(&harness) == .close(.ticketExpired))
    }

    private func tokenHarness(seconds: UInt64) -> MachineHarness {
        var harness = MachineHarness()
        harness.receiveHello()
        let name: [UInt8] = [1]
        let token = CheckedToken(user: name, device: nil, isService: false, expires: 0)
        harness.machine.tokenVerified(
            token, device: name.span, isSendOnly: false, state: nil, expires: harness.now / 1000 + seconds, intake: &harness.intake)
        let attached = Effect.Attached(
            outcome: .begun, session: .init(rawValue: 7), attach: .init(rawValue: 1), cursor: .zero, era: 0, lastSequence: .none,
            serverTime: 0, isSendOnly: false, isService: false)
        _ = harness.machine.welcome(attached, now: harness.now, limits: harness.limits, out: &harness.out)
        _ = harness.takeCommands()
        harness.out = []
        return harness
    }

    private func deadline(_ harness: inout MachineHarness) -> ConnectionAction {
        harness.deadline()
    }
}

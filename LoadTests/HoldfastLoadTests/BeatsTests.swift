import HoldfastIO
import HoldfastWire
import Testing

@testable import holdfast_load

/// Heartbeats by a schedule, of phones that aren't always connected.
@Suite(.timeLimit(.minutes(10))) struct BeatsTests {
    /// No connection has this number: what is sent on it goes nowhere.
    private static let nowhere = ConnectionID(slot: 1_000_000, generation: 1).rawValue
    private static let second: UInt64 = 1_000_000_000

    /// Does something with two phones, of which the first is connected, and whose beats are due in turn, one a second from 0 on.
    private func withBeats<Result: Sendable>(_ body: @escaping @Sendable (Fleet, Beats) -> Result) async throws -> Result {
        let target = Target(address: SocketAddress(ipv4: 0x7F00_0001, port: 9), data: "", tokens: .secret(Array(repeating: 7, count: 32)))
        let driver = try await FleetDriver(target: target, capacity: 2)
        defer { driver.stop() }
        return try await driver.perform { fleet in
            fleet.add(2, LoadRun.phoneSettings)
            for index in 0..<2 { fleet.phones[index].connection = Self.nowhere }
            fleet.phones[0].flags.insert(.connected)
            let beats = Beats(schedule: Schedule(startAt: 0, perSecond: 1), phones: 0..<2)
            beats.start(fleet)
            beats.sendDue(fleet, at: 4 * Self.second)
            return body(fleet, beats)
        }
    }

    @Test func `a beat whose phone isn't connected is skipped and counted`() async throws {
        // Due: 0, 2 and 4 of the first phone, 1 and 3 of the second.
        let (sent, skipped) = try await withBeats { _, beats in (beats.sent, beats.skipped) }
        #expect(sent == 3 && skipped == 2)
    }

    @Test func `the first answer on a new connection is that of its first beat`() async throws {
        let (count, seconds) = try await withBeats { fleet, beats in
            fleet.phones[1].flags.insert(.connected)
            beats.sendDue(fleet, at: 5 * Self.second)
            let pong = [FrameKind.pong]
            _ = beats.received(1, pong.span, fleet, at: 6 * Self.second)
            return (beats.times.count, (beats.times.summary?.max ?? 0) / 1e6)
        }
        // It was due at 5, the two that were skipped at 1 and 3.
        #expect(count == 1 && seconds.rounded() == 1)
    }

    @Test func `answers come in the order of a phone's beats`() async throws {
        let seconds = try await withBeats { fleet, beats in
            let pongs = [FrameKind.pong, FrameKind.pong]
            _ = beats.received(0, pongs.span, fleet, at: 10 * Self.second)
            return beats.times.summary.map { [$0.distribution[0].microseconds, $0.max].map { ($0 / 1e6).rounded() } }
        }
        #expect(seconds == [8, 10])
    }

    @Test func `an answer that no beat waits for is that of the machine's own heartbeat`() async throws {
        let taken = try await withBeats { fleet, beats in
            let pongs = Array(repeating: FrameKind.pong, count: 4)
            return [beats.received(0, pongs.span, fleet, at: 10 * Self.second), beats.received(0, pongs.span, fleet, at: 10 * Self.second)]
        }
        #expect(taken == [3, 0])
    }
}

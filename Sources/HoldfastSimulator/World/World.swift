import HoldfastCore
import HoldfastTestSupport

/// Time, chance and the record of a run: what everything simulated shares.
final class World {
    /// Milliseconds since the run began.
    private(set) var time: UInt64 = 0
    var random: SeededRandom
    let profile: Profile
    let coverage = Coverage()
    /// How far the wall clock of the gateway's machine is from the world's time.
    var wallOffset: Int64 = 0 {
        didSet {
            wallSetAt = time
            if isWallBelievable { believedOffset = wallOffset }
        }
    }
    private(set) var wallSetAt: UInt64 = 0
    /// The last offset that the gateway has to believe (see `Profile`).
    private var believedOffset: Int64 = 0
    /// Set when nothing goes wrong any more.
    var isHealed = false
    private(set) var problems: [String] = []
    /// The last events; empty unless asked for.
    private(set) var trace: [String] = []
    let isTracing: Bool
    /// FNV-1a over every event that was noted, those that the trace has let go of too.
    private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    private var queue = EventQueue()

    static let wallStart: Int64 = 1_700_000_000_000
    private static let tracedMax = 4_000

    init(profile: Profile, seed: UInt64, isTracing: Bool) {
        self.profile = profile
        random = SeededRandom(seed: seed)
        self.isTracing = isTracing
    }

    /// Milliseconds since 1970, as the gateway's machine believes.
    var wall: UInt64 { UInt64(max(0, Self.wallStart + Int64(time) + wallOffset)) }

    /// The clock of the tokens' issuer: right, but never behind the gateway's, which would call its tokens expired.
    var issuerWall: UInt64 { UInt64(Self.wallStart + Int64(time) + max(0, believedOffset)) }

    /// Whether the gateway has to believe its clock.
    var isWallBelievable: Bool { abs(wallOffset) < Int64(ClockRule.yearMilliseconds) }

    func after(_ milliseconds: UInt64, _ action: @escaping () -> Void) { queue.schedule(at: time + milliseconds, action) }

    func at(_ time: UInt64, _ action: @escaping () -> Void) { queue.schedule(at: max(time, self.time), action) }

    /// Lets things happen until a time, or until something is wrong.
    func run(until end: UInt64) {
        while problems.isEmpty, let next = queue.nextTime, next <= end, let event = queue.popFirst() {
            time = event.time
            event.action()
        }
        if problems.isEmpty { time = max(time, end) }
    }

    /// Nothing happens any more: what waits is let go of.
    func end() { queue.removeAll() }

    func fail(_ problem: String) {
        problems.append(problem)
        note("PROBLEM: \(problem)")
    }

    func note(_ event: @autoclosure () -> String) {
        guard isTracing else { return }
        if trace.count >= Self.tracedMax { trace.removeFirst(Self.tracedMax / 2) }
        let seconds = String(time / 1000)
        let milliseconds = String(time % 1000)
        let line = "\(seconds).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)  \(event())"
        for byte in line.utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
        trace.append(line)
    }
}

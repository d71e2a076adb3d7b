import HoldfastWire

/// The time of records, and a second clock for whatever throws something away by age.
///
/// The time is what the machine's clock says, as far as it is believed (`ClockRule`). It may go back: the order of messages is that of their
/// positions, and a clock that was wrong once must not be wrong for ever. While the clock isn't believed the time goes on from the last one,
/// by the monotonic clock.
///
/// Ages are counted on the monotonic clock while the gateway runs; of a time when it didn't run, at most a day counts. A jump of the clock
/// thus expires nothing early.
struct AgeClock {
    /// Milliseconds since 1970.
    private(set) var time: UInt64 = 0
    /// Age in milliseconds since the data directory was made.
    private var ageMilliseconds: UInt64 = 0
    private var lastMonotonic: UInt64?
    private let rule: ClockRule
    private var isBelieved = true
    private var notice: ClockNotice?

    static let downtimeMax: UInt64 = 86_400_000
    /// A clock that is set back by less is waited for, so that its small corrections don't show.
    static let waitMax: UInt64 = 60_000

    init(rule: ClockRule) { self.rule = rule }

    var age: UInt32 { UInt32(truncatingIfNeeded: ageMilliseconds / 1_000) }

    /// The last record's time, or the store's. The last one counts, not the highest: a clock that was ahead may have been set right since.
    mutating func recovered(time: UInt64) { self.time = min(time, ClockRule.latest) }

    mutating func recovered(age: UInt32) { ageMilliseconds = max(ageMilliseconds, UInt64(age) * 1_000) }

    mutating func started(_ now: CoreTime) {
        let stored = time
        lastMonotonic = now.monotonic
        follow(now.wall, expected: stored)
        guard stored != 0 else { return }
        if time > stored { ageMilliseconds += min(time - stored, Self.downtimeMax) }
        if isBelieved, stored > now.wall, stored - now.wall > Self.waitMax { notice = .behindStored(stored: stored, wall: now.wall) }
    }

    mutating func advance(_ now: CoreTime) {
        #if PLANTED_BUGS
            if PlantedBug.ageByWallClock.isActive, time != 0, now.wall > time { ageMilliseconds += now.wall - time }
        #endif
        var elapsed: UInt64 = 0
        if let lastMonotonic, now.monotonic > lastMonotonic { elapsed = now.monotonic - lastMonotonic }
        ageMilliseconds += elapsed
        lastMonotonic = now.monotonic
        let expected = min(time + min(elapsed, ClockRule.latest), ClockRule.latest)
        let wasBelieved = isBelieved
        follow(now.wall, expected: expected)
        assert(time <= ClockRule.latest, "no time is later than the latest")
        guard isBelieved, wasBelieved, expected != 0 else { return }
        let step = now.wall > expected ? now.wall - expected : expected - now.wall
        if step > Self.waitMax { notice = .set(from: expected, to: now.wall) }
    }

    /// - Parameter expected: what the time should be if nobody has touched the clock.
    private mutating func follow(_ wall: UInt64, expected: UInt64) {
        guard rule.isBelievable(wall, after: expected) else {
            time = max(expected, rule.earliest)
            if isBelieved { notice = .disbelieved(wall: wall, time: time) }
            return isBelieved = false
        }
        if !isBelieved { notice = .believed(wall: wall) }
        isBelieved = true
        if wall >= time || time - wall > Self.waitMax { time = wall }
    }

    /// What there is to log, once.
    mutating func takeNotice() -> ClockNotice? {
        defer { notice = nil }
        return notice
    }
}

import Testing

@testable import HoldfastCore

@Suite struct AgeClockTests {
    private static let release: UInt64 = 1_735_689_600_000
    /// The right time in these stories.
    private static let now: UInt64 = 1_770_000_000_000
    private static let minute: UInt64 = 60_000
    private static let day: UInt64 = 86_400_000
    private static let year = ClockRule.yearMilliseconds

    private static func clock(stored: UInt64 = 0, age: UInt32 = 0) -> AgeClock {
        var rule = ClockRule()
        rule.earliest = release
        var clock = AgeClock(rule: rule)
        clock.recovered(time: stored)
        clock.recovered(age: age)
        return clock
    }

    private func time(_ wall: UInt64, _ monotonic: UInt64) -> CoreTime { CoreTime(wall: wall, monotonic: monotonic) }

    @Test func `a first start decades ahead is not believed, and the right clock is at once`() {
        var clock = Self.clock()
        clock.started(time(Self.now + 30 * Self.year, 5_000))
        #expect(clock.time == Self.release)
        #expect(clock.takeNotice() == .disbelieved(wall: Self.now + 30 * Self.year, time: Self.release))
        clock.advance(time(Self.now + 30 * Self.year + 1_000, 6_000))
        #expect(clock.time == Self.release + 1_000)
        #expect(clock.takeNotice() == nil, "it is said once")
        clock.advance(time(Self.now, 7_000))
        #expect(clock.time == Self.now)
        #expect(clock.takeNotice() == .believed(wall: Self.now))
        #expect(clock.age == 2)
    }

    @Test(arguments: [0, Self.now]) func `a clock in 1970 is not believed, and the right one is later`(stored: UInt64) {
        var clock = Self.clock(stored: stored, age: 100)
        clock.started(time(12_000, 5_000))
        let begin = max(stored, Self.release)
        #expect(clock.time == begin)
        clock.advance(time(13_000, 6_000))
        #expect(clock.time == begin + 1_000)
        clock.advance(time(Self.now + Self.day, 7_000))
        #expect(clock.time == Self.now + Self.day)
        #expect(clock.age == 102, "no jump of the clock ages anything")
    }

    @Test func `a directory that was off for a year starts with the right time, a day older`() {
        var clock = Self.clock(stored: Self.now - Self.year, age: 100)
        clock.started(time(Self.now, 5_000))
        #expect(clock.time == Self.now)
        #expect(clock.age == 100 + 86_400)
        #expect(clock.takeNotice() == nil)
    }

    @Test func `a jump of decades while it runs leaves no trace`() {
        var clock = Self.clock(stored: Self.now)
        clock.started(time(Self.now, 5_000))
        clock.advance(time(Self.now + 30 * Self.year, 6_000))
        #expect(clock.time == Self.now + 1_000)
        clock.advance(time(Self.now + 2_000, 7_000))
        #expect(clock.time == Self.now + 2_000)
        #expect(clock.age == 2)
    }

    @Test func `a jump of a year is followed, said, and taken back with the clock`() {
        var clock = Self.clock(stored: Self.now)
        clock.started(time(Self.now, 5_000))
        clock.advance(time(Self.now + Self.year, 6_000))
        #expect(clock.time == Self.now + Self.year)
        #expect(clock.takeNotice() == .set(from: Self.now + 1_000, to: Self.now + Self.year))
        clock.advance(time(Self.now + 2_000, 7_000))
        #expect(clock.time == Self.now + 2_000)
        #expect(clock.takeNotice() == .set(from: Self.now + Self.year + 1_000, to: Self.now + 2_000))
        #expect(clock.age == 2)
    }

    @Test func `small corrections go without a word, and without times that fall`() {
        var clock = Self.clock(stored: Self.now)
        clock.started(time(Self.now, 0))
        var (wall, last) = (Self.now, clock.time)
        for (step, correction) in [0, -3_000, 500, -40_000, 20_000, 50_000, -59_000, 7, 0, 0].enumerated() {
            wall = UInt64(Int64(wall) + 10_000 + Int64(correction))
            clock.advance(time(wall, UInt64(step + 1) * 10_000))
            #expect(clock.time >= last)
            #expect(clock.time >= wall && clock.time - wall <= Self.minute)
            last = clock.time
        }
        #expect(clock.takeNotice() == nil)
        clock.advance(time(wall + Self.minute, 200_000))
        #expect(clock.time == wall + Self.minute)
    }

    @Test func `a directory whose time is decades ahead is right again with the clock`() {
        var clock = Self.clock(stored: Self.now + 30 * Self.year, age: 100)
        clock.started(time(Self.now, 5_000))
        #expect(clock.time == Self.now)
        #expect(clock.takeNotice() == .behindStored(stored: Self.now + 30 * Self.year, wall: Self.now))
        #expect(clock.age == 100)
        // The next start counts its time off as ever.
        var next = Self.clock(stored: clock.time, age: clock.age)
        next.started(time(Self.now + Self.minute, 5_000))
        #expect(next.age == 160)
        #expect(next.takeNotice() == nil)
    }

    @Test func `a clock that is right and further ahead than usual can be confirmed`() {
        var rule = ClockRule()
        rule.earliest = Self.release
        #expect(!rule.isBelievable(Self.now + 15 * Self.year, after: Self.now))
        #expect(rule.isBelievable(Self.now + 15 * Self.year, after: Self.now + 6 * Self.year), "it grows with what is stored")
        rule.aheadMax = 20 * Self.year
        #expect(rule.isBelievable(Self.now + 15 * Self.year, after: Self.now))
        #expect(!rule.isBelievable(Self.release - 1, after: 0))
    }

    @Test func `no stored or told time overflows`() {
        for stored in [UInt64.max, 1 << 63, ClockRule.latest] {
            for wall in [UInt64.max, 1 << 63, ClockRule.latest, Self.now, 0] {
                var clock = Self.clock(stored: stored)
                clock.started(time(wall, 1))
                clock.advance(time(wall, .max))
                #expect(clock.time <= ClockRule.latest)
            }
        }
    }
}

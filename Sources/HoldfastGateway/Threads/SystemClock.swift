internal import Glibc
internal import HoldfastCore

/// The system's two clocks.
enum SystemClock {
    /// Milliseconds since 1970; jumps when the clock is set.
    static func wallMilliseconds() -> UInt64 { milliseconds(CLOCK_REALTIME) }

    /// Seconds since 1970; jumps when the clock is set.
    static func wallSeconds() -> UInt64 { wallMilliseconds() / 1000 }

    /// Milliseconds since the machine's start; never jumps.
    static func monotonicMilliseconds() -> UInt64 { milliseconds(CLOCK_MONOTONIC) }

    /// The same in microseconds, for how long something takes.
    static func monotonicMicroseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(max(0, time.tv_sec)) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    }

    /// Both, for the core.
    static func coreTime() -> CoreTime { CoreTime(wall: wallMilliseconds(), monotonic: monotonicMilliseconds()) }

    private static func milliseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return UInt64(max(0, time.tv_sec)) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

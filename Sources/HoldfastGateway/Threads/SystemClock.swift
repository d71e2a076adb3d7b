internal import HoldfastCore
internal import HoldfastIO

/// The system's two clocks. Whether the first one is believed is decided by the core: `GatewayLoad.wallSeconds` is the time to use.
enum SystemClock {
    /// Milliseconds since 1970; jumps when the clock is set.
    static func wallMilliseconds() -> UInt64 { SystemTime.wallNanoseconds() / 1_000_000 }

    /// Milliseconds since the machine's start; never jumps.
    static func monotonicMilliseconds() -> UInt64 { SystemTime.monotonicNanoseconds() / 1_000_000 }

    /// The same in microseconds, for how long something takes.
    static func monotonicMicroseconds() -> UInt64 { SystemTime.monotonicNanoseconds() / 1_000 }

    /// Both, for the core.
    static func coreTime() -> CoreTime { CoreTime(wall: wallMilliseconds(), monotonic: monotonicMilliseconds()) }
}

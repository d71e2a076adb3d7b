internal import CLinux

/// The system's two clocks, in nanoseconds.
package enum SystemTime {
    /// Since 1970; jumps when the clock is set.
    package static func wallNanoseconds() -> UInt64 { clinux_realtime_nanoseconds() }

    /// Since the machine's start; never jumps.
    package static func monotonicNanoseconds() -> UInt64 { clinux_monotonic_nanoseconds() }
}

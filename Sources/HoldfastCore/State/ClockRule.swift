/// Which times of the machine's clock are believed.
///
/// A clock may be anywhere: a machine without a battery begins in 1970, a virtual one with what its host left. Nothing tells the right time
/// from a wrong one but two facts: it is later than the day when the program was made, and it isn't decades after the last time that was
/// stored. Between the two the clock is believed, wherever it goes: whoever sets it right has it right at once.
package struct ClockRule: Sendable {
    /// The program is not older than this: 2025-01-01, in milliseconds since 1970. Raised with each release.
    package static let releaseMilliseconds: UInt64 = 1_735_689_600_000

    /// No right clock is before this; 0: nothing is known.
    package var earliest: UInt64 = 0
    /// How far a clock may be ahead of the last time that is known. A directory may have been off for months.
    package var aheadMax: UInt64 = 10 * Self.yearMilliseconds

    package static let yearMilliseconds: UInt64 = 365 * 86_400_000
    /// Later times are no times (the year 6429), so that sums can't overflow.
    package static let latest: UInt64 = 1 << 47

    package init() {}

    /// - Parameter known: the last time that was stored, or that the clock had; 0: none.
    package func isBelievable(_ wall: UInt64, after known: UInt64) -> Bool {
        guard wall >= earliest, wall < Self.latest else { return false }
        let reference = max(known, earliest)
        return reference == 0 || wall <= reference + aheadMax
    }

    /// The best guess at the time: the clock, or what is known when the clock isn't believed.
    package func time(_ wall: UInt64, after known: UInt64) -> UInt64 {
        isBelievable(wall, after: known) ? wall : max(known, earliest)
    }
}

/// What became of the clock: for the log.
package enum ClockNotice: Equatable, Sendable {
    /// The clock is decades ahead, or before the program was made. Times go on from the last one that was known.
    case disbelieved(wall: UInt64, time: UInt64)
    /// The clock is right again, as far as one can tell.
    case believed(wall: UInt64)
    /// The clock was set while the gateway ran.
    case set(from: UInt64, to: UInt64)
    /// At the start the clock is before the last time that was stored: one of the two is wrong, and times follow the clock.
    case behindStored(stored: UInt64, wall: UInt64)
}

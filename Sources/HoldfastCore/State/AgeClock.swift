import HoldfastWire

/// The time of records, and a second clock for whatever throws something away by age. The wall clock may jump, so ages are
/// counted on the monotonic clock while the gateway runs; of a time when it didn't run, at most a day counts. A jump
/// forward thus expires nothing early.
struct AgeClock {
    /// Milliseconds since 1970 of the last record, never falling.
    private(set) var time: UInt64 = 0
    /// Age in milliseconds since the data directory was made.
    private var ageMilliseconds: UInt64 = 0
    private var lastMonotonic: UInt64?

    static let downtimeMax: UInt64 = 86_400_000

    var age: UInt32 { UInt32(truncatingIfNeeded: ageMilliseconds / 1_000) }

    mutating func recovered(time: UInt64, age: UInt32) {
        self.time = max(self.time, time)
        ageMilliseconds = max(ageMilliseconds, UInt64(age) * 1_000)
    }

    mutating func started(_ now: CoreTime) {
        if time != 0, now.wall > time { ageMilliseconds += min(now.wall - time, Self.downtimeMax) }
        advance(now)
    }

    mutating func advance(_ now: CoreTime) {
        #if PLANTED_BUGS
            if PlantedBug.ageByWallClock.isActive, time != 0, now.wall > time { ageMilliseconds += now.wall - time }
        #endif
        if let lastMonotonic, now.monotonic > lastMonotonic { ageMilliseconds += now.monotonic - lastMonotonic }
        lastMonotonic = now.monotonic
        time = max(time, now.wall)
    }
}

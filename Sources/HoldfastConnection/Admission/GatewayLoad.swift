package import HoldfastCore
package import Synchronization

/// What all loops of a gateway know of its load: written by loops and by the core's driver, read by each loop's `StormControl`.
package final class GatewayLoad: Sendable {
    /// Messages that were confirmed to their senders.
    package let sentCount = Atomic<UInt64>(0)
    /// How long the last commits took, smoothed.
    package let commitMicroseconds = Atomic<UInt64>(0)
    /// When an opening last had to wait or was told to come back; monotonic milliseconds, 0: never.
    private let shedAt = Atomic<UInt64>(0)
    /// Sessions that were told to come back. Locked when an opening comes, never for traffic.
    package let slots: Mutex<SlotBook>
    /// For whom something waits; the core's.
    package let undelivered: UndeliveredUsers

    /// `Core.timeOffset`.
    private let timeOffset: Atomic<Int64>

    /// - Parameter slotsMax: sessions whose slots are remembered.
    package init(slotsMax: Int, undelivered: UndeliveredUsers, timeOffset: Int64) {
        self.timeOffset = Atomic(timeOffset)
        slots = Mutex(SlotBook(countMax: slotsMax))
        self.undelivered = undelivered
    }

    /// An opening found no room at once. Written once in a while, so that loops don't contend in a storm.
    package func shed(at now: UInt64) {
        guard now >= shedAt.load(ordering: .relaxed) + Self.shedNoteMilliseconds else { return }
        shedAt.store(now, ordering: .relaxed)
    }

    /// Whether phones find no room now: who isn't one lets them go first.
    package func isShedding(at now: UInt64) -> Bool {
        let last = shedAt.load(ordering: .relaxed)
        return last > 0 && now < last + Self.sheddingMilliseconds
    }

    private static let shedNoteMilliseconds: UInt64 = 50
    /// A storm without a single opening in this time is over.
    private static let sheddingMilliseconds: UInt64 = 1_000

    /// The core has looked at the clock.
    package func setTimeOffset(_ offset: Int64) { timeOffset.store(offset, ordering: .relaxed) }

    /// Seconds since 1970 at a moment of the monotonic clock, as far as the machine's clock is believed: what tokens, tickets and keys are
    /// checked against, so that they agree with the times of messages.
    package func wallSeconds(atMonotonic milliseconds: UInt64) -> UInt64 {
        UInt64(max(0, Int64(clamping: milliseconds) + timeOffset.load(ordering: .relaxed))) / 1000
    }

    /// A commit took so long. By one thread.
    package func committed(microseconds: UInt64) {
        let before = commitMicroseconds.load(ordering: .relaxed)
        commitMicroseconds.store(before - before / 8 + microseconds / 8, ordering: .relaxed)
    }
}

package import Synchronization

/// What all loops of a gateway know of its load: written by loops and by the core's driver, read by each loop's `StormControl`.
package final class GatewayLoad: Sendable {
    /// Messages that were confirmed to their senders.
    package let sentCount = Atomic<UInt64>(0)
    /// How long the last commits took, smoothed.
    package let commitMicroseconds = Atomic<UInt64>(0)
    /// Sessions that were told to come back. Locked when an opening comes, never for traffic.
    package let slots: Mutex<SlotBook>

    /// - Parameter slotsMax: sessions whose slots are remembered.
    package init(slotsMax: Int) { slots = Mutex(SlotBook(countMax: slotsMax)) }

    /// A commit took so long. By one thread.
    package func committed(microseconds: UInt64) {
        let before = commitMicroseconds.load(ordering: .relaxed)
        commitMicroseconds.store(before - before / 8 + microseconds / 8, ordering: .relaxed)
    }
}

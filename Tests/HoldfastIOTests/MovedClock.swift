import Dispatch
import Synchronization

@testable import HoldfastIO

/// A clock that only a test moves, however slow the machine is, and a loop that stands still meanwhile: what a stopped process, or a suspended machine, looks like from inside.
final class MovedClock: Sendable {
    private let milliseconds = Atomic<UInt64>(1_000_000)

    /// To be a loop's clock.
    var read: @Sendable () -> UInt64 { { self.milliseconds.load(ordering: .acquiring) } }

    /// Holds the loop of `harness` in place while `body` does what peers do then, and moves the clock before it goes on.
    func pause(_ harness: LoopHarness, milliseconds: UInt64, _ body: () throws -> Void) throws {
        let (entered, released) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        harness.post { _ in
            entered.signal()
            released.wait()
        }
        entered.wait()
        defer { released.signal() }
        try body()
        self.milliseconds.wrappingAdd(milliseconds, ordering: .acquiringAndReleasing)
    }
}

import Glibc
import HoldfastIO
import Synchronization

/// Wakes a loop about every millisecond, so that what is due is done then and not when the next packet happens to come.
final class Pacer: Sendable {
    private let isStopping = Atomic<Bool>(false)
    private let thread: Mutex<ThreadHandle?>
    private static let stepMicroseconds: UInt32 = 1_000

    init(_ loop: EventLoop) throws {
        thread = Mutex(nil)
        let handle = try startThread(name: "pacer") { [self] in
            // Relaxed: nothing else is published by it.
            while !isStopping.load(ordering: .relaxed) {
                usleep(Self.stepMicroseconds)
                loop.wake()
            }
        }
        thread.withLock { $0 = handle }
    }

    /// Ends it.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        thread.withLock { $0.take() }?.join()
    }
}

internal import Dispatch
internal import Synchronization

/// What makes a gateway stop: somebody asks for it, or the disk fails. Given by any thread, waited for by one.
final class StopSignal: Sendable {
    struct State: Equatable, Sendable {
        /// How often a stop in order was asked for; the second time means at once.
        var drainCount = 0
        /// The exit code of the first failure.
        var failure: Int32?
    }

    private let state = Mutex(State())
    private let semaphore = DispatchSemaphore(value: 0)

    /// Asks for a stop in order.
    func drain() {
        state.withLock { $0.drainCount += 1 }
        semaphore.signal()
    }

    /// Says that the gateway can't go on; true for the first failure.
    func fail(_ exitCode: Int32) -> Bool {
        let isFirst = state.withLock { state in
            guard state.failure == nil else { return false }
            state.failure = exitCode
            return true
        }
        semaphore.signal()
        return isFirst
    }

    var current: State { state.withLock { $0 } }

    /// Waits for news, and not longer than told.
    func wait(milliseconds: Int) -> State {
        _ = semaphore.wait(timeout: .now() + .milliseconds(milliseconds))
        return current
    }
}

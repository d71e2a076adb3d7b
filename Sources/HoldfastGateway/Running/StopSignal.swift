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
    private let lastActions = Mutex<[@Sendable () async -> Void]>([])

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

    /// Has something done before the core ends.
    func addLastAction(_ action: @escaping @Sendable () async -> Void) { lastActions.withLock { $0.append(action) } }

    /// Does what is to be done before the core ends, all at once, and doesn't wait longer than told. For a thread that may wait.
    func runLastActions(milliseconds: Int) {
        let actions = lastActions.withLock { $0 }
        let done = DispatchSemaphore(value: 0)
        for action in actions {
            Task {
                await action()
                done.signal()
            }
        }
        let end = DispatchTime.now() + .milliseconds(milliseconds)
        for _ in actions { _ = done.wait(timeout: end) }
    }

    var current: State { state.withLock { $0 } }

    /// Waits for news, and not longer than told.
    func wait(milliseconds: Int) -> State {
        _ = semaphore.wait(timeout: .now() + .milliseconds(milliseconds))
        return current
    }
}

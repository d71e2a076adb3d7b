internal import HoldfastCore
internal import HoldfastWire
internal import Synchronization

/// Wakes those who follow the feed when something more is synced. While nobody waits the core's thread pays for a store and a load of an atomic.
final class CommitSignal: Sendable {
    private enum Waiter {
        case beginning
        case waiting(behind: Position, CheckedContinuation<Void, Never>)
        /// Woken before it waited.
        case woken
    }

    private struct State {
        var lastNumber: UInt64 = 0
        var waiters: [UInt64: Waiter] = [:]
        var isStopped = false
    }

    private let committed: Atomic<UInt64>
    private let hasWaiters = Atomic<Bool>(false)
    private let state = Mutex(State())

    init(committed position: Position = .zero) { committed = Atomic(position.rawValue) }

    /// Everything up to the position is synced. Called by the core's thread.
    func advance(to position: Position) {
        // A waiter says that it is there, and looks how far it is then: one of the two sees the other.
        committed.store(position.rawValue, ordering: .sequentiallyConsistent)
        guard hasWaiters.load(ordering: .sequentiallyConsistent) else { return }
        wake { behind in behind < position }
    }

    /// Waits until something behind the position is synced, for a time at most. A task that is cancelled waits no longer.
    func wait(behind position: Position, atMost duration: Duration) async {
        let number = state.withLock { state in
            state.lastNumber += 1
            state.waiters[state.lastNumber] = .beginning
            return state.lastNumber
        }
        let timer = Task { [weak self] in
            try? await Task.sleep(for: duration)
            if !Task.isCancelled { self?.wake(number) }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    if case .woken? = state.waiters[number] { return false }
                    guard !state.isStopped else { return false }
                    state.waiters[number] = .waiting(behind: position, continuation)
                    hasWaiters.store(true, ordering: .sequentiallyConsistent)
                    guard committed.load(ordering: .sequentiallyConsistent) > position.rawValue else { return true }
                    state.waiters[number] = .woken
                    return false
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            wake(number)
        }
        timer.cancel()
        state.withLock { state in state.waiters[number] = nil }
    }

    /// Nobody waits any more.
    func stop() {
        state.withLock { $0.isStopped = true }
        wake { _ in true }
    }

    private func wake(_ number: UInt64) {
        let continuation: CheckedContinuation<Void, Never>? = state.withLock { state in
            switch state.waiters[number] {
            case .waiting(_, let continuation):
                state.waiters[number] = nil
                return continuation
            case .beginning:
                state.waiters[number] = .woken
                return nil
            case .woken, nil: return nil
            }
        }
        continuation?.resume()
    }

    private func wake(where isBehind: (Position) -> Bool) {
        let woken = state.withLock { state in
            var woken: [CheckedContinuation<Void, Never>] = []
            for (number, waiter) in state.waiters {
                guard case .waiting(let behind, let continuation) = waiter, isBehind(behind) else { continue }
                woken.append(continuation)
                state.waiters[number] = nil
            }
            hasWaiters.store(!state.waiters.isEmpty, ordering: .sequentiallyConsistent)
            return woken
        }
        for continuation in woken { continuation.resume() }
    }
}

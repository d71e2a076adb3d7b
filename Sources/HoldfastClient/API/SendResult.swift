import Synchronization

/// What becomes of one message; set once, waited for by any number.
final class SendResult: Sendable {
    private enum State {
        case open([UInt64: CheckedContinuation<Result<SendReceipt, SendError>, Never>], nextWaiter: UInt64)
        case done(Result<SendReceipt, SendError>)
    }

    private let state = Mutex(State.open([:], nextWaiter: 0))

    /// The first call counts.
    func resolve(_ result: Result<SendReceipt, SendError>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Result<SendReceipt, SendError>, Never>] in
            guard case .open(let waiters, _) = state else { return [] }
            state = .done(result)
            return Array(waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: result) }
    }

    /// Waits until it is set. A cancelled task doesn't wait: it gets `closed`, and the message stays where it is.
    func value() async -> Result<SendReceipt, SendError> {
        let waiter = state.withLock { state -> UInt64 in
            guard case .open(let waiters, let next) = state else { return 0 }
            state = .open(waiters, nextWaiter: next + 1)
            return next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> Result<SendReceipt, SendError>? in
                    switch state {
                    case .done(let result): return result
                    case .open(var waiters, let next):
                        if Task.isCancelled { return .failure(SendError(.closed)) }
                        waiters[waiter] = continuation
                        state = .open(waiters, nextWaiter: next)
                        return nil
                    }
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Result<SendReceipt, SendError>, Never>? in
                guard case .open(var waiters, let next) = state else { return nil }
                let continuation = waiters.removeValue(forKey: waiter)
                state = .open(waiters, nextWaiter: next)
                return continuation
            }
            continuation?.resume(returning: .failure(SendError(.closed)))
        }
    }
}

import Synchronization

/// Tells each listener the present value and then every change, never the same value twice in a row; a listener that falls far behind misses the oldest.
final class Broadcast<Value: Sendable & Equatable>: Sendable {
    private struct State {
        var value: Value
        var listeners: [UInt64: AsyncStream<Value>.Continuation] = [:]
        var nextListener: UInt64 = 0
        var isFinished = false
    }

    private static var bufferedMax: Int { 256 }
    private let state: Mutex<State>

    init(_ value: Value) { state = Mutex(State(value: value)) }

    var value: Value { state.withLock { $0.value } }

    func set(_ value: Value) {
        state.withLock { state in
            guard state.value != value else { return }
            state.value = value
            for listener in state.listeners.values { listener.yield(value) }
        }
    }

    func finish() {
        state.withLock { state in
            state.isFinished = true
            for listener in state.listeners.values { listener.finish() }
            state.listeners = [:]
        }
    }

    func stream() -> AsyncStream<Value> {
        let (stream, continuation) = AsyncStream.makeStream(of: Value.self, bufferingPolicy: .bufferingNewest(Self.bufferedMax))
        state.withLock { state in
            continuation.yield(state.value)
            if state.isFinished { return continuation.finish() }
            let id = state.nextListener
            state.nextListener += 1
            state.listeners[id] = continuation
            continuation.onTermination = { [weak self] _ in
                // Not at once: it may be called from within `finish`, under the lock.
                self?.forget(id)
            }
        }
        return stream
    }

    private func forget(_ id: UInt64) {
        Task { [weak self] in self?.state.withLock { _ = $0.listeners.removeValue(forKey: id) } }
    }
}

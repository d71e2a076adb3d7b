internal import Synchronization

/// Tells those who let a client wait for long that it has gone, which nobody sees else who reads and writes nothing.
final class ClientEnd: Sendable {
    private struct State {
        var isOver = false
        /// What the connection's request waits for.
        var waiting: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// The client has ended the connection, or its side of it.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Says so.
    func tell() {
        let waiting = state.withLock { state in
            state.isOver = true
            return state.waiting
        }
        waiting?.cancel()
    }

    /// Waits as `body` does, which is cancelled when the client goes.
    func wait(_ body: @Sendable @escaping () async -> Void) async {
        let task = Task { await body() }
        let isOver = state.withLock { state in
            state.waiting = task
            return state.isOver
        }
        if isOver { task.cancel() }
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        state.withLock { $0.waiting = nil }
    }
}

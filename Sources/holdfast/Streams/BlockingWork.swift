internal import Dispatch

/// A thread for calls that wait for a disk, a pipe or a person: the threads that tasks share must not.
struct BlockingWork: Sendable {
    private let queue: DispatchQueue

    /// Calls run one after the other.
    init(_ name: String) { queue = DispatchQueue(label: name) }

    /// Runs `body` and waits for its result without holding the task's thread.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try body() }) }
        }
    }
}

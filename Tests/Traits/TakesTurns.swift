import Synchronization
package import Testing

/// Lets sixteen tests at most run at once that start gateways or processes: all of them together had 500 threads and 1,400 open descriptors, and
/// from 1,365 on Foundation's `Process` reads behind the end of the buffer that it lists them with.
package struct TakesTurns: SuiteTrait, TestTrait, TestScoping {
    package let isRecursive = true

    private static let turns = Turns(16)

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        await Self.turns.begin()
        defer { Self.turns.end() }
        try await function()
    }
}

extension Trait where Self == TakesTurns {
    /// For suites whose tests start gateways or processes.
    package static var takesTurns: Self { Self() }
}

/// Who waits is let in by the order of coming.
private final class Turns: Sendable {
    private let state: Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

    init(_ count: Int) { state = Mutex((count, [])) }

    func begin() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func end() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}

internal import HoldfastCore
internal import Synchronization

/// What an event loop knows of a connection, and the core doesn't.
package struct ConnectionFacts: Equatable, Sendable {
    /// The peer's address, or the /64 of an IPv6 one.
    package var address: String
    /// When it was taken from its listener, in milliseconds since 1970.
    package var since: UInt64
    package var isTLS: Bool
}

/// Asks event loops about connections. Each answers by a message, in its own turn; one that doesn't in time holds up nobody, and then nothing is
/// known of its connections.
final class ConnectionInquiry: Sendable {
    private struct State {
        var facts: [ConnectionHandle: ConnectionFacts] = [:]
        /// Loops that haven't answered.
        var missing: Int
        var waiter: CheckedContinuation<[ConnectionHandle: ConnectionFacts], Never>?
        var isDone = false
    }

    /// By loop.
    private let handles: [Int: [ConnectionHandle]]
    private let state: Mutex<State>
    private static let patience = Duration.milliseconds(500)

    init(_ handles: [ConnectionHandle]) {
        self.handles = Dictionary(grouping: handles, by: \.loop)
        state = Mutex(State(missing: self.handles.count))
    }

    /// What the loops say; connections that have ended since are left out.
    func ask(_ loops: [LoopMailbox]) async -> [ConnectionHandle: ConnectionFacts] {
        guard !handles.isEmpty else { return [:] }
        for loop in handles.keys { loops[loop].post(.describe(self)) }
        let patience = Task {
            try await Task.sleep(for: Self.patience)
            finish()
        }
        defer { patience.cancel() }
        return await withCheckedContinuation { continuation in
            let facts: [ConnectionHandle: ConnectionFacts]? = state.withLock { state in
                if state.isDone { return state.facts }
                state.waiter = continuation
                return nil
            }
            if let facts { continuation.resume(returning: facts) }
        }
    }

    /// By a loop's thread.
    /// - Parameter describe: says what the loop knows of one of its connections; nil: it has ended.
    func answer(loop: Int, _ describe: (ConnectionHandle) -> ConnectionFacts?) {
        var known: [ConnectionHandle: ConnectionFacts] = [:]
        for handle in handles[loop] ?? [] { known[handle] = describe(handle) }
        let isLast = state.withLock { state in
            state.facts.merge(known) { $1 }
            state.missing -= 1
            return state.missing == 0
        }
        if isLast { finish() }
    }

    private func finish() {
        let (waiter, facts) = state.withLock { state in
            state.isDone = true
            defer { state.waiter = nil }
            return (state.waiter, state.facts)
        }
        waiter?.resume(returning: facts)
    }
}

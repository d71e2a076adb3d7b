import Synchronization

/// Elements for one reader at a time, kept until it takes them. An `AsyncStream` would give each element to one of several readers, so that each
/// of them misses some without knowing, and would end for all when the task of one is cancelled.
final class OneReader<Element: Sendable>: Sendable {
    private struct State {
        var elements = Queue<Element>()
        var isFinished = false
        /// The claim that may read; 0: none.
        var claim: UInt64 = 0
        /// The number of the newest claim.
        var lastClaim: UInt64 = 0
        /// The reader that waits for an element.
        var waiter: CheckedContinuation<Element?, Never>?
    }

    private let state = Mutex(State())
    private let elementsMax: Int
    private let name: StaticString

    /// - Parameters:
    ///   - name: how the application knows the sequence, for the message about a second reader.
    ///   - elementsMax: beyond it the oldest elements are dropped.
    init(_ name: StaticString, elementsMax: Int = .max) {
        self.name = name
        self.elementsMax = elementsMax
    }

    /// Adds an element, unless the sequence has ended.
    func yield(_ element: Element) {
        let waiter = state.withLock { state -> CheckedContinuation<Element?, Never>? in
            guard !state.isFinished else { return nil }
            if let waiter = state.waiter.take() { return waiter }
            state.elements.append(element)
            if state.elements.count > elementsMax { _ = state.elements.popFirst() }
            return nil
        }
        waiter?.resume(returning: element)
    }

    /// Ends the sequence after the elements that are kept.
    func finish() {
        let waiter = state.withLock { state in
            state.isFinished = true
            return state.waiter.take()
        }
        waiter?.resume(returning: nil)
    }

    /// The right to read. It ends with the reader's last reference to it, and when the reader's task is cancelled.
    final class Claim: Sendable {
        private let sequence: OneReader
        private let number: UInt64

        /// Stops the process where another reader has the claim: which element would go to whom is a matter of chance, and a message that the
        /// wrong one takes is lost for the application.
        init(_ sequence: OneReader) {
            self.sequence = sequence
            let number = sequence.state.withLock { state -> UInt64? in
                guard state.claim == 0 else { return nil }
                state.lastClaim += 1
                state.claim = state.lastClaim
                return state.claim
            }
            guard let number else {
                fatalError(
                    """
                    HoldfastClient.\(sequence.name) is being read already. An element goes to one reader only: let the first reader end \
                    before another begins, or pass on in the application what the one reader gets.
                    """)
            }
            self.number = number
        }

        deinit { sequence.release(number) }

        /// The next element; nil at the end of the sequence, or when the task is cancelled.
        func next() async -> Element? { await sequence.next(number) }
    }

    private func next(_ claim: UInt64) async -> Element? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = Task.isCancelled
                let result = state.withLock { state -> Element?? in
                    guard state.claim == claim, !isCancelled else { return .some(nil) }
                    if let element = state.elements.popFirst() { return .some(element) }
                    if state.isFinished { return .some(nil) }
                    precondition(state.waiter == nil, "an iterator is used by one task at a time")
                    state.waiter = continuation
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            release(claim)
        }
    }

    /// What comes from here on waits for the next reader.
    private func release(_ claim: UInt64) {
        let waiter = state.withLock { state -> CheckedContinuation<Element?, Never>? in
            guard state.claim == claim else { return nil }
            state.claim = 0
            return state.waiter.take()
        }
        waiter?.resume(returning: nil)
    }
}

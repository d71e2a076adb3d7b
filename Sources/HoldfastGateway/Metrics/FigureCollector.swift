internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO
internal import Synchronization

/// Gathers what the parts of a gateway count. Event loops and the core are asked by a message and answer with a copy, in their own turn, so that
/// nothing is locked where they count; what other threads share is read where it is. A part that doesn't answer in time holds up nobody: its last
/// figures are told, with their age, and it isn't asked again before it has answered.
final class FigureCollector: Sendable {
    /// Whom a figure comes from.
    enum Part: Hashable, Sendable {
        case loop(Int)
        case core
    }

    /// What a collector reads without asking, and how it asks.
    struct Sources: Sendable {
        var loops: [LoopMailbox]
        var core: ThreadMailbox<DriverMessage>
        var port: CorePort
        var disk: DiskMeter
        var storage: any Storage
        var tokenChecks: TokenChecks
        var load: GatewayLoad
        var tls: TLSServerContext?
        var connectionsMax: Int
        var isDraining: @Sendable () -> Bool
    }

    private struct State {
        /// nil once the gateway has stopped: nothing of it, the disk above all, is kept for figures.
        var sources: Sources?
        var figures: GatewayFigures
        /// Parts that were asked and haven't answered.
        var asked: Set<Part> = []
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter = 0

        /// Reads what needs no question.
        mutating func look() {
            guard let sources else { return }
            figures.disk = sources.disk.current
            figures.storage = sources.storage.figures
            figures.tokens = sources.tokenChecks.figures
            figures.port = sources.port.figures
            figures.slots = sources.load.slots.withLock(\.count)
            figures.certificate = sources.tls?.certificateTimes
            figures.connectionsMax = sources.connectionsMax
            figures.isDraining = sources.isDraining()
            figures.now = SystemClock.monotonicMilliseconds()
        }
    }

    private let state: Mutex<State>
    private static let patience = Duration.milliseconds(500)

    init(_ sources: Sources) { state = Mutex(State(sources: sources, figures: GatewayFigures(loops: sources.loops.count))) }

    /// All figures, as new as their parts can give them; of a gateway that has stopped the last ones.
    func collect() async -> GatewayFigures {
        ask()
        await waitForAnswers()
        var figures = state.withLock { state in
            state.look()
            return state.figures
        }
        figures.process = ProcessFigures.read()
        return figures
    }

    /// Under the lock: posting takes another one for a moment, and what is posted to isn't kept.
    private func ask() {
        state.withLock { state in
            guard let sources = state.sources else { return }
            for (index, loop) in sources.loops.enumerated() where state.asked.insert(.loop(index)).inserted { loop.post(.count(self)) }
            if state.asked.insert(.core).inserted { sources.core.post(.count(self)) }
        }
    }

    private func waitForAnswers() async {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let patience = Task {
            try await Task.sleep(for: Self.patience)
            self.giveUp(number)
        }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.asked.isEmpty || state.sources == nil { return true }
                state.waiters[number] = continuation
                return false
            }
            if isDone { continuation.resume() }
        }
        patience.cancel()
    }

    private func giveUp(_ waiter: Int) {
        state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume()
    }

    // MARK: Answers

    /// By a loop's thread.
    func take(_ figures: LoopFigures, of loop: Int) { take(.loop(loop)) { $0.loops[loop] = figures } }

    /// By the core's thread.
    func take(_ figures: DriverFigures) { take(.core) { $0.core = figures } }

    private func take(_ part: Part, _ change: (inout GatewayFigures) -> Void) {
        let waiters = state.withLock { state in
            change(&state.figures)
            state.asked.remove(part)
            return state.asked.isEmpty ? Self.takeWaiters(&state) : []
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Nobody answers any more: from now on the last figures are told.
    func stop() {
        let waiters = state.withLock { state in
            state.look()
            state.sources = nil
            return Self.takeWaiters(&state)
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func takeWaiters(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        defer { state.waiters = [:] }
        return Array(state.waiters.values)
    }
}

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
        var figures: GatewayFigures
        /// Parts that were asked and haven't answered.
        var asked: Set<Part> = []
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter = 0
        var isStopped = false
    }

    private let sources: Sources
    private let state: Mutex<State>
    private static let patience = Duration.milliseconds(500)

    init(_ sources: Sources) {
        self.sources = sources
        state = Mutex(State(figures: GatewayFigures(loops: sources.loops.count)))
    }

    /// All figures, as new as their parts can give them.
    func collect() async -> GatewayFigures {
        ask()
        await waitForAnswers()
        var figures = state.withLock(\.figures)
        figures.disk = sources.disk.current
        figures.storage = sources.storage.figures
        figures.tokens = sources.tokenChecks.figures
        figures.port = sources.port.figures
        figures.slots = sources.load.slots.withLock(\.count)
        figures.process = ProcessFigures.read()
        figures.certificate = sources.tls?.certificateTimes
        figures.connectionsMax = sources.connectionsMax
        figures.isDraining = sources.isDraining()
        figures.now = SystemClock.monotonicMilliseconds()
        return figures
    }

    private func ask() {
        let parts = sources.loops.indices.map(Part.loop) + [.core]
        let new = state.withLock { state in
            state.isStopped ? [] : parts.filter { state.asked.insert($0).inserted }
        }
        for part in new {
            switch part {
            case .loop(let index): sources.loops[index].post(.count(self))
            case .core: sources.core.post(.count(self))
            }
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
                if state.asked.isEmpty || state.isStopped { return true }
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
            state.isStopped = true
            return Self.takeWaiters(&state)
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func takeWaiters(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        defer { state.waiters = [:] }
        return Array(state.waiters.values)
    }
}

import Synchronization

/// What `ratios` has found so far. Each measure's result is written as soon as its runs are over, and nothing is lost when the program is
/// interrupted.
final class RatioLog: Sendable {
    private struct State {
        var pending: [RatioMeasure]
        var now: RatioMeasure?
        var found = RatioResult()
        var all = RatioResult()
        var isOver = false
    }

    private let state: Mutex<State>
    private let write: @Sendable (RatioResult) -> Void

    /// - Parameters:
    ///   - measures: those that will be begun, in their order.
    ///   - write: takes the result of each.
    init(_ measures: [RatioMeasure], write: @escaping @Sendable (RatioResult) -> Void) {
        state = Mutex(State(pending: measures))
        self.write = write
    }

    /// Begins one.
    func begin(_ measure: RatioMeasure) {
        state.withLock { state in
            state.now = measure
            state.pending.removeAll { $0 == measure }
        }
    }

    /// A run of the one that goes on.
    func add(_ report: Report) { state.withLock { $0.found.reports.append(report) } }

    /// A figure without a goal.
    func add(_ name: String, _ value: Double?) { state.withLock { $0.found.add(name, value) } }

    /// A figure with a goal; nil if its runs didn't give it.
    func add(_ goal: RatioGoal, _ value: Double?) { state.withLock { $0.found.add(goal, value) } }

    /// Ends the one that goes on. Goals without a figure get a row with the reason.
    func end(because error: (any Error)? = nil) { state.withLock { end(&$0, error.map { "\($0)" }) } }

    /// Ends everything: nothing is taken any more. Goals of what hasn't begun get a row too.
    func endAll(because reason: String) {
        state.withLock { state in
            if state.now != nil { end(&state, reason) }
            for measure in state.pending {
                state.now = measure
                end(&state, "\(reason) before its runs")
            }
            state.pending = []
            state.isOver = true
        }
    }

    private func end(_ state: inout State, _ reason: String?) {
        guard let measure = state.now, !state.isOver else { return }
        for goal in measure.goals where !state.found.ratios.contains(where: { $0.name == goal.name }) {
            state.found.add(goal, nil, because: reason)
        }
        write(state.found)
        state.all.add(state.found)
        state.found = RatioResult()
        state.now = nil
    }

    /// All that has ended.
    var result: RatioResult { state.withLock { $0.all } }
}

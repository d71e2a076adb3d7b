internal import HoldfastGateway
internal import Synchronization

/// What `/metrics` answers: the gateway's metrics, those of the control API, then those of libraries.
final class MetricsPage: Sendable {
    private let gateway: Gateway
    private let requests: RequestMeter
    private let library: LibraryMetrics
    /// Who asks while it is made gets the same: a flood of scrapes costs no more than one after the other.
    private let underWay = Mutex<Task<String, Never>?>(nil)

    init(_ gateway: Gateway, _ requests: RequestMeter, _ library: LibraryMetrics) {
        self.gateway = gateway
        self.requests = requests
        self.library = library
    }

    func text() async -> String {
        let task = underWay.withLock { underWay in
            if let underWay { return underWay }
            let task = Task {
                let text = await self.make()
                self.underWay.withLock { $0 = nil }
                return text
            }
            underWay = task
            return task
        }
        return await task.value
    }

    private func make() async -> String {
        let figures = await gateway.figures()
        let own = figures.map { figures in Metric.all.map { $0.family(figures) } } ?? []
        return MetricsText.render(own + requests.families + library.families)
    }
}

package import HoldfastGateway

/// What `/metrics` answers: the gateway's metrics, then those of libraries.
package struct MetricsPage: Sendable {
    private let gateway: Gateway
    private let library: LibraryMetrics

    /// - Parameter library: the factory that swift-metrics was given.
    package init(_ gateway: Gateway, _ library: LibraryMetrics) {
        self.gateway = gateway
        self.library = library
    }

    /// The text; before the gateway's start only the libraries'.
    package func text() async -> String {
        let figures = await gateway.figures()
        let own = figures.map { figures in Metric.all.map { $0.family(figures) } } ?? []
        return MetricsText.render(own + library.families)
    }
}

internal import HoldfastGateway
package import Metrics
internal import Synchronization

/// What libraries report by swift-metrics, for the same text as the gateway's own metrics. A series stays for good, since a counter must not fall;
/// there are at most `seriesMax`, because a library may make a label of what a client says.
package final class LibraryMetrics: MetricsFactory {
    /// Of all metrics together.
    static let seriesMax = 1_000

    private struct Family {
        let kind: MetricFamily.Kind
        let label: String
        var series: [Labels: LibrarySeries] = [:]
    }

    /// Names and values.
    private struct Labels: Hashable {
        var pairs: [[String]]
    }

    private struct State {
        var families: [String: Family] = [:]
        var count = 0
        var dropped: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// A new one, to which all libraries of the process report from now on. Once in a process.
    package static func install() -> LibraryMetrics {
        let made = LibraryMetrics()
        MetricsSystem.bootstrap(made)
        return made
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(.counter, label, "_total", dimensions)
    }

    package func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        series(.counter, label, "_total", dimensions)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { series(.gauge, label, "", dimensions) }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate ? series(.histogram, label, "", dimensions, .any) : series(.gauge, label, "", dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(.histogram, label, "_seconds", dimensions, .latency)
    }

    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    /// The series with these labels. One too many, or of a name that has another kind, counts for nobody.
    private func series(
        _ kind: MetricFamily.Kind, _ label: String, _ suffix: String, _ dimensions: [(String, String)],
        _ buckets: Histogram.Buckets? = nil
    ) -> LibrarySeries {
        let made = LibrarySeries(buckets)
        let base = Self.name(label)
        let name = base.hasSuffix(suffix) ? base : base + suffix
        let labels = Labels(pairs: dimensions.map { [Self.name($0.0), $0.1] })
        return state.withLock { state in
            let family = state.families[name] ?? Family(kind: kind, label: label)
            if family.kind == kind, let known = family.series[labels] { return known }
            guard family.kind == kind, state.count < Self.seriesMax, !Self.ownNames.contains(name) else {
                state.dropped &+= 1
                return made
            }
            state.count += 1
            state.families[name, default: family].series[labels] = made
            return made
        }
    }

    private static let ownNames = Set(Metric.all.map(\.name))

    /// As names of metrics and labels may be: letters, digits and underscores, no digit first.
    static func name(_ label: String) -> String {
        let name = String(
            label.unicodeScalars.map {
                $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil) ? Character($0) : "_"
            })
        return name.first.map { $0.isNumber } ?? true ? "_" + name : name
    }

    // MARK: The text

    /// All series, by name and labels.
    var families: [MetricFamily] {
        let state = state.withLock { $0 }
        var families = state.families.sorted { $0.key < $1.key }.map { name, family in
            MetricFamily(
                name: name, kind: family.kind, help: "Reported by a library as \(family.label).",
                samples: family.series.sorted {
                    $0.key.pairs.lexicographicallyPrecedes($1.key.pairs, by: { $0.lexicographicallyPrecedes($1) })
                }
                .map { labels, series in .init(series.value, labels.pairs.map { ($0[0], $0[1]) }) })
        }
        families.append(
            MetricFamily(
                name: "holdfast_library_series_dropped_total", kind: .counter,
                help: "Series that libraries wanted beyond \(Self.seriesMax), or under a name that is taken.",
                samples: [.init(.counted(state.dropped))]))
        return families
    }
}

/// One series: of a counter, a gauge or a histogram, as it was made.
final class LibrarySeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    private struct State {
        var value = 0.0
        var histogram: Histogram?
    }

    private let state: Mutex<State>

    init(_ buckets: Histogram.Buckets?) { state = Mutex(State(histogram: buckets.map { Histogram($0) })) }

    var value: MetricFamily.Value { state.withLock { state in state.histogram.map { .histogram($0) } ?? .real(state.value) } }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { state.withLock { $0.value += amount } }
    func decrement(by amount: Double) { increment(by: -amount) }
    func reset() { set(0.0) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { state in
            guard let divisor = state.histogram?.buckets.divisor else { return state.value = value }
            state.histogram?.observe(Self.whole(value * Double(divisor)))
        }
    }

    func recordNanoseconds(_ duration: Int64) { state.withLock { $0.histogram?.observe(UInt64(max(0, duration)) / 1_000) } }

    /// What is below zero, or no number, is zero.
    private static func whole(_ value: Double) -> UInt64 { UInt64(exactly: min(max(0, value.isNaN ? 0 : value), 1e18).rounded()) ?? 0 }
}

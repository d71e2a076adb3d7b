import Foundation

/// The plots of one experiment.
struct GroupPlots {
    let experiment: RunGroup.Experiment
    let groups: [RunGroup]
    /// By server: the same on the whole page.
    let colours: [String: Int]

    var all: [Drawing] { bars + latencies + courses }

    /// Servers side by side, if there are several, with what is how many times Holdfast's where both had as many clients.
    private var bars: [Drawing] {
        guard groups.count > 1 else { return [] }
        let measures = groups.map { Dictionary($0.measures.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }) }
        var names: [String] = []
        for measure in groups.flatMap(\.measures) where measure.isShown && !names.contains(measure.name) { names.append(measure.name) }
        return names.compactMap { name in
            let found = zip(groups, measures).compactMap { group, measures in measures[name].map { (group, $0) } }
            // What is the same for all compares nothing.
            guard let first = found.first, found.contains(where: { $0.1.spread.median != first.1.spread.median }) else { return nil }
            let bars = found.map { group, measure in
                let ratio = measure.spread.median / first.1.spread.median
                let isCompared = group.server != first.0.server && group.clients == first.0.clients && ratio.isFinite
                return BarPlot.Bar(
                    name: group.server, value: measure.spread,
                    text: measure.quantity.text(measure.spread.median) + (isCompared ? " (× \(Quantity.digits(ratio, 2)))" : ""),
                    colour: colours[group.server] ?? 0)
            }
            return BarPlot(title: name, axis: first.1.quantity.unit, quantity: first.1.quantity, bars: bars)
                .draw()
        }
    }

    /// A plot for each latency with a line for each server; with one server, one plot with a line for each latency.
    private var latencies: [Drawing] {
        let names = Set(groups.flatMap { $0.runs.flatMap { $0.latencyMicroseconds.keys } }).sorted()
        let lines = names.flatMap { name in groups.map { (name: name, group: $0, points: Self.distribution($0, name)) } }.filter {
            !$0.points.isEmpty
        }
        return plots(lines, together: { _ in "latency" }).map { title, series in
            let points = series.flatMap(\.points)
            let nines = points.map(\.x).max() ?? 1
            let ticks = (nines < 4 ? [0, -log10(0.5)] : [0]) + (1...min(5, max(1, Int(nines + 1e-9)))).map(Double.init)
            return LinePlot(
                title: groups.count > 1 ? "\(title): latency" : title,
                x: .init(title: Quantity.nines.unit, quantity: .nines, scale: Scale(linear: ticks, to: nines)),
                y: .init(
                    title: "at most, log scale" + runs, quantity: .microseconds,
                    scale: Scale(.logarithmic, around: points.flatMap { [$0.y.low, $0.y.high] })),
                series: series
            ).draw()
        }
    }

    /// What samples tell, over time.
    private var courses: [Drawing] {
        let names = Set(groups.flatMap { $0.runs.flatMap { $0.samples.flatMap { $0.values.keys } } }).sorted()
        let lines = names.flatMap { name in groups.map { (name: name, group: $0, points: Self.course($0, name)) } }.filter {
            $0.points.count > 1
        }
        return plots(lines, together: { Self.family($0) }).map { title, series in
            let points = series.flatMap(\.points)
            let quantity = Quantity(named: title)
            return LinePlot(
                title: Quantity.title(Self.familyTitles[title] ?? title) + " over time",
                x: .init(title: "seconds since the begin", quantity: .count, scale: Scale(.linear, around: points.map(\.x))),
                y: .init(
                    title: quantity.unit + runs, quantity: quantity,
                    scale: Scale(.linear, around: points.flatMap { [$0.y.low, $0.y.high] })
                ),
                series: series
            ).draw()
        }
    }

    private typealias Line = (name: String, group: RunGroup, points: [LinePlot.Point])

    /// Which lines share a plot, by its title: those of one figure of all servers, or, with one server, those of one family of figures.
    private func plots(_ lines: [Line], together family: (String) -> String) -> [(String, [LinePlot.Series])] {
        var titles: [String] = []
        var series: [String: [LinePlot.Series]] = [:]
        for line in lines {
            let title = groups.count > 1 ? line.name : family(line.name)
            if series[title] == nil { titles.append(title) }
            let colour = groups.count > 1 ? colours[line.group.server] ?? 0 : series[title]?.count ?? 0
            let name = groups.count > 1 ? line.group.server : Quantity.title(line.name)
            series[title, default: []].append(LinePlot.Series(name: name, colour: colour, points: line.points))
        }
        return titles.map { ($0, series[$0] ?? []) }
    }

    private var runs: String {
        let most = groups.map(\.runs.count).max() ?? 1
        return most > 1 ? "; median and range of \(groups.allSatisfy { $0.runs.count == most } ? "" : "up to ")\(most) runs" : ""
    }

    private static let familyTitles = ["PerSecond": "throughput", "Cores": "CPU", "Bytes": "memory", "Microseconds": "latency"]

    private static func family(_ name: String) -> String { familyTitles.keys.first { name.hasSuffix($0) } ?? name }

    /// Percentiles by their nines. The highest latency stands where so many figures put it.
    private static func distribution(_ group: RunGroup, _ name: String) -> [LinePlot.Point] {
        let summaries = group.runs.compactMap { $0.latencyMicroseconds[name] }.filter { $0.count > 0 }
        var values: [Double: [Double]] = [:]
        for summary in summaries {
            let end = nines(of: summary.count)
            for point in summary.distribution where (0..<100).contains(point.percentile) {
                let nines = -log10(1 - point.percentile / 100)
                // Further out there is only the highest.
                if nines < end { values[nines, default: []].append(point.microseconds) }
            }
        }
        let lowest = summaries.map { nines(of: $0.count) }.min() ?? 1
        let points = values.filter { $0.key < lowest }.sorted { $0.key < $1.key }
            .compactMap { nines, values in Spread(values).map { LinePlot.Point(x: nines, y: $0) } }
        return points + (Spread(summaries.map(\.max)).map { [.init(x: lowest, y: $0)] } ?? [])
    }

    private static func nines(of count: Int) -> Double { max(1, log10(Double(count))) }

    /// Samples, those of several runs in steps of at least a second.
    private static func course(_ group: RunGroup, _ name: String) -> [LinePlot.Point] {
        let samples = group.runs.flatMap(\.samples).filter { $0.seconds.isFinite && $0.values[name]?.isFinite == true }
        let step = max(1, (samples.map(\.seconds).max() ?? 0) / 300)
        var values: [Double: [Double]] = [:]
        for sample in samples {
            let at = group.runs.count > 1 || step > 1 ? (sample.seconds / step).rounded() * step : sample.seconds
            if let value = sample.values[name] { values[at, default: []].append(value) }
        }
        return values.sorted { $0.key < $1.key }.compactMap { at, values in Spread(values).map { .init(x: at, y: $0) } }
    }
}

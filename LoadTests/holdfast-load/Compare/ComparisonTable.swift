import Foundation

/// One figure of a comparison, and where a report has it.
struct ComparisonFigure: Sendable {
    let name: String
    /// Whether a ratio of two servers says something.
    var isRatio = true
    let value: @Sendable (Report) -> Double?

    /// Those of a scenario, by the name in its reports.
    static func of(_ scenario: String) -> [ComparisonFigure] {
        switch scenario {
        case _ where scenario.hasPrefix("compare-idle"):
            [.init(name: "private bytes a connection") { $0.serverBytesPerConnection }]
        case _ where scenario.hasPrefix("compare-connect"):
            [
                .init(name: "server CPU of a first connect, us") { $0.figures["serverMicrosecondsPerFirstConnect"] },
                .init(name: "server CPU of a reconnect, us") { $0.figures["serverMicrosecondsPerReconnect"] },
                .init(name: "first connects a second") { $0.rates["first"] },
                .init(name: "reconnects a second") { $0.rates["reconnect"] },
            ]
        case _ where scenario.hasPrefix("compare-durable"):
            [
                .init(name: "delivered a second") { $0.rates["delivered"] },
                .init(name: "acknowledged a second") { $0.rates["acknowledged"] },
                .init(name: "server CPU of a message, us") { $0.figures["serverMicrosecondsPerMessage"] },
                latency("acknowledgement", "p50", \.p50), latency("acknowledgement", "p99", \.p99),
                latency("delivery", "p50", \.p50), latency("delivery", "p99", \.p99),
            ] + checks
        case "compare-offline":
            [
                .init(name: "queued a second") { $0.rates["queued"] },
                .init(name: "server CPU of a message, us") { $0.figures["serverMicrosecondsPerMessage"] },
                .init(name: "server memory of a message, B", isRatio: false) { $0.figures["serverBytesPerMessage"] },
            ] + checks
        case _ where scenario.hasPrefix("compare-storm"):
            [
                .init(name: "seconds to the last message") { $0.figures["secondsToLastMessage"] },
                .init(name: "phones served a second") { $0.rates["resumedPhones"] },
                .init(name: "server CPU of a phone, us") { $0.figures["serverMicrosecondsPerPhone"] },
                .init(name: "listen queue overflows", isRatio: false) { $0.figures["listenDrops"] },
            ] + checks
        case "compare-kill":
            [
                .init(name: "acknowledged before the kill", isRatio: false) { $0.figures["acknowledgedAtKill"] },
                .init(name: "acknowledged and lost", isRatio: false) { $0.figures["acknowledgedAndLost"] },
                .init(name: "duplicated", isRatio: false) { Double($0.duplicated) },
                .init(name: "seconds until it answers again") { $0.figures["secondsToReady"] },
            ]
        default: []
        }
    }

    private static let checks: [ComparisonFigure] = [
        .init(name: "lost", isRatio: false) { Double($0.lost) },
        .init(name: "duplicated", isRatio: false) { Double($0.duplicated) },
        .init(name: "reordered or corrupted", isRatio: false) { Double($0.reordered + $0.corrupted) },
    ]

    private static func latency(
        _ name: String, _ text: String, _ percentile: any KeyPath<LatencySummary, Double> & Sendable
    ) -> ComparisonFigure {
        .init(name: "\(name) \(text), ms") { $0.latencyMicroseconds[name].map { $0[keyPath: percentile] / 1000 } }
    }
}

/// A scenario's figures, a column for each server: medians, and Holdfast's ratio to each peer.
struct ComparisonTable {
    let scenario: String
    /// By server, in the order of the columns.
    let columns: [(server: String, reports: [Report])]

    /// One row.
    struct Row: Equatable {
        var name: String
        var cells: [String]
    }

    /// The rows; those with figures, and below each with a meaning as ratio, Holdfast's ratio to each peer.
    var rows: [Row] {
        var rows = [
            Row(name: "runs", cells: columns.map { "\($0.reports.count)" }),
            Row(name: "clients", cells: columns.map { $0.reports.first.map { "\($0.clients)" } ?? "-" }),
        ]
        for figure in ComparisonFigure.of(scenario) {
            let medians = columns.map { Median.of($0.reports.compactMap(figure.value)) }
            rows.append(Row(name: figure.name, cells: medians.map { $0.map(Self.number) ?? "-" }))
            guard figure.isRatio, columns.count > 1, let ours = columns.firstIndex(where: { $0.server == "holdfast" }),
                let own = medians[ours]
            else {
                continue
            }
            let ratios = columns.indices.map { index -> String in
                guard index != ours, let other = medians[index] else { return "" }
                guard clients(index) == clients(ours) else { return Self.otherSize }
                return other == 0 ? "it has 0" : "x " + Report.number(own / other)
            }
            rows.append(Row(name: "  holdfast to it", cells: ratios))
        }
        return rows
    }

    private static let otherSize = "other size"

    /// The number of clients of a column; nil if its runs differ.
    private func clients(_ column: Int) -> Int? {
        let counts = Set(columns[column].reports.map(\.clients))
        return counts.count == 1 ? counts.first : nil
    }

    /// For people.
    var text: String {
        let header = Row(name: scenario, cells: columns.map(\.server))
        let all = [header] + rows
        let nameWidth = all.map(\.name.count).max() ?? 0
        let widths = columns.indices.map { index in all.map { $0.cells[index].count }.max() ?? 0 }
        let lines = all.map { row in
            let cells = zip(row.cells, widths).map { cell, width in String(repeating: " ", count: width - cell.count) + cell }
            return ([row.name.padding(toLength: nameWidth, withPad: " ", startingAt: 0)] + cells).joined(separator: "  ")
        }
        let hasOtherSize = rows.contains { $0.cells.contains(Self.otherSize) }
        let note = "  \(Self.otherSize): it had another number of clients, and costs depend on that; --clients gives all servers the same"
        return (lines + (hasOtherSize ? [note] : [])).joined(separator: "\n")
    }

    /// Counts as such, others with as many digits as are of use.
    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : Report.number(value)
    }
}

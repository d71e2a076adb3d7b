import Foundation

extension Report {
    /// The report for people.
    var text: String {
        var lines = ["\(scenario): \(clients) clients, \(Self.number(seconds)) s"]
        if sent > 0 {
            lines.append(row("messages", "sent \(sent), acknowledged \(acknowledged), delivered \(delivered)"))
            lines.append(
                row(
                    "verified", "lost \(lost), duplicated \(duplicated), reordered \(reordered), corrupted \(corrupted), refused \(refused)"
                ))
        }
        for (name, rate) in rates.sorted(by: { $0.key < $1.key }) { lines.append(row(name, "\(Self.number(rate))/s")) }
        for (name, summary) in latencyMicroseconds.sorted(by: { $0.key < $1.key }) {
            let parts = [("p50", summary.p50), ("p90", summary.p90), ("p99", summary.p99), ("p99.9", summary.p999), ("max", summary.max)]
            lines.append(row(name, parts.map { "\($0.0) \(Self.duration($0.1))" }.joined(separator: "  ")))
        }
        for (name, figure) in figures.sorted(by: { $0.key < $1.key }) { lines.append(row(name, Self.number(figure))) }
        if let bytes = serverBytesPerConnection { lines.append(row("server memory", "\(Self.number(bytes)) B a connection")) }
        if let bytes = generatorBytesPerPhone { lines.append(row("generator memory", "\(Self.number(bytes)) B a phone")) }
        let server = cpuSeconds.server.map { "\(Self.number($0)) s" } ?? "unknown"
        lines.append(row("CPU", "server \(server), generator \(Self.number(cpuSeconds.generator)) s"))
        if let bound { lines.append(row("bound by", bound)) }
        if !closedByServer.isEmpty {
            let codes = closedByServer.sorted { $0.key < $1.key }.map { "code \($0.key): \($0.value)" }
            lines.append(row("closed by gateway", codes.joined(separator: ", ")))
        }
        for (name, count) in faults.sorted(by: { $0.key < $1.key }) { lines.append(row("FAULT", "\(name): \(count)")) }
        lines += notes.map { row("note", $0) }
        return lines.joined(separator: "\n")
    }

    private func row(_ name: String, _ value: String) -> String {
        "  " + name.padding(toLength: max(22, name.count), withPad: " ", startingAt: 0) + "  " + value
    }

    /// With as many digits as are of use.
    static func number(_ value: Double) -> String {
        let digits = abs(value) >= 100 ? 0 : abs(value) >= 1 ? 2 : 4
        return String(format: "%.\(digits)f", value)
    }

    /// Microseconds in a fitting unit.
    static func duration(_ microseconds: Double) -> String {
        if microseconds >= 1_000_000 { return String(format: "%.2f s", microseconds / 1_000_000) }
        if microseconds >= 1_000 { return String(format: "%.2f ms", microseconds / 1_000) }
        return String(format: "%.0f us", microseconds)
    }
}

internal import HoldfastGateway
internal import Synchronization

/// Counts the requests of the control API, by operation and status. A lock for each request, which costs a hundred times as much.
final class RequestMeter: Sendable {
    private struct Key: Hashable, Comparable {
        /// nil: there is none with that path and method, or it wasn't looked for.
        var operation: Operation?
        var status: Int

        static func < (a: Key, b: Key) -> Bool { (a.operation.label, a.status) < (b.operation.label, b.status) }
    }

    private struct State {
        var counts: [Key: UInt64] = [:]
        var times: [Operation?: Histogram] = [:]
        var underWay = 0
    }

    private let state = Mutex(State())

    func began() { state.withLock { $0.underWay += 1 } }

    /// - Parameters:
    ///   - operation: nil: there is none with that path and method, or it wasn't looked for.
    ///   - status: nil: the connection ended before there was an answer.
    func ended(_ operation: Operation?, status: Int?, microseconds: UInt64) {
        state.withLock { state in
            state.underWay -= 1
            state.counts[Key(operation: operation, status: status ?? 0), default: 0] &+= 1
            state.times[operation, default: Histogram(.latency)].observe(microseconds)
        }
    }

    /// The table of these metrics, as the runbook has it, and of those that count what libraries report.
    static var markdownTable: String {
        let families = RequestMeter().families + LibraryMetrics().families
        let labels = [["operation", "status"], ["operation"], [], []]
        return zip(families, labels).map { family, labels in
            let labels = labels.map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(family.name)` | \(family.kind.rawValue) | \(labels) | \(family.help) |\n"
        }.joined()
    }

    var families: [MetricFamily] {
        let state = state.withLock { $0 }
        return [
            MetricFamily(
                name: "holdfast_http_requests_total", kind: .counter,
                help:
                    "Requests of the control API that were answered, by operation (none: no such one) and status (0: the client went away).",
                samples: state.counts.sorted { $0.key < $1.key }.map { key, count in
                    .init(.counted(count), [("operation", key.operation.label), ("status", "\(key.status)")])
                }),
            MetricFamily(
                name: "holdfast_http_request_seconds", kind: .histogram,
                help: "From a request's head to the head of its answer, by operation.",
                samples: state.times.sorted { $0.key.label < $1.key.label }.map {
                    .init(.histogram($0.value), [("operation", $0.key.label)])
                }),
            MetricFamily(
                name: "holdfast_http_requests_under_way", kind: .gauge, help: "Requests of the control API that aren't answered yet.",
                samples: [.init(.whole(Int64(state.underWay)))]),
        ]
    }
}

extension Operation? {
    /// Its name in metrics.
    fileprivate var label: String { self?.rawValue ?? "none" }
}

/// A metric as it is told: what it is, and its samples.
package struct MetricFamily: Sendable {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    package enum Value: Sendable {
        case whole(Int64)
        /// A counter may get beyond what `whole` holds.
        case counted(UInt64)
        case real(Double)
        case histogram(Histogram)
    }

    package struct Sample: Sendable {
        package var labels: [(name: String, value: String)]
        package var value: Value

        package init(_ value: Value, _ labels: [(name: String, value: String)] = []) {
            self.value = value
            self.labels = labels
        }
    }

    package var name: String
    package var kind: Kind
    package var help: String
    package var samples: [Sample]

    package init(name: String, kind: Kind, help: String, samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }
}

extension MetricFamily.Value {
    static func of(_ count: Int) -> Self { .whole(Int64(count)) }
    static func of(_ isSo: Bool) -> Self { .whole(isSo ? 1 : 0) }
    /// Of some part of a second as seconds.
    static func seconds(_ value: UInt64, per second: Double) -> Self { .real(Double(value) / second) }
}

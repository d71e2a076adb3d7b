package import HoldfastGateway

/// Metrics as Prometheus reads them: its text format 0.0.4.
package enum MetricsText {
    /// The families in their order, each with its `HELP` and `TYPE`; one without samples is left out.
    package static func render(_ families: [MetricFamily]) -> String {
        var text = ""
        for family in families where !family.samples.isEmpty {
            text += "# HELP \(family.name) \(escaped(help: family.help))\n# TYPE \(family.name) \(family.kind.rawValue)\n"
            for sample in family.samples { append(sample, of: family.name, to: &text) }
        }
        return text
    }

    private static func append(_ sample: MetricFamily.Sample, of name: String, to text: inout String) {
        guard case .histogram(let histogram) = sample.value else {
            text += "\(name)\(labels(sample.labels)) \(number(sample.value))\n"
            return
        }
        let buckets = histogram.buckets
        var count: UInt64 = 0
        for (bound, inBucket) in zip(buckets.bounds.map { scaled($0, buckets.divisor) } + ["+Inf"], histogram.counts) {
            count &+= inBucket
            text += "\(name)_bucket\(labels(sample.labels + [("le", bound)])) \(count)\n"
        }
        text += "\(name)_sum\(labels(sample.labels)) \(scaled(histogram.sum, buckets.divisor))\n"
        text += "\(name)_count\(labels(sample.labels)) \(count)\n"
    }

    private static func number(_ value: MetricFamily.Value) -> String {
        switch value {
        case .whole(let number): "\(number)"
        case .counted(let number): "\(number)"
        case .real(let number): real(number)
        case .histogram: preconditionFailure("a histogram has many numbers")
        }
    }

    private static func real(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
        return number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
    }

    /// In the base unit; of a whole number no part is lost where it needn't be.
    private static func scaled(_ value: UInt64, _ divisor: UInt64) -> String {
        value.isMultiple(of: divisor) ? "\(value / divisor)" : "\(Double(value) / Double(divisor))"
    }

    private static func labels(_ labels: [(name: String, value: String)]) -> String {
        if labels.isEmpty { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped(label: $0.value))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(help: String) -> String {
        help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    private static func escaped(label: String) -> String {
        escaped(help: label).replacing("\"", with: "\\\"")
    }
}

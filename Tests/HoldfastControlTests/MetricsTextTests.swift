import Foundation
import HoldfastGateway
import Metrics
import TestTraits
import Testing

@testable import HoldfastControl

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct MetricsTextTests {
    private func histogram(_ values: UInt64...) -> MetricFamily.Value {
        var histogram = Histogram(.latency)
        for value in values { histogram.observe(value) }
        return .histogram(histogram)
    }

    @Test func `a family has its help and type once, and a line for each sample`() {
        let family = MetricFamily(
            name: "a_total", kind: .counter, help: "One\\two\nthree \"four\".",
            samples: [.init(.counted(.max), [("path", "a\\b\n\"c\"")]), .init(.real(0.25)), .init(.whole(-3))])
        #expect(
            MetricsText.render([family]) == """
                # HELP a_total One\\\\two\\nthree "four".
                # TYPE a_total counter
                a_total{path="a\\\\b\\n\\"c\\""} 18446744073709551615
                a_total 0.25
                a_total -3

                """)
    }

    @Test func `a family without samples is left out`() {
        #expect(MetricsText.render([MetricFamily(name: "a", kind: .gauge, help: "A.", samples: [])]).isEmpty)
    }

    @Test func `a histogram's buckets are cumulative, in seconds, and end with all`() {
        let family = MetricFamily(
            name: "a_seconds", kind: .histogram, help: "A.", samples: [.init(histogram(1, 100, 260, 99_000_000), [("b", "c")])])
        let lines = MetricsText.render([family]).split(separator: "\n").map(String.init)
        #expect(lines[2] == "a_seconds_bucket{b=\"c\",le=\"0.0001\"} 2")
        #expect(lines[3] == "a_seconds_bucket{b=\"c\",le=\"0.00025\"} 2")
        #expect(lines[4] == "a_seconds_bucket{b=\"c\",le=\"0.0005\"} 3")
        #expect(
            lines.suffix(3) == [
                "a_seconds_bucket{b=\"c\",le=\"+Inf\"} 4", "a_seconds_sum{b=\"c\"} 99.000361", "a_seconds_count{b=\"c\"} 4",
            ])
        #expect(lines.contains("a_seconds_bucket{b=\"c\",le=\"10\"} 3"))
    }

    // MARK: The page

    @Test func `a scrape has each metric once, with buckets that add up, and the requests that were answered`() async throws {
        let harness = try await ControlHarness()
        _ = try await harness.get("/healthz")
        _ = try await harness.get("/nowhere")
        let text = try await harness.get("/metrics").body
        var declared: [String: String] = [:]
        var counts: [String: [UInt64]] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "#" {
                if words[1] == "TYPE" { #expect(declared.updateValue(words[3], forKey: words[2]) == nil, "\(words[2]) is declared twice") }
                continue
            }
            let name = String(line.prefix { $0 != "{" && $0 != " " })
            var family: String?
            for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) {
                let base = String(name.dropLast(suffix.count))
                if declared[base] == "histogram" { family = base }
            }
            #expect(declared[name] != nil || family != nil, "\(name) isn't declared")
            guard let family, let number = words.last.flatMap({ UInt64($0) }) else { continue }
            if name.hasSuffix("_bucket") { counts[family, default: []].append(number) }
            if name.hasSuffix("_count") {
                let buckets = counts.removeValue(forKey: family) ?? []
                #expect(buckets == buckets.sorted() && buckets.last == number, "\(family)")
            }
        }
        #expect(declared["holdfast_sent_latency_seconds"] == "histogram" && declared["holdfast_build_info"] == "gauge")
        for line in [
            "holdfast_http_requests_total{operation=\"getHealth\",status=\"200\"} 1",
            "holdfast_http_requests_total{operation=\"none\",status=\"404\"} 1", "holdfast_http_requests_under_way 1",
        ] { #expect(text.contains(line + "\n"), "\(line)") }
        await harness.stop()
    }

    @Test func `the runbook has the metrics of the control API as they are`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let runbook = try String(contentsOf: root.appendingPathComponent("Sources/holdfast/RUNBOOK.md"), encoding: .utf8)
        #expect(runbook.contains(RequestMeter.markdownTable), "RUNBOOK.md needs these lines:\n\(RequestMeter.markdownTable)")
    }

    // MARK: Libraries

    @Test func `what libraries report is in the same text`() {
        let library = LibraryMetrics()
        Counter(label: "hb.requests", dimensions: [("http.route", "/v1")], factory: library).increment(by: 2)
        Counter(label: "hb.requests", dimensions: [("http.route", "/v1")], factory: library).increment()
        Timer(label: "http.server.request.duration", dimensions: [], factory: library).recordNanoseconds(300_000)
        let meter = Meter(label: "http.server.active_requests", dimensions: [], factory: library)
        meter.increment(by: 3)
        meter.decrement(by: 1)
        Recorder(label: "8 sizes", dimensions: [], aggregate: true, factory: library).record(0.5)
        Gauge(label: "level", dimensions: [], factory: library).record(1.5)
        FloatingPointCounter(label: "work_total", dimensions: [], factory: library).increment(by: 0.5)
        let text = MetricsText.render(library.families)
        for line in [
            "# TYPE hb_requests_total counter", "hb_requests_total{http_route=\"/v1\"} 3",
            "# TYPE http_server_request_duration_seconds histogram", "http_server_request_duration_seconds_bucket{le=\"0.0005\"} 1",
            "http_server_request_duration_seconds_sum 0.0003", "# TYPE http_server_active_requests gauge", "http_server_active_requests 2",
            "# TYPE _8_sizes histogram", "_8_sizes_sum 0.5", "level 1.5", "work_total 0.5", "holdfast_library_series_dropped_total 0",
        ] { #expect(text.contains(line + "\n"), "\(line) is missing in\n\(text)") }
    }

    @Test func `series of libraries have a limit, and take no name of the gateway's`() {
        let library = LibraryMetrics()
        for number in 0...LibraryMetrics.seriesMax {
            Counter(label: "a", dimensions: [("method", "M\(number)")], factory: library).increment()
        }
        Counter(label: "holdfast_messages_received", dimensions: [], factory: library).increment()
        // Another kind under a name that is there.
        Meter(label: "a_total", dimensions: [], factory: library).set(1)
        let families = library.families
        #expect(families.map(\.name) == ["a_total", "holdfast_library_series_dropped_total"])
        #expect(families[0].samples.count == LibraryMetrics.seriesMax)
        #expect(MetricsText.render(families).contains("holdfast_library_series_dropped_total 3\n"))
    }
}

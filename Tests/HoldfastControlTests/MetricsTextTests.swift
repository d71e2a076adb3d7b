import HoldfastGateway
import Metrics
import Testing

@testable import HoldfastControl

@Suite struct MetricsTextTests {
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

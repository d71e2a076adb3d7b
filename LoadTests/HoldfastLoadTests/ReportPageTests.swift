import Foundation
import Testing

@testable import holdfast_load

/// All figures here are invented.
@Suite struct ReportPageTests {
    private static func run(
        _ server: String?, rate: Double = 1000, clients: Int = 10, version: String = "1", settings: String = "as delivered"
    ) -> Report {
        var run = Report(scenario: "throughput", clients: clients)
        run.context.command = "holdfast-load throughput"
        run.context.server = server.map { .init(name: $0, version: version, settings: settings) }
        run.rates["delivered"] = rate
        var latencies = Latencies()
        for value in 1...1000 { latencies.record(UInt64(value) * 1000) }
        run.add("send", latencies)
        run.samples = [0.0, 1, 2].map { Sample(seconds: $0, values: ["connected": 10, "deliveredPerSecond": rate]) }
        return run
    }

    private static func page(_ runs: [Report], _ ratios: [RatioResult.Ratio] = []) throws -> ResultPage {
        var lines = ResultLines()
        for run in runs { try lines.add(Output.json(run), file: "runs") }
        var result = RatioResult()
        for ratio in ratios {
            if ratio.atLeast == nil && ratio.atMost == nil {
                result.add(ratio.name, ratio.value)
            } else {
                result.add(RatioGoal(name: ratio.name, atMost: ratio.atMost, atLeast: ratio.atLeast), ratio.value)
            }
        }
        try lines.add(Output.json(result), file: "ratios")
        return ResultPage(lines)
    }

    @Test func `runs of one server become a median and a range, and servers stand side by side`() throws {
        let page = try Self.page([
            Self.run("peer", rate: 500), Self.run("holdfast", rate: 1000), Self.run("holdfast", rate: 3000),
            Self.run("holdfast", rate: 2000),
        ])
        #expect(page.sections.map(\.title) == ["throughput, 10 clients"])
        let table = page.sections[0].table
        #expect(table.header == ["median (range)", "holdfast, as delivered", "peer, as delivered"])
        #expect(table.rows.prefix(2) == [["runs", "3", "1"], ["delivered a second", "2,000/s (1,000/s to 3,000/s)", "500/s"]])
        #expect(page.sections[0].drawings.first?.description.contains("peer, as delivered: 500/s (× 0.25)") == true)
        #expect(page.sections[0].drawings.map(\.title).contains("send: latency"))
    }

    @Test func `other clients and other parameters are other experiments, other versions other servers`() throws {
        var outstanding = Self.run("holdfast")
        outstanding.figures["outstanding"] = 16
        let page = try Self.page([Self.run("holdfast"), Self.run("holdfast", clients: 20), outstanding, Self.run("holdfast", version: "2")])
        #expect(
            page.sections.map(\.title) == ["throughput, 10 clients", "throughput, 20 clients", "throughput, 10 clients, outstanding 16"])
        #expect(page.sections[0].table.header == ["figure", "holdfast (1), as delivered", "holdfast (2), as delivered"])
    }

    @Test func `a server that had other clients in a comparison says how many, and has no ratio`() throws {
        let runs = [("holdfast", 10), ("peer", 10), ("small", 2)].map { name, clients in
            var run = Self.run(name, rate: Double(clients) * 100, clients: clients)
            run.scenario = "compare-durable"
            return run
        }
        let description = try #require(try Self.page(runs + [runs[1]]).sections[0].drawings.first?.description)
        #expect(description.contains("peer, 10 clients, as delivered: 1,000/s (× 1)"))
        #expect(description.contains("small, 2 clients, as delivered: 200/s"))
        #expect(!description.contains("200/s (×"))
    }

    @Test func `servers differ in colour, however many settings one of them was run with`() throws {
        let settings = (0..<7).map { Self.run("holdfast", clients: 100 + $0, settings: "settings \($0)") }
        let page = try Self.page([Self.run("holdfast")] + settings + [Self.run("peer"), Self.run("other")])
        let drawing = try #require(page.sections.first { $0.title == "throughput, 10 clients" }?.drawings.first)
        let colours = Set(drawing.body.matches(of: /class="line (c\d)"/).map { String($0.1) })
        #expect(colours.count == 3, "\(colours)")
    }

    @Test func `a goal is reached or missed by its median`() throws {
        let ratios = [0.3, 0.5, 0.5].map { RatioResult.Ratio(name: "to the probe", value: $0, atLeast: 0.43) }
        let page = try Self.page(
            [],
            ratios + [
                .init(name: "private bytes", value: 500, atMost: 400), .init(name: "alone", value: 1), .init(name: "none", atMost: 2),
            ])
        #expect(
            page.goalTable.rows == [
                ["to the probe", "0.5 (0.3 to 0.5)", "at least 0.43", "reached"], ["private bytes", "500 B", "at most 400 B", "MISSED"],
                ["alone", "1", "–", "–"], ["none", "–", "at most 2", "not measured: no run gave this figure"],
            ])
        #expect(page.goalDrawing?.description.contains("private bytes: 500 B: MISSED") == true)
    }

    @Test func `names from files are text, in HTML, in drawings and in Markdown`() throws {
        let evil = "<script>alert('1')</script>|\u{1}&\n# x"
        var run = Self.run(evil, settings: evil)
        run.scenario = evil
        run.notes = [evil]
        run.faults = [evil: 1]
        run.rates[evil] = 1
        run.latencyMicroseconds[evil] = run.latencyMicroseconds["send"]
        run.context.command = evil
        let page = try Self.page([run, Self.run("peer")], [.init(name: evil, value: 1, atMost: 2)])
        // Asked before, so that a failure doesn't print the page.
        let html = page.html
        let (isMarkup, isControl, isText) = (html.contains("<script"), html.contains("\u{1}"), html.contains("&lt;script&gt;"))
        #expect(!isMarkup && !isControl && isText)
        let (text, files) = page.markdown(drawingsIn: "plots")
        #expect(!text.contains("\n# x") && text.contains("\\<script\\>"))
        #expect(
            files.count > 3 && files.keys.allSatisfy { $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-.".contains($0)) } })
        for svg in files.values { #expect(!svg.contains("<script")) }
        #expect(page.sections[0].problems.count == 1)
    }

    @Test func `the page needs nothing else`() throws {
        let html = try Self.page([Self.run("holdfast"), Self.run("peer")], [.init(name: "a", value: 1, atMost: 2)]).html
        #expect(["src=", "url(", "@import", "<script", "<link"].filter { html.contains($0) } == [])
        #expect(html.split(separator: "<svg").count - 1 == html.split(separator: "role=\"img\"").count - 1)
        #expect(html.contains("prefers-color-scheme:dark"))
    }

    @Test func `no runs, runs without figures and figures that are no numbers make a page too`() throws {
        #expect(ResultPage(ResultLines()).html.contains("<h1>"))
        #expect(try Self.page([Report(scenario: "idle", clients: 0)]).sections[0].drawings.isEmpty)
        #expect(Spread([.nan, .infinity]) == nil)
        #expect(Spread([.nan, 3, 1]) == Spread([1, 3]))
    }

    @Test func `a line that is no result is refused with its place`() throws {
        let good = try Output.json(Self.run("holdfast"))
        let cases = [
            ("\n{\"a\":1}", "r.jsonl:2: neither a run"), (good + "\n\n[1]", "r.jsonl:3: not a JSON object"), ("{", "r.jsonl:1: not JSON"),
            ("null", "r.jsonl:1: not a JSON object"),
            ("{\"scenario\":\"x\"}", "r.jsonl:1: 'context' is missing"),
            (good.replacing("\"clients\":10", with: "\"clients\":\"many\""), "r.jsonl:1: 'clients' has a value of another kind"),
        ]
        for (text, reason) in cases {
            var lines = ResultLines()
            let error = #expect(throws: LoadError.self) { try lines.add(text, file: "r.jsonl") }
            #expect(error?.description.hasPrefix(reason) == true, "\(error?.description ?? "")")
            #expect(error?.description.contains("one JSON object a line") == true)
        }
    }

    @Test func `one directory as another one names it`() {
        #expect(ReportCommand.path(from: "/a/b", to: "/a/b/c") == "c")
        #expect(ReportCommand.path(from: "/a/b", to: "/a/c") == "../c")
        #expect(ReportCommand.path(from: "", to: "plots") == "plots")
        #expect(ReportCommand.path(from: "/a", to: "/a") == "")
    }
}

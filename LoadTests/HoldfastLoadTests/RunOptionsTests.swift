import Testing

@testable import holdfast_load

/// What tells one experiment from another.
@Suite struct RunOptionsTests {
    private static func run(_ command: String, cores: Int = 2, sent: Int = 0) -> Report {
        var run = Report(scenario: "throughput", clients: 10)
        run.context.server = .init(name: "holdfast", version: "1", settings: "")
        run.context.command = command
        run.context.machine.cores = cores
        run.rates["delivered"] = 1000
        run.sent = sent
        return run
    }

    private static func titles(_ commands: [String]) throws -> [String] {
        var lines = ResultLines()
        for command in commands { try lines.add(Output.json(run(command)), file: "runs") }
        return ResultPage(lines).sections.map(\.title)
    }

    @Test func `runs with another rate, or any other option that was asked for, are never one median`() throws {
        let commands = [
            "holdfast-load throughput --rate 1000", "holdfast-load throughput --rate=2000", "holdfast-load throughput",
            "holdfast-load throughput --rate 1000 --send-only", "holdfast-load throughput --rate 1000 --duration 60",
        ]
        #expect(
            try Self.titles(commands) == [
                "throughput, 10 clients, rate 1000", "throughput, 10 clients, rate 2000", "throughput, 10 clients",
                "throughput, 10 clients, rate 1000, send-only", "throughput, 10 clients, duration 60, rate 1000",
            ])
    }

    @Test func `where things are, how often and how it is printed tells none apart`() throws {
        let commands = [
            "holdfast-load throughput --rate 1000 --json", "holdfast-load throughput --json --rate 1000 --server 10.0.0.1:7400 --data /a b",
            "holdfast-load throughput --data /c --rate 1000 --token-file /d --runs 3",
        ]
        #expect(try Self.titles(commands).count == 1)
    }

    @Test func `other machines are other experiments and are named`() throws {
        var lines = ResultLines()
        for cores in [2, 64] { try lines.add(Output.json(Self.run("holdfast-load throughput", cores: cores)), file: "runs") }
        let titles = ResultPage(lines).sections.map(\.title)
        #expect(titles.count == 2 && titles[1].contains("on 64 cores"))
    }

    @Test func `a clean page says that nothing was lost, doubled or reordered`() throws {
        var lines = ResultLines()
        try lines.add(Output.json(Self.run("holdfast-load throughput", sent: 5000)), file: "runs")
        let page = ResultPage(lines)
        #expect(page.facts.contains { $0.name == "messages" && $0.value == "5,000 sent: lost 0, doubled 0, reordered 0, damaged 0" })
        for row in [["lost", "0"], ["duplicated", "0"], ["reordered", "0"], ["corrupted", "0"]] {
            #expect(page.sections[0].table.rows.contains(row), "\(row)")
        }
        #expect(page.html.contains("lost 0, doubled 0, reordered 0"))
    }
}

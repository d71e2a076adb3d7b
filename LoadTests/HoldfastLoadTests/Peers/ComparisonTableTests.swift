import Testing

@testable import holdfast_load

/// Medians and ratios of a comparison.
@Suite struct ComparisonTableTests {
    private func reports(_ server: String, clients: Int, seconds: [Double]) -> [Report] {
        seconds.map { seconds in
            var report = Report(
                scenario: "compare-storm-64", context: .now(server: .init(name: server, version: "1", settings: "")), clients: clients)
            report.figures["secondsToLastMessage"] = seconds
            report.rates["resumedPhones"] = Double(clients) / seconds
            return report
        }
    }

    @Test func `medians, and ratios only where sizes are equal`() throws {
        let table = ComparisonTable(
            scenario: "compare-storm-64",
            columns: [
                ("holdfast", reports("holdfast", clients: 100, seconds: [1, 9, 2])),
                ("mosquitto", reports("mosquitto", clients: 100, seconds: [4, 4])),
                ("rabbitmq", reports("rabbitmq", clients: 10, seconds: [5])),
            ])
        let rows = table.rows
        #expect(rows[0].cells == ["3", "2", "1"])
        let index = try #require(rows.firstIndex { $0.name == "seconds to the last message" })
        #expect(rows[index].cells == ["2", "4", "5"])
        #expect(rows[index + 1].cells == ["", "x 0.5000", "other size"])
        let rate = try #require(rows.firstIndex { $0.name == "phones served a second" })
        #expect(rows[rate + 1].cells == ["", "x 2.00", "other size"])
        #expect(table.text.contains("other size: it had another number of clients"))
    }

    @Test func `a peer without figures has an empty cell`() {
        let report = Report(scenario: "compare-idle", clients: 1)
        let table = ComparisonTable(scenario: "compare-idle", columns: [("holdfast", [report]), ("mosquitto", [report])])
        #expect(table.rows.last?.cells == ["-", "-"])
        #expect(table.text.split(separator: "\n").count == 4)
    }
}

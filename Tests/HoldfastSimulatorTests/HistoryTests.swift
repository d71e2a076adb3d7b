import HoldfastSimulator
import Testing

/// Histories that broke a guarantee once. That each still fails with the bug that it is about is shown by Tests/Planted/run.sh.
@Suite struct HistoryTests {
    @Test(arguments: History.all.indices) func `what a history found stays mended`(index: Int) {
        let history = History.all[index]
        let result = history.run()
        #expect(result.problems == [], "\(history.name)\n\(result.trace.suffix(60).joined(separator: "\n"))")
        for name in history.occurrences { #expect(result.occurrences.counts[name] ?? 0 > 0, "\(history.name): \(name) didn't occur") }
    }
}

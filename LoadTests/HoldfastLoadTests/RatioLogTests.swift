import Synchronization
import Testing

@testable import holdfast_load

/// What `ratios` keeps when something goes wrong.
@Suite struct RatioLogTests {
    private final class Written: Sendable {
        let results = Mutex<[RatioResult]>([])
        var rows: [[RatioResult.Ratio]] { results.withLock { $0.map(\.ratios) } }
    }

    private static func log(_ measures: [RatioMeasure]) -> (RatioLog, Written) {
        let written = Written()
        return (RatioLog(measures) { result in written.results.withLock { $0.append(result) } }, written)
    }

    @Test func `a measure's result is there as soon as it has ended, and of a failed one what was found, and why`() {
        let (log, written) = Self.log([.heartbeat, .storm])
        log.begin(.heartbeat)
        log.add(Report(scenario: "heartbeat", clients: 1))
        log.add(.heartbeat(1), 1.1)
        log.end(because: LoadError("the floor has ended"))
        #expect(written.rows.map { $0.map(\.name) } == [[RatioGoal.heartbeat(1).name, RatioGoal.heartbeat(16).name]])
        #expect(written.rows[0].map(\.isReached) == [true, nil])
        #expect(written.rows[0].map(\.notMeasured) == [nil, "the floor has ended"])
        #expect(written.results.withLock { $0[0].reports.count } == 1)
        #expect(!log.result.isReached)
    }

    @Test func `an interrupt gives all goals a row, and ends it`() {
        let (log, written) = Self.log([.idle, .connect, .restart])
        log.begin(.idle)
        log.add(.idle, 399)
        log.end()
        log.begin(.connect)
        log.add("connect: us of CPU of the floor", 10)
        log.endAll(because: "interrupted")
        // What a measure says that is still running at that moment comes too late.
        log.add(.connect, 1)
        log.end(because: LoadError("the gateway has ended"))
        #expect(written.rows.map(\.count) == [1, 2, 2])
        #expect(written.rows[1].map(\.notMeasured) == [nil, "interrupted"])
        #expect(written.rows[2].map(\.notMeasured) == ["interrupted before its runs", "interrupted before its runs"])
    }

    @Test func `a goal without a figure says what went wrong in its runs, and one that is missed isn't reached`() {
        var report = Report(scenario: "idle", clients: 1)
        report.faults["ended early: no room"] = 1
        var result = RatioResult()
        result.reports = [report]
        result.add(.idle, nil)
        #expect(result.table.contains("not measured: ended early: no room"))
        var missed = RatioResult()
        missed.add(.throughput, 0.4)
        #expect(!missed.isReached && missed.table.contains("MISSED"))
        var reached = RatioResult()
        reached.add(.throughput, 0.5)
        reached.add("alone", 3)
        #expect(reached.isReached)
    }
}

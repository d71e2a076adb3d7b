import Foundation
import Testing

@testable import holdfast_load

/// Several processes are one run: their histograms are put together, not their percentiles.
@Suite struct WorkerMergeTests {
    private func latencies(_ values: [UInt64]) -> Latencies {
        var latencies = Latencies()
        for value in values { latencies.record(value) }
        return latencies
    }

    @Test func `the percentiles of two workers are those of all their durations`() {
        // 99 of 100 durations are short in all; each worker's own p50 says otherwise for one of them.
        let (fast, slow) = (latencies(Array(repeating: 1_000, count: 990)), latencies(Array(repeating: 9_000_000, count: 10)))
        let results = [fast, slow].map {
            WorkerResult(report: Report(scenario: "x", clients: 1), latencies: ["sent": $0], merging: [:])
        }
        let merged = WorkerResult.merge(results)
        #expect(merged.latencyMicroseconds["sent"]?.count == 1_000)
        #expect(merged.latencyMicroseconds["sent"].map { $0.p50 < 1.1 && $0.p99 < 1.1 && $0.p999 > 8_000 } == true)
    }

    @Test func `durations survive the way between processes`() throws {
        let sent = latencies([0, 1, 1_000, 123_456_789, 3_600_000_000_000, .max])
        let received = try JSONDecoder().decode(Latencies.self, from: JSONEncoder().encode(sent))
        #expect(received.count == 6)
        #expect(received.summary?.distribution.map(\.microseconds) == sent.summary?.distribution.map(\.microseconds))
    }

    @Test func `counts add up, and the server's CPU time is there once`() {
        var reports = [Report(scenario: "x", clients: 10), Report(scenario: "x", clients: 10)]
        for index in reports.indices {
            reports[index].sent = 5
            reports[index].lost = index
            reports[index].seconds = 2 + Double(index)
            reports[index].cpuSeconds = .init(server: 3, generator: 1)
            reports[index].rates["delivered"] = 100
            reports[index].faults["gap"] = 1
            reports[index].figures = ["sum": 2, "max": Double(index), "cost": 10]
        }
        let merged = WorkerResult.merge(
            reports.map { WorkerResult(report: $0, latencies: [:], merging: ["sum": .sum, "max": .max, "cost": .parallel]) })
        #expect(merged.sent == 10 && merged.lost == 1 && merged.seconds == 3 && merged.clients == 10)
        #expect(merged.cpuSeconds.server == 3 && merged.cpuSeconds.generator == 2)
        #expect(merged.rates["delivered"] == 200 && merged.faults["gap"] == 2 && !merged.isClean)
        // Each of two divided the same cost by a half of the things.
        #expect(merged.figures == ["sum": 4, "max": 1, "cost": 5])
    }

    @Test func `a round is over when it is for all workers`() {
        let results = [[1.0, 5, 2], [3, 4, 2]].map { seconds in
            var report = Report(scenario: "x", clients: 1)
            report.add(rounds: seconds)
            return WorkerResult(report: report, latencies: [:], merging: [:])
        }
        let merged = WorkerResult.merge(results)
        #expect(merged.roundSeconds == [3, 5, 2])
        #expect(merged.figures == ["roundSecondsMin": 2, "roundSecondsMedian": 3, "roundSecondsMax": 5])
    }

    @Test func `samples add up, but not the server's`() {
        let lists = [1.0, 2.0].map { [Sample(seconds: $0, values: ["connected": 10, "serverCores": 0.5])] }
        let merged = Sample.merge(lists + [])
        #expect(merged.count == 1 && merged[0].seconds == 2)
        #expect(merged[0].values == ["connected": 20, "serverCores": 0.5])
    }

    @Test func `what the others found is kept when a process has failed, and isn't clean`() throws {
        var report = Report(scenario: "x", clients: 10)
        report.sent = 5
        let found = WorkerResult(report: report, latencies: [:], merging: [:])
        let merged = try WorkerResult.merge([found, nil, found], failures: [1: "it has ended without a result (signal 9)"])
        #expect(merged.sent == 10 && !merged.isClean)
        #expect(merged.faults == ["process 2 of 3: it has ended without a result (signal 9)": 1])
        #expect(merged.notes.first?.hasPrefix("partial: what 2 of 3 processes found") == true)
        #expect(try WorkerResult.merge([found, found], failures: [:]).isClean)
        let error = #expect(throws: LoadError.self) { try WorkerResult.merge([nil, nil], failures: [0: "no port", 1: "no port"]) }
        #expect(error?.description == "process 1 of 2: no port")
    }

    @Test func `shares of workers add up to the whole`() {
        for (total, count) in [(40_000, 3), (7, 4), (2, 5)] {
            let shares = (0..<count).map { WorkerPlace.share(total, index: $0, count: count) }
            #expect(shares.reduce(0, +) == total)
            #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
        }
    }
}

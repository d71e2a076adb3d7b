import ArgumentParser
import Foundation
import HoldfastStorage

/// What the disk gives at best: bare appends to LMDB, each batch synced. Throughput is compared with it.
struct ProbeScenario: Sendable {
    /// Where to append.
    var directory: String
    var batch = 256
    var recordBytes = 120
    /// When records are due; `max`: as many as the disk takes.
    var rate = Rate.max
    var seconds = 5.0

    /// Runs it.
    func run() throws -> Report {
        guard (1...100_000).contains(batch), (1...1_000_000).contains(recordBytes), batch * recordBytes <= 1 << 30, seconds > 0 else {
            throw LoadError(usage: "--batch is 1...100000, --bytes 1...1000000, both together at most a gigabyte; --duration is above 0")
        }
        let cpu = ProcessMeter.own.cpuSeconds ?? 0
        let result = try AppendProbe.run(
            directory: directory, recordBytes: recordBytes, batch: batch, perSecond: rate.perSecond, seconds: seconds)
        var report = Report(scenario: "probe", clients: 0, seconds: result.seconds)
        report.cpuSeconds.generator = (ProcessMeter.own.cpuSeconds ?? 0) - cpu
        report.rates["records"] = result.recordsPerSecond
        report.rates["commits"] = Double(result.commits) / result.seconds
        report.figures["batch"] = Double(batch)
        report.figures["recordBytes"] = Double(recordBytes)
        report.figures["commitMicrosecondsMedian"] = result.commitMicrosecondsMedian
        report.figures["commitMicrosecondsP99"] = result.commitMicrosecondsP99
        report.figures["commitMicrosecondsMax"] = result.commitMicrosecondsMax
        report.figures["recordMicrosecondsMedian"] = result.recordMicrosecondsMedian
        report.figures["recordMicrosecondsP99"] = result.recordMicrosecondsP99
        return report
    }
}

/// `holdfast-load probe`
struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Bare appends to LMDB, each batch synced: what the disk gives at best.",
        discussion: """
            With --rate, records are due at fixed times, and a commit takes those that are due, at most --batch: recordMicroseconds… count from
            then. That is the latency that a group commit has on this machine when nothing else runs.

            Examples:
              holdfast-load probe --directory /var/lib/holdfast --batch 256
              holdfast-load probe --directory /var/lib/holdfast --rate 20000
            """)

    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("A directory on the disk in question.", valueName: "dir")) var directory = "."
    @Option(help: "Records in one commit.") var batch = 256
    @Option(help: "Size of a record.") var bytes = 120
    @Option(help: ArgumentHelp("Records a second, each at its time; max: as many as the disk takes.", valueName: "n|max")) var rate = Rate
        .max
    @Option(help: "Seconds.") var duration = 5.0

    func run() throws {
        let scenario = ProbeScenario(directory: directory, batch: batch, recordBytes: bytes, rate: rate, seconds: duration)
        try scenario.run().finish(json: output.json)
    }
}

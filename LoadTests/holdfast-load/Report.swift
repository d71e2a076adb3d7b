import Foundation

/// What a run found: one JSON object, or a page of text.
struct Report: Codable, Sendable {
    var scenario: String
    var context = RunContext.now()
    var clients: Int
    /// How long the measured part took.
    var seconds = 0.0
    /// Messages handed to phones to be sent.
    var sent = 0
    /// Messages that the gateway said are durable.
    var acknowledged = 0
    /// Messages that reached their receiver, each counted once.
    var delivered = 0
    var lost = 0
    var duplicated = 0
    var reordered = 0
    var corrupted = 0
    var refused = 0
    /// Per second, in the measured part.
    var rates: [String: Double] = [:]
    var latencyMicroseconds: [String: LatencySummary] = [:]
    /// Private bytes of the server for each further connection.
    var serverBytesPerConnection: Double?
    /// The same of this program for each phone.
    var generatorBytesPerPhone: Double?
    var cpuSeconds = CPU(generator: 0)
    /// What kept the figures from being better.
    var bound: String?
    /// Connections that the gateway closed, by code.
    var closedByServer: [String: Int] = [:]
    /// What must not happen, by name.
    var faults: [String: Int] = [:]
    /// Figures of this scenario only.
    var figures: [String: Double] = [:]
    var notes: [String] = []
    /// How long each round took, of a run that has several.
    var roundSeconds: [Double]?
    /// The run over time.
    var samples: [Sample] = []

    /// CPU time of both sides in the measured part; the server's is missing when its process isn't known.
    struct CPU: Codable, Sendable {
        var server: Double?
        var generator: Double
    }

    /// Whether nothing was lost, doubled, out of order, damaged, or otherwise against the protocol.
    var isClean: Bool { lost + duplicated + reordered + corrupted == 0 && faults.isEmpty }

    /// Takes over what a workload has seen.
    mutating func add(_ totals: Workload.Totals) {
        sent += totals.sent
        acknowledged += totals.stored
        delivered += totals.delivered
        lost += totals.lost
        duplicated += totals.duplicated
        reordered += totals.reordered
        corrupted += totals.corrupted
        refused += totals.refused
        if totals.unknown > 0 { faults["sends of unknown fate", default: 0] += totals.unknown }
        // No scenario sends what has to be refused, and one in which nothing went through has measured nothing.
        if totals.refused > 0 { faults["refused messages", default: 0] += totals.refused }
        if totals.sent > 0 && totals.stored == 0 { faults["nothing was acknowledged", default: 0] += 1 }
    }

    /// Takes over what happened to the connections.
    mutating func add(_ counters: FleetCounters) {
        for (code, count) in counters.closes { closedByServer[String(code), default: 0] += count }
        for (name, count) in counters.faults { faults[name, default: 0] += count }
    }

    /// Takes over the time of the measured part.
    mutating func add(_ reading: Stopwatch.Reading) {
        seconds = reading.seconds
        cpuSeconds = reading.cpu
        bound = reading.bound
    }

    /// Takes over how long each round took, and how far they are apart.
    mutating func add(rounds: [Double]) {
        guard let spread = Spread(rounds) else { return }
        roundSeconds = rounds
        figures["roundSecondsMin"] = spread.low
        figures["roundSecondsMedian"] = spread.median
        figures["roundSecondsMax"] = spread.high
    }

    /// Takes over percentiles, if there are any.
    mutating func add(_ name: String, _ latencies: Latencies) {
        if let summary = latencies.summary { latencyMicroseconds[name] = summary }
    }

    /// Prints the report, and ends the program with an error if the run wasn't clean.
    func finish(json: Bool) throws {
        try Output.write(json ? Output.json(self) : text)
        guard isClean else {
            throw LoadError(
                "the run is not clean: lost \(lost), duplicated \(duplicated), reordered \(reordered), corrupted \(corrupted)\(faultText)")
        }
    }

    private var faultText: String {
        faults.sorted { $0.key < $1.key }.map { ", \($0.key): \($0.value)" }.joined()
    }
}

/// Standard output.
enum Output {
    /// Writes a line.
    static func write(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    /// A value as one JSON object on one line.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

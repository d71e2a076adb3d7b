import Foundation
import HoldfastSimulator

/// What many seeds came to.
struct SimulationReport: Encodable {
    var scenario = "simulate"
    var commit = ResultsFile.commit
    var date = ISO8601DateFormatter().string(from: Date())
    var fromSeed: UInt64
    var seeds: Int
    var steps: Int
    var clients: Int
    var seconds: Double
    var threads: Int
    var phoneHours: Double
    var phoneHoursPerMinuteAndCore: Double
    var acknowledged: Int
    var shown: Int
    /// Shown again, with the mark of a repeat.
    var repeats: Int
    var messagesPerPhoneHour: Double
    var connectionLossesPerPhoneHour: Double
    var crashesPerPhoneHour: Double
    var violations: Int
    var failedSeeds: [UInt64]
    /// How often each fault and each transition occurred.
    var occurrences: [String: Int]

    init(_ totals: Campaign.Totals, campaign: SimulateCommand, seconds: Double) {
        fromSeed = campaign.fromSeed
        seeds = totals.seeds
        steps = campaign.steps
        clients = campaign.clients
        self.seconds = seconds
        threads = campaign.threads
        phoneHours = totals.phoneHours
        phoneHoursPerMinuteAndCore = totals.phoneHours / (seconds / 60) / Double(campaign.threads)
        acknowledged = totals.acknowledged
        shown = totals.delivered
        repeats = totals.repeats
        messagesPerPhoneHour = Double(totals.acknowledged) / totals.phoneHours
        connectionLossesPerPhoneHour = Double(totals.connectionLosses) / totals.phoneHours
        crashesPerPhoneHour = Double(totals.crashes) / totals.phoneHours
        violations = totals.failures.count
        failedSeeds = totals.failures.map(\.seed).sorted()
        occurrences = totals.occurrences.counts
    }

    /// The report for people.
    var text: String {
        var lines = [
            "simulate: seeds \(fromSeed) to \(fromSeed + UInt64(seeds) - 1), \(clients) phones, \(steps) operations each",
            "  phone-hours           \(Int(phoneHours)), \(Int(phoneHoursPerMinuteAndCore)) a minute and core",
            "  messages              acknowledged \(acknowledged), shown \(shown), of them repeats, marked: \(repeats)",
            "  in a phone-hour       \(Report.number(messagesPerPhoneHour)) messages, "
                + "\(Report.number(connectionLossesPerPhoneHour)) connection losses, \(Report.number(crashesPerPhoneHour)) crashes",
            "  violations            \(violations)",
        ]
        for (name, count) in occurrences.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(name.padding(toLength: max(46, name.count), withPad: " ", startingAt: 0))  \(count)")
        }
        return lines.joined(separator: "\n")
    }
}

import Foundation
import HoldfastTestSupport
import Synchronization

/// The first signal lets a run finish its cycle and report; a second one ends it at once.
final class StopRequest: Sendable {
    private let isMade = Atomic(false)

    /// Whether the run should end with this cycle.
    var isPending: Bool { isMade.load(ordering: .relaxed) }

    /// A signal has come.
    /// - Returns: whether it is the first one.
    func make() -> Bool { !isMade.exchange(true, ordering: .relaxed) }
}

/// What `crash` and `powercut` have in common: cycles in testbeds, each testbed with fresh directories and a seed of its own.
struct CycleRun: Sendable {
    /// "crash" or "powercut".
    var scenario: String
    var workshop: Workshop
    var seed: UInt64
    var cycles: Int
    var from: Int
    /// How many cycles a testbed lives.
    var cyclesPerTestbed: Int
    var users: Int
    var recorder: Recorder?
    var stop: StopRequest
    /// Where a directory that shows a violation is kept.
    var keepIn: String
    /// How to see it again.
    var repeatCommand: @Sendable (Int) -> String

    /// Does a cycle with a number; is it the last of its testbed? Returns figures to be added up: what was killed.
    typealias Cycle = @Sendable (Testbed, Int, inout SeededRandom, Bool) throws -> [String: Int]

    /// Runs all cycles, or up to the first violation.
    func run(_ cycle: @escaping Cycle) async throws -> CrashReport {
        // A cycle waits for programs, and the backend's tasks need the threads that are for tasks: there may be only one.
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try runAll(cycle) }) }
        }
    }

    private func runAll(_ cycle: Cycle) throws -> CrashReport {
        let start = ContinuousClock.now
        // A testbed can be repeated only as a whole.
        let first = from - from % cyclesPerTestbed
        var report = CrashReport(scenario: scenario, seed: seed, from: first, to: first - 1)
        let progress = ProgressLine()
        var number = first
        let end = from + cycles
        while number < end && report.violations.isEmpty && !stop.isPending {
            let testbedEnd = min(number - number % cyclesPerTestbed + cyclesPerTestbed, end)
            var random = SeededRandom(seed: seed, sequence: number / cyclesPerTestbed)
            let directory = "\(workshop.directory)/testbed-\(number / cyclesPerTestbed)"
            let testbed = try Testbed(directory, program: workshop.gateway, users: users, seed: random.next(), recorder: recorder)
            do {
                while number < testbedEnd && !stop.isPending {
                    report.counts.merge(try cycle(testbed, number, &random, number == testbedEnd - 1), uniquingKeysWith: +)
                    report.to = number
                    number += 1
                    progress.show("\(scenario): cycle \(number) of \(end), \(report.messages + testbed.expectedLines) messages")
                }
                report.messages += testbed.expectedLines
            } catch let violation as Violation where !stop.isPending {
                report.violations.append("cycle \(number): \(violation)")
            } catch is Violation {
                // On a terminal the signal has reached the programs, too.
            }
            progress.end()
            testbed.end()
            report.counts.merge(testbed.backend.oracle.figures, uniquingKeysWith: +)
            try finish(directory, number, isKept: !report.violations.isEmpty)
        }
        report.seconds = (ContinuousClock.now - start) / .seconds(1)
        if report.violations.isEmpty, let missing = report.missing { report.violations.append(missing) }
        return report
    }

    private func finish(_ directory: String, _ number: Int, isKept: Bool) throws {
        guard isKept else { return try FileManager.default.removeItem(atPath: directory) }
        let kept = "\(keepIn)/holdfast-\(scenario)-\(seed)-\(number)"
        try? FileManager.default.removeItem(atPath: kept)
        try FileManager.default.moveItem(atPath: directory, toPath: kept)
        let text = "kept for a look: \(kept)\nto see it again, as far as timing allows: \(repeatCommand(number))\n"
        FileHandle.standardError.write(Data(text.utf8))
    }
}

extension CrashReport {
    /// Prints it, keeps it, and ends the program with an error if there was a violation.
    func finish(json: Bool, results: String?) throws {
        try Output.write(json ? Output.json(self) : text)
        if let results { try ResultsFile.append(self, to: results) }
        guard violations.isEmpty else { throw LoadError("VIOLATION in \(violations.joined(separator: "\n"))") }
    }
}

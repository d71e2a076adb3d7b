internal import ArgumentParser
internal import Foundation
internal import HoldfastCore
internal import HoldfastStorage

/// `holdfast verify`.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Checks every record and every row of a data directory, also of a gateway that runs.",
        discussion: """
            Checksums and formats of all records; every row of the store, and what the rows say of each other; that each inbox hangs together and \
            has its records in the journal; that what a start replays is whole. Changes nothing. The reading is done by a process of \
            its own, because a damaged page may end it. Memory: about 40 bytes for each message that waits.

            Exit code 0: intact. 73: damaged, with a line (or an object) for each finding. 72: the reading was ended from outside, by a memory \
            limit for instance, and nothing is known. Other codes: as with holdfast serve.

            EXAMPLE
              holdfast verify --data ./holdfast-data
              holdfast verify --data ./holdfast-data --json
            """)

    @Option(help: ArgumentHelp("The gateway's data directory.", valueName: "dir"))
    var data: String

    @Flag(help: "Prints one JSON object.")
    var json = false

    @Flag(help: .hidden)
    var here = false

    /// Verifies it, in this process or by another one.
    func run() async throws {
        if here { return try verifyHere() }
        let output = OperationOutput(isJSON: json)
        let report: VerifyReport
        do throws(StorageError) {
            report = try ReadingProcess.verify(data) { output.progress("verifying \($0), \($1)") }
        } catch {
            throw CommandFailure(error.description, exitCode: error.exitCode)
        }
        output.endProgress()
        try Self.show(report, output)
        if !report.isIntact { throw CommandFailure("", exitCode: StorageError(.damaged, "").exitCode) }
    }

    /// Prints what was found.
    static func show(_ report: VerifyReport, _ output: OperationOutput) throws(CommandFailure) {
        for finding in report.findings { try output.line(OperationOutput.line(finding)) }
        let counts = report.counts
        try output.line(
            report.isIntact
                ? "intact: \(counts.records) records, \(counts.users) users, \(counts.conversations) conversations, "
                    + "\(counts.inboxEntries) inbox entries"
                : "\(report.findings.count) findings. \(report.findings.last?.advice ?? "")")
        try output.json { object in
            object.add("intact", report.isIntact)
            object.add("records", counts.records)
            object.add("users", counts.users)
            object.add("conversations", counts.conversations)
            object.add("inboxEntries", counts.inboxEntries)
            object.add("findings", list: report.findings.map(OperationOutput.json))
        }
    }

    private func verifyHere() throws {
        do {
            let storage = try LMDBStorage.openReadOnly(directory: data)
            try Self.tell(.progress("free pages", 0))
            try storage.checkFreePages()
            let (findings, counts) = try Verification.run(on: storage) { try? Self.tell(.progress("\($0)", $1)) }
            for finding in findings { try Self.tell(.finding(finding)) }
            try Self.tell(.done(counts))
        } catch let error as StorageError {
            try Self.tell(.failed(error.code.rawValue, error.description))
        }
    }

    private static func tell(_ message: VerifyMessage) throws {
        try StandardStreams.output(Array(try JSONEncoder().encode(message)) + [UInt8(ascii: "\n")])
    }
}

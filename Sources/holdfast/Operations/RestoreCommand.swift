internal import ArgumentParser
internal import Foundation
internal import HoldfastCore
internal import HoldfastStorage
internal import HoldfastWire

/// `holdfast restore`.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Makes a data directory out of a backup, and begins a new era.",
        discussion: """
            The backup is verified first and stays as it is (but for a note of the era it was restored with). Clients that come back see the new \
            era: they take the restored gateway's cursor and sequence, mark what comes again, and report what the gateway has forgotten to their \
            users. Tickets from before don't open; everybody logs in with a token once.

            --replace keeps what it replaces, under the names journal.replaced-N and store.replaced-N in the same directory.

            A backup that is restored a second time must get an era above the one of the first time. That is seen to where the backup can be \
            written or the old directory be read; else say it with --era-above.

            Exit code 0: restored. 64: the target isn't empty. 73: the backup is damaged. 74: a gateway has the target. Others as with serve.

            EXAMPLE
              holdfast restore --from /backup/holdfast-2026-01-31 --data /var/lib/holdfast
            """)

    @Option(help: ArgumentHelp("The backup.", valueName: "dir"))
    var from: String

    @Option(help: ArgumentHelp("The data directory to make.", valueName: "dir"))
    var data: String

    @Flag(help: "Replace the data directory that is there; it is kept under another name.")
    var replace = false

    @Option(help: ArgumentHelp("The new era is above this one.", valueName: "era"))
    var eraAbove: UInt8?

    @Flag(help: "Prints one JSON object.")
    var json = false

    /// Restores it.
    func run() async throws {
        let output = OperationOutput(isJSON: json)
        defer { output.endProgress() }
        do {
            if StagedFiles.isPending(in: data) { return try goOn(output) }
            try checkBackup(output)
            let target = try TargetDirectory(data, option: "--data", replaces: replace)
            let above = try lastEra(output)
            let next = try target.copy(from: from, output) { storage in
                try storage.raiseEra(above: above)
            }
            try target.verify(output)
            noteEra(next.era)
            let replaced = try target.finish(reason: "replaced")
            try report(next.era, replaced, output)
        } catch let error as StorageError {
            throw CommandFailure(error.description, exitCode: error.exitCode)
        }
    }

    private func goOn(_ output: OperationOutput) throws {
        let lock = try DirectoryLock(data)
        let replaced = try StagedFiles.complete(in: data)
        withExtendedLifetime(lock) {}
        let next = try LMDBStorage.openReadOnly(directory: data).nextPosition
        try output.line("an interrupted restore or repair of \(data) was brought to its end")
        try report(next.era, replaced, output)
    }

    private func checkBackup(_ output: OperationOutput) throws {
        guard try DirectoryLock.isMade(from) else {
            throw CommandFailure(
                "--from \(from) is no backup: it has no file \"format\", which is written last. It was not finished, or is something else; "
                    + "name another one.", exitCode: CommandFailure.file)
        }
        let report = try ReadingProcess.verify(from) { output.progress("verifying \($0), \($1)") }
        output.endProgress()
        guard !report.isIntact else { return }
        for finding in report.findings.prefix(20) { StandardStreams.error(OperationOutput.line(finding)) }
        throw StorageError(
            .damaged,
            "The backup \(from) has \(report.findings.count) findings; nothing was changed. Use another backup, or repair a copy of this one."
        )
    }

    private var eraFile: String { from + "/restored-era" }

    /// The highest era that clients may have seen.
    private func lastEra(_ output: OperationOutput) throws -> UInt8 {
        var last = eraAbove ?? 0
        if let text = try? String(contentsOfFile: eraFile, encoding: .utf8), let era = UInt8(text.prefix { $0 != "\n" }) {
            last = max(last, era)
        }
        guard FileManager.default.fileExists(atPath: data + "/journal/data.mdb") else { return last }
        let (next, end) = try ReadingProcess.journalNumber(TableReader.nextPositionKey, in: data)
        if end == .whole, let next { return max(last, Position(rawValue: next).era) }
        if eraAbove == nil {
            throw CommandFailure(
                "The era of the directory that is replaced can't be read from \(data)/journal. Say it with --era-above (clients keep it as "
                    + "\"era\"; with --era-above 0 if no backup was ever restored and no repair made).", exitCode: CommandFailure.usage)
        }
        return last
    }

    private func noteEra(_ era: UInt8) {
        do {
            try Data("\(era)\n".utf8).write(to: URL(fileURLWithPath: eraFile), options: .atomic)
        } catch {
            StandardStreams.error(
                "holdfast: \(eraFile) can't be written. When this backup is restored again, give --era-above \(era), or clients may take old "
                    + "positions for new ones.")
        }
    }

    private func report(_ era: UInt8, _ replaced: [String], _ output: OperationOutput) throws {
        output.endProgress()
        try output.line("restored \(data), era \(era)")
        for name in replaced { try output.line("the old one is kept as \(data)/\(name)") }
        try output.line(
            "Clients log in with their tokens once. They hear of the new era, mark messages that come again, and report what was")
        try output.line(
            "confirmed to them after the backup as lost by the gateway. Keys that the configuration names elsewhere are not restored.")
        try output.json { object in
            object.add("restored", true)
            object.add("data", data)
            object.add("era", era)
            object.add("replaced", texts: replaced)
        }
    }
}

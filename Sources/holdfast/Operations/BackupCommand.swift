internal import ArgumentParser
internal import Foundation
internal import HoldfastCore
internal import HoldfastStorage
internal import HoldfastWire

/// `holdfast backup`.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copies a data directory into another one, also while its gateway serves.",
        discussion: """
            What was confirmed before the backup began is in it. The copy is of one moment, verified at the end, and needs no gateway to stop; \
            until it is done, the gateway's files grow by what is written meanwhile. The keys that the gateway made itself are copied, \
            readable for their owner only: the development key, that of users in the log, and the certificate. Not copied: ticket keys (a restored gateway makes new \
            ones, and clients log in with their tokens), and files that the configuration names elsewhere.

            The target must be missing or empty. Its file "format" is written last: without it, it is no backup.

            Exit code 0: the backup is whole and verified. 64: the target isn't empty. 71: no room. 73: the data directory is damaged.

            EXAMPLE
              holdfast backup --data /var/lib/holdfast --to /backup/holdfast-2026-01-31
            """)

    @Option(help: ArgumentHelp("The gateway's data directory.", valueName: "dir"))
    var data: String

    @Option(help: ArgumentHelp("The directory to make.", valueName: "dir"))
    var to: String

    @Flag(help: "Prints one JSON object.")
    var json = false

    /// Makes it.
    func run() async throws {
        let output = OperationOutput(isJSON: json)
        defer { output.endProgress() }
        do {
            guard try DirectoryLock.isMade(data) else {
                throw CommandFailure(
                    "--data \(data) is no data directory (it has no file \"format\"). Name the gateway's.", exitCode: CommandFailure.file)
            }
            let target = try TargetDirectory(to, option: "--to")
            let next = try target.copy(from: data, output) { _ in }
            try target.verify(output)
            try target.finish(reason: "replaced")
            output.endProgress()
            try output.line("backup of \(data) in \(to): everything before position \(next.rawValue), verified")
            try output.line(
                "keys copied: \(target.keys.isEmpty ? "none" : target.keys.joined(separator: ", ")); keep the backup as safe as them")
            try output.json { object in
                object.add("complete", true)
                object.add("to", to)
                object.add("nextPosition", next.rawValue)
                object.add("era", next.era)
                object.add("keys", texts: target.keys)
            }
        } catch let error as StorageError {
            throw CommandFailure(error.description, exitCode: error.exitCode)
        }
    }
}

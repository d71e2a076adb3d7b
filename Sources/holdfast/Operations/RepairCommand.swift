internal import ArgumentParser
internal import Foundation
internal import HoldfastCore
internal import HoldfastStorage

/// `holdfast repair`.
struct RepairCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Makes a damaged data directory serve again, and says what is lost by it. For a stopped gateway.",
        discussion: """
            What can be read is copied into new files, what belongs to it is made anew from them, and the copy is verified; then it takes the \
            place of the old files, which are kept as journal.damaged-N and store.damaged-N. Messages that can't be read reach their \
            recipients as a GAP with the reason "damaged", in their places. A new era begins, so that clients compare what they know, and tickets \
            from before don't open. It needs room for the copy, in the data directory.

            --dry-run does all of it but the last step: it says exactly what --apply would lose. A repair that was interrupted goes on when the \
            command is given again.

            Exit code 0: intact, or repaired. 73: damaged (--dry-run). 74: a gateway has the directory. Others as with serve.

            EXAMPLE
              holdfast repair --data ./holdfast-data --dry-run
              holdfast repair --data ./holdfast-data --apply
            """)

    @Option(help: ArgumentHelp("The gateway's data directory.", valueName: "dir"))
    var data: String

    @Flag(help: "Say what would be lost, and change nothing.")
    var dryRun = false

    @Flag(help: "Repair it.")
    var apply = false

    @Flag(help: "Prints one JSON object.")
    var json = false

    /// One of them has to be said.
    func validate() throws {
        guard dryRun != apply else { throw ValidationError("Say --dry-run, or --apply.") }
    }

    /// Repairs it, or says what that would do.
    func run() async throws {
        let output = OperationOutput(isJSON: json)
        defer { output.endProgress() }
        do {
            let lock = try DirectoryLock(data)
            defer { withExtendedLifetime(lock) {} }
            let run = RepairRun(data: data, applies: apply, output: output)
            if try run.run() { return }
        } catch let error as StorageError {
            throw CommandFailure(error.description, exitCode: error.exitCode)
        }
        throw CommandFailure("", exitCode: StorageError(.damaged, "").exitCode)
    }
}

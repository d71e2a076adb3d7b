internal import ArgumentParser
internal import HoldfastCore
internal import HoldfastWire

/// `holdfast inspect`.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Looks into a data directory, also of a gateway that runs; changes nothing.",
        discussion: """
            store     positions, era, checkpoint, sizes and counts (what is shown when nothing is asked for)
            journal   records in order, each with the status of its checksum; bodies are not shown
            sessions  users with the size of their inboxes, and their sessions; behind a
                      name stands what the gateway's log calls that user

            What is shown is what is on disk: acknowledgements reach it a moment after they were given. Exit code 73 when the \
            journal has a damaged record.

            EXAMPLE
              holdfast inspect --data ./holdfast-data
              holdfast inspect --data ./holdfast-data journal --after 1000 --limit 20
              holdfast inspect --data ./holdfast-data sessions --user bob --json
            """)

    /// What is looked at.
    enum Part: String, CaseIterable, ExpressibleByArgument {
        case store, journal, sessions
    }

    @Argument(help: ArgumentHelp("What to look at: \(Part.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "part"))
    var part = Part.store

    @Option(help: ArgumentHelp("The gateway's data directory.", valueName: "dir"))
    var data: String

    @Option(help: ArgumentHelp("Shows at most so many records or users.", valueName: "n"))
    var limit = 50

    @Option(help: ArgumentHelp("journal: only records after this position.", valueName: "position"))
    var after: UInt64?

    @Option(help: "sessions: only this user, by name or as the log calls them (#0123456789ab).")
    var user: String?

    @Flag(help: "Prints one JSON object.")
    var json = false

    /// Refuses what has no effect, rather than to ignore it.
    func validate() throws {
        if limit < 0 { throw ValidationError("--limit must not be negative.") }
        if after != nil && part != .journal { throw ValidationError("--after has an effect with journal only.") }
        if user != nil && part != .sessions { throw ValidationError("--user has an effect with sessions only.") }
    }

    /// Shows it.
    func run() async throws {
        do {
            let inspection = try DataInspection(data: data, isJSON: json, limit: limit)
            switch part {
            case .store: try inspection.showStore()
            case .sessions: try inspection.showSessions(user: user)
            case .journal:
                if try inspection.showJournal(after: Position(rawValue: after ?? 0)) > 0 {
                    throw CommandFailure("", exitCode: StorageError(.damaged, "").exitCode)
                }
            }
        } catch let error as StorageError {
            throw CommandFailure(error.description, exitCode: error.exitCode)
        }
    }
}

internal import ArgumentParser
internal import HoldfastCore
internal import HoldfastStorage

/// `holdfast read-table`: what `repair` starts, over and over. Not for people.
struct ReadTableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read-table", abstract: "Writes the rows of a table to standard output, for holdfast repair.",
        discussion: """
            EXAMPLE
              holdfast read-table --data ./holdfast-data --table store/users --from "" | xxd
            """, shouldDisplay: false)

    @Option(help: "The data directory.")
    var data: String

    @Option(help: "The table.")
    var table: String

    @Option(help: "The first key, in hexadecimal digits.")
    var from: String

    @Option(help: "At most so many rows.")
    var limit: Int?

    /// Refuses what isn't there.
    func validate() throws {
        guard TableReader.names.contains(table) else { throw ValidationError("--table must be one of \(TableReader.names).") }
    }

    /// Writes them.
    func run() async throws {
        var key: [UInt8] = []
        var digits = from[...]
        while digits.count >= 2 {
            key.append(UInt8(digits.prefix(2), radix: 16) ?? 0)
            digits = digits.dropFirst(2)
        }
        do {
            try TableFrames.write(table, of: data, from: key, limit: limit)
        } catch let error as StorageError {
            throw CommandFailure(error.description, exitCode: error.exitCode)
        }
    }
}

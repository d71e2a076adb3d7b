internal import ArgumentParser
internal import Foundation
internal import HoldfastClient

/// `holdfast receive`.
struct ReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive", abstract: "Receives messages, writes them down, then acknowledges them.",
        discussion: """
            Each message is a line. With --json, with --output, and when standard output is not a terminal, lines are JSON: \
            {"position", "user", "conversation", "from", "to", "time", "kind", "text" or "base64"}, and "repeat": true when the \
            message may have been handed over before. A gap is {"position", "user", "gap": reason, "count"}: messages that will \
            not come, and why. On a terminal without --json a line is: time from -> to: text.

            A device is a session of its own with its own place in the stream; it begins at the oldest message that is kept.

            With --output each message is in the file exactly once, whatever is killed: lines are synced before they are \
            acknowledged, a torn last line is cut at the next start, and the place in the stream is taken from the last whole \
            line, also when --state is gone or older. On standard output a message may come again after kill -9, with the same \
            position; none is missing. What can't be written is not acknowledged, and ends the command.

            SIGHUP opens the --output file again, for log rotation by renaming: what was acknowledged is, synced, in the old file or \
            in the new one. A message is in both, marked "repeat", only after a kill just before its acknowledgement.

            Ends with exit code 0 after --count messages; with --timeout when nothing has come for so long (exit code 1 if \
            --count wasn't reached); and on SIGINT and SIGTERM.

            EXAMPLE
              holdfast receive --as bob --count 1
              holdfast receive --as bob --device archive --output bob.jsonl
            """)

    @Option(name: .customLong("as"), help: ArgumentHelp("The user who receives.", valueName: "user"))
    var user: String

    @Option(help: "The device's name. A newer receiver on the same device takes the place of the older one.")
    var device = "cli"

    @Option(help: ArgumentHelp("Ends after so many messages.", valueName: "n"))
    var count: Int?

    @Option(help: ArgumentHelp("Ends when nothing has come for this time: 0.5s, 60s, 10m.", valueName: "time"))
    var timeout: TimeSpan?

    @Option(help: ArgumentHelp("Keeps the session's state in this directory.", valueName: "dir"))
    var state: String?

    @Option(help: ArgumentHelp("Appends the lines to this file, each exactly once.", valueName: "file"))
    var output: String?

    @Flag(help: "Writes JSON Lines to a terminal, too.")
    var json = false

    @OptionGroup(title: "CONNECTION")
    var client: ClientOptions

    /// At least one message.
    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be at least 1.") }
    }

    /// Receives.
    func run() async throws {
        try Names.checkUser(user, option: "--as")
        let rotation = output.map { _ in Rotation() }
        if output == nil { try StandardStreams.checkOutput() }
        let file = try output.map { (path) throws(CommandFailure) in try OutputFile(path: path, user: user) }
        if let file, file.cutBytes > 0 {
            StandardStreams.error("holdfast: Cut a torn last line of \(file.cutBytes) bytes from \(output ?? "").")
        }
        let session = try ClientSession(client, user: user, device: device, stateDirectory: state) { configuration in
            configuration.acknowledgesAutomatically = false
            configuration.storedPosition = file?.lastPosition
        }
        let isJSON = json || !StandardStreams.isTerminal(STDOUT_FILENO)
        let run = ReceiveRun(
            session: session, sink: file.map { .file($0) } ?? .standardOutput(isJSON: isJSON), rotation: rotation, user: user, count: count,
            timeout: timeout)
        let ending = await run.run()
        await session.close(.keep)
        switch ending {
        case .counted, .interrupted: return
        case .timedOut:
            if !session.hasConnected {
                throw CommandFailure("The gateway was not reached within \(timeout?.text ?? "").", exitCode: CommandFailure.unavailable)
            }
            if let count {
                throw CommandFailure("\(run.messageCount) of \(count) messages came, and then none for \(timeout?.text ?? "").")
            }
        case .failed(let failure): throw failure
        }
    }
}

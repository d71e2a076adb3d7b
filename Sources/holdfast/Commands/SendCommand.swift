internal import ArgumentParser
internal import Foundation
internal import HoldfastClient

/// `holdfast send`.
struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Sends messages, and returns when they are stored on the gateway's disk.",
        discussion: """
            The session only sends: it has no inbox, and never takes a receiver's place. The recipient needn't be connected, \
            and needn't have been seen before. On a full inbox it waits and tries again.

            Without --text, --file and --lines, --text is asked for. With --lines each line of standard input is a message; \
            a line ends with a line feed, which isn't part of it. With --state the outbox is kept in a directory: killed at any \
            moment and started again with the same input, every line is sent exactly once and in order; lines taken before \
            are skipped, and an input that begins otherwise is an error. More lines at the end of the same input are welcome. \
            A --text or --file that was taken with --state and cut off is sent by the next run, before that one's own.

            Exit code 0 only when everything is stored; else standard error (with --json, standard output) lists what is not. \
            JSON: {"complete": ..., "durable": N, "skipped": N, "notDurable": [{"first": N, "last": N, "reason": ...}]}.

            EXAMPLE
              holdfast send --as alice --to bob --text "are you there?"
              holdfast send --as alice --to bob --lines --state ./alice-outbox < orders.txt
            """)

    @Option(name: .customLong("as"), help: ArgumentHelp("The user who sends.", valueName: "user"))
    var user: String

    @Option(name: .customLong("to"), help: ArgumentHelp("The user who is to get it.", valueName: "user"))
    var recipient: String

    @Option(help: "Sends this text.")
    var text: String?

    @Option(help: ArgumentHelp("Sends the contents of this file as one message.", valueName: "file"))
    var file: String?

    @Flag(help: "Sends each line of standard input as a message.")
    var lines = false

    @Option(
        help: ArgumentHelp(
            "What the bodies are: \(BodyKindName.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "kind"))
    var kind = BodyKindName.text

    @Option(help: ArgumentHelp("Keeps session and outbox in this directory.", valueName: "dir"))
    var state: String?

    @Option(help: "The device's name. (default: one of its own, kept with --state)")
    var device: String?

    @Option(
        help: ArgumentHelp("Gives up when nothing was stored for this time while something waits: 0.5s, 60s, 10m.", valueName: "time"))
    var timeout = TimeSpan(seconds: 60)

    @Flag(help: "Prints one JSON object at the end.")
    var json = false

    @OptionGroup(title: "CONNECTION")
    var client: ClientOptions

    /// Exactly one thing to send.
    func validate() throws {
        guard [text != nil, file != nil, lines].count(where: { $0 }) == 1 else {
            throw ValidationError("Give one of --text, --file and --lines.")
        }
    }

    /// Sends.
    func run() async throws {
        try Names.checkUser(recipient, option: "--to")
        let source = try makeSource()
        let session = try ClientSession(client, user: user, device: try makeDevice(), stateDirectory: state) { configuration in
            configuration.isSendOnly = true
        }
        if lines, let state, case .damaged(let name, let reason) = session.client.recovery {
            await session.close(.keep)
            throw CommandFailure(
                """
                --state \(state) was damaged (\(reason)); it was set aside as \(name). Which lines it had taken isn't known, so nothing was \
                sent. See what the recipient has; the same command again sends all of the input.
                """, exitCode: CommandFailure.file)
        }
        let showsProgress = StandardStreams.canOverwrite(STDERR_FILENO)
        let run = SendRun(session: session, source: source, recipient: recipient, kind: kind, timeout: timeout)
        let ending = await run.run(showsProgress: showsProgress && lines)
        let report = run.report(ending, isKept: state != nil)
        // What has been told needs not be kept; of lines, a further run tells again.
        if state != nil && !lines && session.client.failedSends.allSatisfy({ $0.inputNumber == 0 }) {
            await session.client.forgetFailedSends()
        }
        await session.close(state == nil ? .logout : .keep)
        try finish(ending, report, showsProgress)
    }

    private func makeSource() throws(CommandFailure) -> MessageSource {
        if let text { return try .text(text) }
        if let file { return try .file(file) }
        return .standardInput
    }

    private func makeDevice() throws(CommandFailure) -> String {
        if let device { return device }
        guard let state else { return StatePath.randomDeviceName() }
        try StatePath.make(state)
        return try StatePath.deviceName(in: state)
    }

    private func finish(_ ending: SendRun.Ending, _ report: SendReport, _ isTerminal: Bool) throws(CommandFailure) {
        if json { try StandardStreams.output(line: report.json.string) }
        let skipped = report.skippedCount > 0 ? ", \(report.skippedCount) taken by an earlier run" : ""
        if ending == .finished && report.isComplete {
            if isTerminal { StandardStreams.error("stored: \(report.durableCount)\(skipped)") }
            return
        }
        var exitCode = CommandFailure.failed
        switch ending {
        case .finished: break
        case .timedOut: StandardStreams.error("holdfast: Nothing was stored for \(timeout.text) (--timeout).")
        case .interrupted: StandardStreams.error("holdfast: Interrupted.")
        case .failed(let failure):
            StandardStreams.error("holdfast: \(failure.message)")
            exitCode = failure.exitCode
        }
        // Nothing was begun: there is nothing to be listed, and nothing to be done again.
        if exitCode == CommandFailure.usage { throw CommandFailure("", exitCode: exitCode) }
        if !json {
            StandardStreams.error("holdfast: Stored: \(report.durableCount)\(skipped). Not stored:")
            for line in report.lines(noun: lines ? "line" : "message") { StandardStreams.error("  \(line)") }
        }
        if state != nil && !report.isComplete {
            StandardStreams.error("holdfast: Run the same command again to send what is kept in \(state ?? "").")
        }
        throw CommandFailure("", exitCode: exitCode)
    }
}

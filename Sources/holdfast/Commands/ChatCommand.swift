internal import ArgumentParser
internal import Foundation
internal import HoldfastClient
internal import Synchronization

/// `holdfast chat`.
struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talks with another user, line by line.",
        discussion: """
            A message that was written waits above the line, dimmed, until it is stored on the gateway's disk; then it moves up \
            with a check mark. The sign before the line is ● while connected and ○ while not; one can write on in either case. \
            Messages of other users are shown too, with their names. What is pasted is one message, with its lines, and shown \
            before Enter sends it. Control-D on an empty line ends, and Control-C always does: what was being written then is kept with --state, else shown once more.

            NO_COLOR turns colours off.

            When standard input or output is not a terminal, or TERM is dumb, each line of standard input is a message, what happens is a line \
            on standard output, and the end of the input ends the chat once everything is stored.

            EXAMPLE (in two terminals)
              holdfast chat --as alice --with bob
              holdfast chat --as bob --with alice
            """)

    @Option(name: .customLong("as"), help: ArgumentHelp("The user who talks.", valueName: "user"))
    var user: String

    @Option(name: .customLong("with"), help: ArgumentHelp("The other user.", valueName: "user"))
    var peer: String

    @Option(help: "The device's name.")
    var device = "chat"

    @Option(help: ArgumentHelp("Keeps session and outbox in this directory.", valueName: "dir"))
    var state: String?

    @OptionGroup(title: "CONNECTION")
    var client: ClientOptions

    /// Talks.
    func run() async throws {
        try Names.checkUser(peer, option: "--with")
        let session = try ClientSession(client, user: user, device: device, stateDirectory: state) { configuration in
            configuration.acknowledgesAutomatically = false
        }
        let terminal = Terminal()
        let run = ChatRun(session: session, user: user, peer: peer, draft: state.map { Draft(state: $0).read() } ?? "")
        let result: Result<Int, any Error>
        do { result = .success(try await run.run(terminal: terminal)) } catch { result = .failure(error) }
        terminal?.restore()
        if terminal != nil { keepDraft(run.draft.withLock { $0 }) }
        await session.close(.keep)
        let unsentCount = try result.get()
        if unsentCount > 0 {
            if let state { throw CommandFailure("\(unsentCount) messages were not sent; they are kept in \(state).") }
            StandardStreams.error(run.waitingTexts.map { "  \($0)" }.joined(separator: "\n"))
            throw CommandFailure("\(unsentCount) messages were not sent; they are lost, since there is no --state.")
        }
    }

    /// What was being written isn't lost: it is there again at the next start, or can be read and copied.
    private func keepDraft(_ text: String) {
        do {
            if let state {
                try Draft(state: state).write(text)
                if !text.isEmpty { StandardStreams.error("holdfast: What you were writing is kept in \(state) for the next chat.") }
                return
            }
        } catch {
            StandardStreams.error("holdfast: What you were writing can't be kept: \(error)")
        }
        if !text.isEmpty { StandardStreams.error("holdfast: Not sent, what you were writing:\n\(text)") }
    }
}

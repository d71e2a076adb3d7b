internal import ArgumentParser
internal import HoldfastClient

/// `holdfast chat`.
struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talks with another user, line by line.",
        discussion: """
            A message that was written waits above the line, dimmed, until it is stored on the gateway's disk; then it moves up \
            with a check mark. The sign before the line is ● while connected and ○ while not; one can write on in either case. \
            Messages of other users are shown too, with their names. Control-D ends.

            When standard input or output is not a terminal, each line of standard input is a message, what happens is a line \
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
        let unsentCount: Int
        do {
            unsentCount = try await ChatRun(session: session, user: user, peer: peer).run(terminal: terminal)
            terminal?.restore()
        } catch {
            terminal?.restore()
            await session.close(.keep)
            throw error
        }
        await session.close(.keep)
        if unsentCount > 0 {
            let kept = state.map { "kept in \($0)" } ?? "lost, since there is no --state"
            throw CommandFailure("\(unsentCount) messages were not sent; they are \(kept).")
        }
    }
}

internal import ArgumentParser
internal import Foundation
internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastIO
internal import HoldfastSystem

/// Where the program begins.
@main
enum Program {
    /// Without a thread for it, an async function waits for ever and in silence for the system to give one. This one runs on the first thread.
    @MainActor static func main() async {
        do {
            try DescriptorLimit.raiseToMaximum()
            if let limit = SystemLimit.descriptors.value, limit < descriptorsMin {
                throw IOError(
                    "start", reason: "the limit of open descriptors is \(limit), \(descriptorsMin) are needed; raise it with ulimit -n")
            }
            try ThreadLimit.require(threads)
        } catch {
            StandardStreams.error("holdfast: \(error)")
            exit(GatewayError.systemExitCode)
        }
        await Holdfast.main()
    }

    /// Of Swift's pool, and those that Foundation takes to watch a child process.
    private static let threads = 4
    /// Of Swift's pool, Foundation, and a client with its state.
    private static let descriptorsMin = 20
}

/// The command line: a gateway, and clients to try, script and look into it with.
struct Holdfast: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdfast",
        abstract: "A gateway for instant messaging over connections that last for days.",
        discussion: """
            EXAMPLE (in two terminals)
              holdfast serve
              holdfast send --as alice --to bob --text "hello"
              holdfast receive --as bob --count 1

            Each command has its own help: holdfast send --help

            \(ExitCode.help)
            """,
        version: "holdfast \(Release.version)",
        subcommands: [
            ServeCommand.self, TokenCommand.self, SendCommand.self, ReceiveCommand.self, ChatCommand.self, InspectCommand.self,
            PushSubcommand.self, UsersCommand.self, SessionsCommand.self, StatusCommand.self, EventsCommand.self,
            ConsumersCommand.self, DoctorCommand.self, VerifyCommand.self, RepairCommand.self, BackupCommand.self, RestoreCommand.self,
            ReadTableCommand.self,
        ])

    /// Runs a command; a failure is one message on standard error and an exit code.
    static func main() async {
        StandardStreams.occupyClosed()
        // A reader that has gone is an error of the write then, and not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // A file that would get longer than its limit, likewise.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot(try ProcessArguments.all())
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            if !failure.message.isEmpty { StandardStreams.error("holdfast: \(failure.message)") }
            Foundation.exit(failure.exitCode)
        } catch let error as ProcessArguments.Failure {
            StandardStreams.error("holdfast: \(error)")
            Foundation.exit(error.isUsage ? CommandFailure.usage : CommandFailure.unavailable)
        } catch {
            exit(withError: error)
        }
    }
}

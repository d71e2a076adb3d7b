import ArgumentParser
import Foundation
import HoldfastCore
import HoldfastIO

/// The load tester's command line.
@main
struct HoldfastLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdfast-load",
        abstract: "Puts load on a Holdfast gateway and checks that every message arrives once and in order.",
        discussion: """
            Each phone is a real client machine with a connection of its own. A run in which a message was lost, doubled, out of order or \
            damaged ends with a non-zero exit code. --json prints one JSON object.

            Exit code 0: clean. 1: not clean, or the run failed. 64: wrong use. 66: a file can't be used. 69: no gateway is there.

            A gateway to try it on:
              holdfast serve --data ./holdfast-data
              holdfast-load throughput --data ./holdfast-data --duration 5
            """,
        version: "holdfast-load \(Release.version)",
        subcommands: [
            IdleCommand.self, ConnectCommand.self, HeartbeatCommand.self, ThroughputCommand.self, ServiceCommand.self, StormCommand.self,
            DisconnectCommand.self,
            FlapCommand.self, ChurnCommand.self, OfflineCommand.self, MixedCommand.self, SoakCommand.self, OverloadCommand.self,
            RestartCommand.self,
            FillCommand.self, ScaleCommand.self, ProbeCommand.self, RatiosCommand.self, CompareCommand.self, ReportCommand.self,
            FlameCommand.self, BareHTTPCommand.self,
            SimulateCommand.self, CrashCommand.self, PowerCutCommand.self, MigrateCommand.self, HostileCommand.self, NetworkCommand.self,
        ])

    /// Runs a command; a failure is one message on standard error and an exit code.
    static func main() async {
        do {
            var command = try parseAsRoot(try ProcessArguments.all())
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as ProcessArguments.Failure {
            FileHandle.standardError.write(Data("holdfast-load: \(error)\n".utf8))
            Foundation.exit((error.isUsage ? ExitCode.usage : .unavailable).rawValue)
        } catch let error as LoadError {
            FileHandle.standardError.write(Data("Error: \(error)\n".utf8))
            Foundation.exit(error.exitCode)
        } catch {
            exit(withError: error)
        }
    }
}

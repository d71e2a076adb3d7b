import ArgumentParser
import Foundation
import HoldfastIO

/// `holdfast-load migrate`
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Migrates a data directory of an earlier format, killed meanwhile, and checks that every message arrives.",
        discussion: """
            Fills a directory of its own with --messages, and starts a gateway on it with --migrate, which is killed --kills times when it has said \
            that it has moved another part of the entries, and goes on each time; then all users come for their messages. The time of \
            all starts and the room that it took are told. With --filler an earlier version's holdfast-load fills the directory; without it this \
            version does, and copies it into one of format 1.

            --fixture kills the gateway at every write, sync and change of a name instead, one after the other, each time on a new copy of a small \
            directory: once as it is, and once with a power cut as in `powercut`. Whatever is left must be intact, and the next start go on.

            Examples:
              holdfast-load migrate --kills 2 --filler /opt/old/holdfast-load
              holdfast-load migrate --fixture ./format-1
            """)

    @OptionGroup var programs: ProgramOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Users with messages.") var users = 2_000
    @Option(help: "Messages that wait, in all.") var messages = 1_000_000
    @Option(help: "How often the gateway is killed in its migration.") var kills = 2
    @Option(help: ArgumentHelp("holdfast-load of the version whose directory it is to be.", valueName: "file")) var filler: String?
    @Option(help: ArgumentHelp("A data directory of format 1: kill at every change of a copy of it.", valueName: "dir")) var fixture:
        String?
    @Option(help: "--fixture: only every so many changes.") var every = 1
    @Option(help: "--fixture: decides what a power cut leaves. Default: another one each time.") var seed: UInt64?
    @Option(help: ArgumentHelp("--fixture: the recorder's sources. Default: LoadTests/powercut above this program.", valueName: "dir"))
    var recorder: String?

    func run() async throws {
        guard users > 0, messages >= users, kills >= 0, every > 0 else {
            throw LoadError(usage: "--users must be at least 1, --messages at least --users, --kills at least 0, --every at least 1")
        }
        let workshop = try programs.workshop()
        let watcher = try ChildProcess.stopOnInterrupt(removing: workshop.directory)
        defer { watcher.stop() }
        if let fixture { return try cut(fixture, workshop) }
        let scenario = MigrationScenario(workshop: workshop, users: users, messagesPerUser: messages / users, kills: kills, filler: filler)
        try await scenario.run().finish(json: output.json)
    }

    private func cut(_ fixture: String, _ workshop: Workshop) throws {
        let seed = seed ?? UInt64.random(in: 1...999_999)
        let cuts = MigrationCuts(
            program: workshop.gateway, recorder: try Recorder(sources: recorder, into: workshop.directory + "/recorder"), fixture: fixture,
            directory: workshop.directory, seed: seed)
        do {
            let result = try cuts.run(every: every)
            if output.json { return try Output.write(Output.json(result)) }
            Output.write(
                "\(result.kills) kills and \(result.cuts) power cuts at \(result.changes) changes of a migration; every entry was there once after each"
            )
        } catch let violation as Violation {
            throw LoadError("\(violation.description) (seed \(seed))")
        }
    }
}

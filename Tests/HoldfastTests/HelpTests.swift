import ArgumentParser
import Foundation
import HoldfastCore
import TestTraits
import Testing

@testable import holdfast

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct HelpTests {
    private static let commands: [any ParsableCommand.Type] = [Holdfast.self] + Holdfast.configuration.subcommands

    @Test func `no example or table is wrapped in a terminal of 80 columns`() {
        for command in Self.commands {
            let help = Set(Holdfast.helpMessage(for: command, columns: 80).split(separator: "\n"))
            for line in command.configuration.discussion.split(separator: "\n") where line.hasPrefix("  ") {
                let isWhole = help.contains(line)
                #expect(isWhole, "\(command): \(line)")
            }
        }
    }

    @Test func `README has the table of the exit codes as it is, and the runbook has no other`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        for code in ExitCode.allCases {
            #expect(readme.contains("\n| \(code.rawValue) | \(code.meaning) |\n"), "README's table needs \(code.rawValue): \(code.meaning)")
        }
        #expect(readme.matches(of: /\n\| \d{1,2} \| [a-z]/).count == ExitCode.allCases.count)
        let runbook = try String(contentsOf: root.appending(path: "Sources/holdfast/RUNBOOK.md"), encoding: .utf8)
        #expect(!runbook.contains("· 71 "))
    }

    @Test func `the version is told by the program and by each command`() async throws {
        let directory = try TemporaryDirectory()
        for arguments in [["--version"], ["send", "--version"]] {
            let result = try await Command.run(arguments, in: directory)
            #expect(result.status == 0)
            #expect(result.output == "holdfast \(Release.version)\n")
        }
    }
}

import ArgumentParser
import Testing

@testable import holdfast_load

@Suite struct LoadHelpTests {
    @Test func `no command is wrapped in a terminal of 80 columns`() {
        let commands: [any ParsableCommand.Type] = [HoldfastLoad.self] + HoldfastLoad.configuration.subcommands
        for command in commands {
            let help = Set(HoldfastLoad.helpMessage(for: command, columns: 80).split(separator: "\n"))
            for line in command.configuration.discussion.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard ["holdfast", "holdfast-load", "sudo", "Example:"].contains(words.first ?? "") || line.hasPrefix("    --") else {
                    continue
                }
                let isWhole = help.contains(line)
                #expect(isWhole, "\(command): \(line)")
            }
        }
    }
}

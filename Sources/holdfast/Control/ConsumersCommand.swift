internal import ArgumentParser
internal import Foundation

/// `holdfast consumers`.
struct ConsumersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consumers", abstract: "Shows the consumers of a running gateway's events, registers and removes them.",
        discussion: """
            The gateway keeps for a consumer what it hasn't acknowledged, within limits of time and bytes, and tells it what it has missed.

            EXAMPLE
              holdfast consumers add billing --types message.delivered
              holdfast consumers list
              holdfast consumers remove billing
            """,
        subcommands: [List.self, Add.self, Remove.self])

    /// As the gateway tells of it.
    struct Consumer: Decodable {
        struct Missed: Decodable {
            var after: String
            var through: String
            var reason: String
        }
        var name: String
        var types: [String]
        var user: String?
        var tag: String?
        var inboxes: [String]?
        var cursor: String
        var lag: String
        var missed: Missed?
        var hours: Int
        var bytesMax: Int

        var line: String {
            "\(name): at \(cursor), \(lag) records behind, kept for \(hours) h and \(bytesMax) bytes, \(types.joined(separator: ","))"
                + (user.map { ", user \($0)" } ?? "") + (tag.map { ", tag \($0)" } ?? "")
                + (inboxes.map { ", reads \($0.joined(separator: ","))" } ?? "")
                + (missed.map { ", has missed what is between \($0.after) and \($0.through): \($0.reason)" } ?? "")
        }
    }

    /// `holdfast consumers list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the consumers, and how far each is behind.",
            discussion: """
                EXAMPLE
                  holdfast consumers list --json
                """)

        @OptionGroup var control: ControlOptions

        private struct Consumers: Decodable {
            var consumers: [Consumer]
        }

        /// Shows them.
        func run() async throws {
            let answer = try await control.client.request(.get, "/v1/consumers")
            try control.show(answer, as: Consumers.self) { $0.consumers.map(\.line) }
        }
    }

    /// `holdfast consumers add`.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Registers a consumer, or changes one; what isn't said has its default.",
            discussion: """
                EXAMPLE
                  holdfast consumers add billing --types message.delivered,message.expired
                  holdfast consumers add audit --types audit.act --start oldest --hours 24
                  holdfast consumers add desk --types message.stored --user shop --inboxes shop
                """)

        @Argument(help: "The consumer's name: letters, digits, dots, underscores and minus signs.")
        var name: String

        @Option(help: ArgumentHelp("Only events of these types, with commas between them.", valueName: "types"))
        var types: String?

        @Option(help: ArgumentHelp("Only this user's events, and messages that he has sent.", valueName: "user"))
        var user: String?

        @Option(help: ArgumentHelp("Only messages with this tag.", valueName: "word"))
        var tag: String?

        @Option(
            help: ArgumentHelp(
                "Users whose inboxes it reads, with commas between them: what it acknowledges leaves them.", valueName: "users"))
        var inboxes: String?

        @Option(
            help: ArgumentHelp(
                "kept (where it is; a new one with what comes), newest, oldest, or behind a cursor.", valueName: "start"))
        var start = "kept"

        @Option(help: ArgumentHelp("How long it may be behind. (default: consumerHours)", valueName: "hours"))
        var hours: Int?

        @Option(help: ArgumentHelp("How many bytes of the journal it may be behind. (default: consumerBytesMax)", valueName: "n"))
        var bytesMax: Int?

        @OptionGroup var control: ControlOptions

        /// Registers it.
        func run() async throws {
            var registration: [String: Any] = ["start": start]
            registration["types"] = types.map { $0.split(separator: ",").map { String($0) } }
            registration["user"] = user
            registration["tag"] = tag
            registration["inboxes"] = inboxes.map { $0.split(separator: ",").map { String($0) } }
            registration["hours"] = hours
            registration["bytesMax"] = bytesMax
            let answer = try await control.client.request(.put, "/v1/consumers/" + ControlClient.path(name), json: registration)
            try control.show(answer, as: Consumer.self) { [$0.line] }
        }
    }

    /// `holdfast consumers remove`.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a consumer: nothing is kept for it any more.",
            discussion: """
                EXAMPLE
                  holdfast consumers remove billing
                """)

        @Argument(help: "The consumer's name.")
        var name: String

        @OptionGroup var control: ControlOptions

        /// Removes it.
        func run() async throws {
            let answer = try await control.client.request(.delete, "/v1/consumers/" + ControlClient.path(name))
            try control.show(answer, as: Consumer.self) { ["removed; it was \($0.line)"] }
        }
    }
}

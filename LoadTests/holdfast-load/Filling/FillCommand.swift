import ArgumentParser
import Foundation

/// `holdfast-load fill`
struct FillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill",
        abstract: "Makes a data directory with users and queued messages, as a gateway would have left it.",
        discussion: """
            For tests that need much on the disk before they begin. The gateway's core runs over its storage, without a network; every message is \
            synced and in its inbox, as if phones had sent it. The users are NAME-0, NAME-1, ... with a session of the device "load" each.

            With --pushed the messages come from a backend, each with an idempotency key, as POST /v1/messages stores them.

            Examples:
              holdfast-load fill --data ./full --users 1000000 --messages 10
              holdfast-load fill --data ./keys --users 1000000 --messages 10 --pushed
            """)

    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("The data directory; it must not be in use.", valueName: "dir")) var data: String
    @Option(help: "What the users' names begin with.") var name = "filled"
    @Option(help: "Users with a session each.") var users = 1_000_000
    @Option(help: "Messages that wait for each.") var messages = 10
    @Option(help: "Size of a message.") var bytes = 100
    @Flag(help: "Each message is a backend's, with a key.") var pushed = false

    func run() throws {
        guard users > 0, messages >= 0, (MessageBody.byteCountMin..<1 << 16).contains(bytes) else {
            throw LoadError(usage: "--users must be at least 1, --messages at least 0, --bytes \(MessageBody.byteCountMin)...65535")
        }
        let start = Fleet.nanoseconds
        try DirectoryFill.run(
            .init(directory: data, name: name, users: users, messagesPerUser: messages, bodyBytes: bytes, isPushed: pushed))
        var report = Report(scenario: "fill", clients: 0)
        report.seconds = Double(Fleet.nanoseconds - start) / 1e9
        report.cpuSeconds.generator = ProcessMeter.own.cpuSeconds ?? 0
        report.figures["users"] = Double(users)
        report.figures["messages"] = Double(users * messages)
        try report.finish(json: output.json)
    }
}

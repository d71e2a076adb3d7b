internal import ArgumentParser
internal import Foundation

/// `holdfast push`.
struct PushSubcommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Pushes a message to users through a running gateway, as a backend does.",
        discussion: """
            The message is stored when the command ends with exit code 0. With the same --key the same message is stored once, \
            however often the command is repeated: scripts should set one.

            EXAMPLE
              holdfast push --as shop --to alice --text "order 17 has left" --key order-17
              holdfast push --as shop --to alice --to bob --text hello --ttl 1h --json
            """)

    @Option(name: .customLong("as"), help: ArgumentHelp("The user who sends.", valueName: "user"))
    var account: String

    @Option(help: ArgumentHelp("A user who gets it; may be given up to 1,000 times.", valueName: "user"))
    var to: [String]

    @Option(help: "The message. (default: standard input)")
    var text: String?

    @Option(help: "What kind of message it is: text, image, voice, video, file, location, card, custom, event.")
    var kind = "text"

    @Option(
        help: ArgumentHelp(
            "How long the message is worth something: 90s, 15m, 1h, 7d. (default: as long as the inbox keeps it)", valueName: "time"))
    var ttl: TimeSpan?

    @Option(help: ArgumentHelp("A word for filters.", valueName: "word"))
    var tag: String?

    @Option(help: ArgumentHelp("What the message is known by when it is repeated. (default: a new one)", valueName: "key"))
    var key: String?

    @Flag(help: "Makes the message's delivery an event of its own.")
    var tracked = false

    @Flag(help: "Refuses a name that nobody has; without it a user begins with the message.")
    var mustExist = false

    @OptionGroup var control: ControlOptions

    private struct Pushed: Decodable {
        struct Recipient: Decodable {
            var user: String
            var position: String?
            var refusal: String?
        }
        var position: String
        var replayed: Bool
        var recipients: [Recipient]
    }

    /// Names that are empty or too long, and a key that can't be one, are refused here, with the option's name.
    func validate() throws {
        try Names.checkUser(account, option: "--as")
        for name in to { try Names.checkUser(name, option: "--to") }
        if let key, !(1...255).contains(key.utf8.count) || !key.utf8.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C })
        {
            throw ValidationError("--key must have 1 to 255 ASCII characters, without quotes and backslashes.")
        }
    }

    /// Stores it; exit code 1 when somebody was refused.
    func run() async throws {
        var message: [String: Any] = ["to": to, "as": account, "kind": kind, "tracked": tracked, "mustExist": mustExist]
        message["tag"] = tag
        if let ttl { message["ttlSeconds"] = Int(ttl.seconds) }
        if let text {
            message["text"] = text
        } else {
            message["base64"] = try await BlockingWork("input").run { FileHandle.standardInput.readDataToEndOfFile() }.base64EncodedString()
        }
        let answer = try await control.client.request(.post, "/v1/messages", json: message, key: key ?? UUID().uuidString)
        let pushed = try control.show(answer, as: Pushed.self) { pushed in
            ["stored at position \(pushed.position)\(pushed.replayed ? ", by an earlier request with the key" : "")"]
                + pushed.recipients.compactMap { recipient in recipient.refusal.map { "\(recipient.user): \($0)" } }
        }
        let refusedCount = pushed.recipients.count { $0.refusal != nil }
        if refusedCount > 0 { throw CommandFailure("\(refusedCount) of \(to.count) users don't get it.") }
    }
}

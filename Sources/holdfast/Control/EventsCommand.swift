internal import ArgumentParser
internal import Foundation
internal import HoldfastControl

/// `holdfast events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Prints what has happened at a running gateway: messages, sessions, acts of operators.",
        discussion: """
            It begins with the oldest events that are there, or, with --follow, with what comes. With --consumer it begins where the \
            consumer is, and acknowledges what it has printed: nothing is lost when it is ended, and some may be printed twice.

            What was missed, or undone by a restored backup, is told on standard error.

            EXAMPLE
              holdfast events --types message.delivered,message.expired
              holdfast events --user alice --follow
              holdfast events --consumer billing --follow --json
            """)

    @Option(help: ArgumentHelp("Goes on behind this cursor: the id of the last event that was seen.", valueName: "cursor"))
    var after: String?

    @Option(help: ArgumentHelp("The consumer whose events these are; see holdfast consumers.", valueName: "name"))
    var consumer: String?

    @Option(help: ArgumentHelp("Only events of these types, with commas between them.", valueName: "types"))
    var types: String?

    @Option(help: ArgumentHelp("Only this user's events, and messages that he has sent.", valueName: "user"))
    var user: String?

    @Option(help: ArgumentHelp("Only messages with this tag.", valueName: "word"))
    var tag: String?

    @Flag(help: "Has the bodies of messages.")
    var bodies = false

    @Flag(help: "Waits for what comes.")
    var follow = false

    @OptionGroup var control: ControlOptions

    private struct Page: Decodable {
        struct Missed: Decodable {
            var after: String
            var through: String
            var reason: String
        }
        var next: String
        var atEnd: Bool
        var missed: Missed?
        var rewoundTo: String?
    }

    /// Before all events.
    private static let start = "00000000000000000000-00000"
    private static let waitSeconds = 30

    /// Prints page after page.
    func run() async throws {
        var after = self.after ?? (consumer == nil && !follow ? Self.start : nil)
        while true {
            let page = try await printPage(after: after)
            if let consumer, page.next != after {
                _ = try await control.client.request(
                    .post, "/v1/consumers/\(ControlClient.path(consumer))/cursor", json: ["cursor": page.next])
            }
            after = page.next
            if page.atEnd && !follow { return }
        }
    }

    private func printPage(after: String?) async throws -> Page {
        var query = "bodies=\(bodies)&wait=\(follow ? Self.waitSeconds : 0)"
        for (name, value) in [("after", after), ("consumer", consumer), ("types", types), ("user", user), ("tag", tag)] {
            if let value { query += "&\(name)=" + ControlClient.path(value) }
        }
        let body = try await control.client.request(.get, "/v1/events?\(query)").body
        guard let page = try? JSONDecoder().decode(Page.self, from: Data(body)),
            case .list(let events)? = try? JSONParser.parse(body)["events"]
        else { throw ControlOptions.notUnderstood }
        // Who begins before all events has missed nothing that could be told.
        if let missed = page.missed, after != Self.start {
            StandardStreams.error("What happened between \(missed.after) and \(missed.through) is gone: \(missed.reason).")
        }
        if let place = page.rewoundTo {
            StandardStreams.error("What happened behind \(place) is undone, by a restored backup or a repair; it goes on there.")
        }
        for event in events { try StandardStreams.output(line: control.json ? event.json : Self.line(event)) }
        return page
    }

    /// Its cursor, time, type and user, then its particulars by name.
    private static func line(_ event: JSONValue) -> String {
        var words = ["id", "time", "type", "subject"].compactMap { event[$0]?.plain }
        if case .object(let members)? = event["data"] {
            words += members.filter { $0.name != "user" }.map { "\($0.name)=\($0.value.plain)" }
        }
        return VisibleText.of(words.joined(separator: " "))
    }
}

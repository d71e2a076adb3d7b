internal import ArgumentParser

/// `holdfast sessions`.
struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "Lists the connected sessions of a running gateway.",
        discussion: """
            EXAMPLE
              holdfast sessions --user alice
              holdfast sessions --limit 1000 --json
            """)

    @Option(help: ArgumentHelp("Only this user's.", valueName: "user"))
    var user: String?

    @Option(help: ArgumentHelp("Goes on from here: what the last page has as next.", valueName: "number"))
    var from: UInt32?

    @Option(help: ArgumentHelp("At most so many, 1 to 1,000.", valueName: "n"))
    var limit = 100

    @OptionGroup var control: ControlOptions

    private struct Page: Decodable {
        struct Connection: Decodable {
            var user: String
            var device: String
            var session: String
            var live: Bool
            var unacknowledgedMessages: Int
            var connectedSince: String?
            var address: String?
            var transport: String?
        }
        var connections: [Connection]
        var next: String?
    }

    /// Shows a page.
    func run() async throws {
        var query = "limit=\(limit)"
        if let from { query += "&from=\(from)" }
        if let user { query += "&user=" + ControlClient.path(user) }
        let answer = try await control.client.request(.get, "/v1/connections?\(query)")
        try control.show(answer, as: Page.self) { page in
            page.connections.map {
                "\($0.user) \($0.device): session \($0.session), \($0.live ? "live" : "catching up"), "
                    + "\($0.unacknowledgedMessages) messages not acknowledged" + ($0.connectedSince.map { ", since \($0)" } ?? "")
                    + ($0.address.map { ", from \($0)" } ?? "") + ($0.transport.map { ", \($0)" } ?? "")
            } + (page.next.map { ["(more: --from \($0))"] } ?? [])
        }
    }
}

internal import ArgumentParser
internal import Foundation

/// `holdfast status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says how a running gateway is: whether it serves, who is connected, what waits, how much room there is.",
        discussion: """
            Exit code 69 when no gateway answers, or when it doesn't serve (yet, or any more).

            EXAMPLE
              holdfast status
              holdfast status --data /var/lib/holdfast --json
            """)

    @OptionGroup var control: ControlOptions

    /// What is shown of the metrics, in this order; sums over their labels.
    private static let figures: [(metric: String, text: String)] = [
        ("holdfast_connections", "connections"),
        ("holdfast_undelivered_messages", "messages wait"),
        ("holdfast_undelivered_oldest_age_seconds", "seconds is the oldest of them old"),
        ("holdfast_inboxes_near_limit", "inboxes are nearly full"),
        ("holdfast_messages_stored_total", "messages stored since the start"),
        ("holdfast_messages_delivered_total", "messages delivered since the start"),
        ("holdfast_storage_room_bytes", "bytes may be stored before messages are refused"),
        ("holdfast_storage_refusing", "(1: messages are refused for want of room)"),
    ]

    /// Asks and shows.
    func run() async throws {
        let client = control.client
        var isReady = true
        do {
            _ = try await client.request(.get, "/readyz")
        } catch let failure as CommandFailure {
            guard (try? await client.request(.get, "/healthz")) != nil else { throw failure }
            isReady = false
        }
        let metrics = Self.sums(String(decoding: try await client.request(.get, "/metrics").body, as: UTF8.self))
        if control.json {
            var object: [String: Any] = ["ready": isReady]
            for (metric, _) in Self.figures { object[metric] = metrics[metric] }
            let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
            try StandardStreams.output(line: String(decoding: data, as: UTF8.self))
        } else {
            try StandardStreams.output(line: isReady ? "serves" : "doesn't serve: it starts or stops")
            for (metric, text) in Self.figures {
                if let value = metrics[metric] { try StandardStreams.output(line: "  \(Self.text(value)) \(text)") }
            }
        }
        if !isReady { throw CommandFailure("", exitCode: CommandFailure.unavailable) }
    }

    /// The sum of each metric's samples, of Prometheus' text format.
    private static func sums(_ text: String) -> [String: Double] {
        var sums: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let end = line.firstIndex(where: { $0 == "{" || $0 == " " }), let space = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: space)...])
            else { continue }
            sums[String(line[..<end]), default: 0] += value
        }
        return sums
    }

    private static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : String(format: "%.1f", value)
    }
}

internal import ArgumentParser
internal import Foundation

/// Where the gateway's control socket is, and how the answer is printed: the same for all commands that ask a gateway that runs.
struct ControlOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway's data directory, in which its control socket is.", valueName: "dir"))
    var data = ClientOptions.dataDefault

    @Option(help: ArgumentHelp("The socket, if controlSocket is set to another place. (default: DATA/control.sock)", valueName: "path"))
    var socket: String?

    @Flag(help: "Prints what the gateway has answered in JSON, one object a line.")
    var json = false

    var client: ControlClient { ControlClient(socket: socket ?? data + "/control.sock") }

    /// Prints an answer: as it is, or by lines made of it.
    /// - Returns: what the answer says.
    @discardableResult
    func show<Value: Decodable>(_ answer: ControlClient.Answer, as _: Value.Type, _ lines: (Value) -> [String]) throws -> Value {
        let value: Value
        do {
            value = try JSONDecoder().decode(Value.self, from: Data(answer.body))
        } catch {
            throw Self.notUnderstood
        }
        if json {
            try StandardStreams.output(line: String(decoding: answer.body, as: UTF8.self))
        } else {
            for line in lines(value) { try StandardStreams.output(line: line) }
        }
        return value
    }

    static let notUnderstood = CommandFailure(
        "the gateway's answer isn't one that this version understands: use holdfast of the gateway's version, or --json.")

    /// Has an operator's act carried out, and prints what it has done.
    func act(_ method: ControlClient.Method, _ target: String, json body: [String: Any]? = nil) async throws {
        try show(try await client.request(method, target, json: body), as: ActAnswer.self) { [$0.line] }
    }
}

/// What an act of an operator's has done.
struct ActAnswer: Decodable {
    var outcome: String
    var sessionsEnded: Int
    var connectionsClosed: Int
    var position: String

    var line: String {
        outcome == "unchanged"
            ? "unchanged: it was so already"
            : "\(outcome): \(sessionsEnded) sessions ended, \(connectionsClosed) connections closed, at position \(position)"
    }
}

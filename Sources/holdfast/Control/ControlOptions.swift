internal import ArgumentParser
internal import Foundation

/// Where the gateway's control socket is, and how the answer is printed: the same for all commands that ask a gateway that runs.
struct ControlOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway's data directory, in which its control socket is.", valueName: "dir"))
    var data = ClientOptions.dataDefault

    @Option(help: ArgumentHelp("The socket, if controlSocket is set to another place. (default: DATA/control.sock)", valueName: "path"))
    var socket: String?

    @Flag(help: "Prints the gateway's answer as it is, one JSON object.")
    var json = false

    var client: ControlClient { ControlClient(socket: socket ?? data + "/control.sock") }

    /// Prints an answer: as it is, or by lines made of it.
    func show<Value: Decodable>(_ answer: ControlClient.Answer, as _: Value.Type, _ lines: (Value) -> [String]) throws {
        if json { return try StandardStreams.output(answer.body.last == UInt8(ascii: "\n") ? answer.body : answer.body + [10]) }
        let value: Value
        do {
            value = try JSONDecoder().decode(Value.self, from: Data(answer.body))
        } catch {
            throw CommandFailure(
                "the gateway's answer isn't one that this version understands: use holdfast of the gateway's version, or --json.")
        }
        for line in lines(value) { try StandardStreams.output(line: line) }
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

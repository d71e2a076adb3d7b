internal import ArgumentParser
internal import Foundation
internal import Hummingbird
internal import Logging

/// `holdfast-load bare-http`: what the control API's pushes are measured against.
struct BareHTTPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bare-http",
        abstract: "A bare Hummingbird server that decodes and encodes the JSON of POST /v1/messages, and stores nothing.",
        discussion: """
            Prints `ready http=ADDRESS:PORT` and serves until SIGTERM. LoadTests/http.sh runs it beside a gateway.

            EXAMPLE
              holdfast-load bare-http --port 0
            """)

    @Option(help: ArgumentHelp("The port on 127.0.0.1; 0: a free one.", valueName: "port"))
    var port = 0

    private struct Message: Decodable {
        var to: String
        var `as`: String?
        var kind: String?
        var text: String
        var tag: String?
        var ttlSeconds: Int?
    }

    private struct Answer: ResponseEncodable {
        struct Recipient: Codable {
            var user: String
            var position: String
        }
        var position: String
        var replayed: Bool
        var keyKeptUntil: String
        var recipients: [Recipient]
    }

    func run() async throws {
        let router = Router()
        router.post("/v1/messages") { request, context in
            let message = try await request.decode(as: Message.self, context: context)
            return Answer(
                position: "72057594037927936", replayed: false, keyKeptUntil: "2026-11-30T12:00:00.000Z",
                recipients: [.init(user: message.to, position: "72057594037927936")])
        }
        var logger = Logger(label: "bare-http")
        logger.logLevel = .error
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                FileHandle.standardOutput.write(Data("ready http=127.0.0.1:\(channel.localAddress?.port ?? 0)\n".utf8))
            }, logger: logger)
        try await app.runService()
    }
}

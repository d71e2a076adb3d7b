internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// One request to a gateway's control API, by its unix socket: the gateway knows by that whose process it is, so no token is needed.
struct ControlClient {
    /// The path of the socket.
    let socket: String

    /// What the gateway has answered with success.
    struct Answer {
        var status: Int
        var body: [UInt8]
    }

    /// How the resource that a request names is dealt with.
    enum Method: String {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    /// An answer takes no more room than this.
    private static let bodyBytesMax = 64 << 20
    private static let secondsMax: Int64 = 60

    /// - Parameters:
    ///   - target: path and query, percent-encoded.
    ///   - json: the body; nil: none.
    /// - Throws: when the gateway isn't reached, or when its answer is a problem: with its text, and what to do.
    func request(_ method: Method, _ target: String, json: [String: Any]? = nil, key: String? = nil) async throws -> Answer {
        var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method.rawValue), uri: target)
        head.headers.add(name: "Host", value: "localhost")
        head.headers.add(name: "Connection", value: "close")
        if let key { head.headers.add(name: "Idempotency-Key", value: "\"\(key)\"") }
        var body: [UInt8] = []
        if let json {
            body = Array(try JSONSerialization.data(withJSONObject: json, options: [.sortedKeys, .withoutEscapingSlashes]))
            head.headers.add(name: "Content-Type", value: "application/json")
            head.headers.add(name: "Content-Length", value: "\(body.count)")
        }
        let answer = try await exchange(head, body)
        guard (200..<300).contains(answer.status) else { throw Self.failure(answer) }
        return answer
    }

    private func exchange(_ head: HTTPRequestHead, _ body: [UInt8]) async throws -> Answer {
        do {
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(5))
                .connect(unixDomainSocketPath: socket) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(wrappingChannelSynchronously: channel)
                    }
                }
            let timer = channel.channel.eventLoop.scheduleTask(in: .seconds(Self.secondsMax)) { channel.channel.close(promise: nil) }
            defer { timer.cancel() }
            return try await channel.executeThenClose { input, output in
                try await output.write(.head(head))
                if !body.isEmpty { try await output.write(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
                try await output.write(.end(nil))
                var answer: Answer?
                for try await part in input {
                    switch part {
                    case .head(let head): answer = Answer(status: Int(head.status.code), body: [])
                    case .body(let bytes):
                        answer?.body.append(contentsOf: bytes.readableBytesView)
                        if answer?.body.count ?? 0 > Self.bodyBytesMax {
                            throw CommandFailure("the answer has more than \(Self.bodyBytesMax) bytes; ask for less.")
                        }
                    case .end: if let answer { return answer }
                    }
                }
                throw CommandFailure(
                    "the gateway has closed the connection without an answer; look into its log.", exitCode: CommandFailure.unavailable)
            }
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure(
                "no gateway answers at \(socket): \(error). Is it running, with this controlSocket, and are you root or its user?",
                exitCode: CommandFailure.unavailable)
        }
    }

    private struct Problem: Decodable {
        var title: String
        var detail: String
        var action: String
        var requestId: String
    }

    private static func failure(_ answer: Answer) -> CommandFailure {
        guard let problem = try? JSONDecoder().decode(Problem.self, from: Data(answer.body)) else {
            return CommandFailure("the gateway has answered with status \(answer.status).")
        }
        let detail = problem.detail.isEmpty ? problem.title : problem.detail
        return CommandFailure(
            "\(detail) \(problem.action) (request \(problem.requestId))",
            exitCode: answer.status == 503 ? CommandFailure.unavailable : answer.status < 500 ? CommandFailure.usage : CommandFailure.failed
        )
    }

    /// A name as a part of a path.
    static func path(_ name: String) -> String {
        name.addingPercentEncoding(withAllowedCharacters: CharacterSet(charactersIn: unreserved)) ?? ""
    }

    /// RFC 3986, section 2.3.
    private static let unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
}

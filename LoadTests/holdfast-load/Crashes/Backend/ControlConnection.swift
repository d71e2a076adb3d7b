internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// A connection to a gateway's control API, with one request under way at a time. NIO's codec and nothing above it: a client that repeats requests by
/// itself would hide from the run which of them left twice.
struct ControlConnection {
    /// The gateway's control API, and what opens it.
    struct Target: Equatable, Sendable {
        var host: String
        var port: Int
        var token: String
    }

    /// An answer that isn't an upload's.
    struct Answer {
        var status: Int
        var body: Data
    }

    /// The connection ended before the answer did.
    struct Broken: Error {}

    private let target: Target
    private let requests: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    private var answers: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator

    /// Opens a connection for `body`, and closes it.
    static func open(_ target: Target, _ body: (inout ControlConnection) async throws -> Void) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(5))
            .connect(host: target.host, port: target.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { answers, requests in
            var connection = ControlConnection(target: target, requests: requests, answers: answers.makeAsyncIterator())
            try await body(&connection)
        }
    }

    /// Asks for something.
    mutating func get(_ path: String) async throws -> Answer {
        try await requests.write(.head(head(.GET, path)))
        try await requests.write(.end(nil))
        return try await answer()
    }

    /// Pushes one message.
    mutating func post(_ path: String, key: String, json: Data) async throws -> Answer {
        var head = head(.POST, path, key: key, type: "application/json")
        head.headers.add(name: "Content-Length", value: "\(json.count)")
        try await requests.write(.head(head))
        try await requests.write(.body(.byteBuffer(ByteBuffer(bytes: json))))
        try await requests.write(.end(nil))
        return try await answer()
    }

    /// Uploads lines, so many at once, and takes each answered line as it comes.
    /// - Parameters:
    ///   - window: lines that aren't answered. Their bytes and those of their answers have room in the sockets.
    ///   - willSend: told of each line, by its place in `lines`, before it leaves.
    ///   - answered: gets the lines of the answer.
    /// - Returns: the answer that was none of an upload; nil: it was one, to its end.
    mutating func upload(
        _ path: String, key: String, lines: [Data], window: Int, willSend: (Int) -> Void, answered: (Data) -> Void
    ) async throws -> Answer? {
        try await requests.write(.head(head(.POST, path, key: key, type: "application/x-ndjson")))
        var (sent, taken) = (0, 0)
        var (status, rest) = (0, Data())
        while true {
            if sent < lines.count && sent == taken {
                for place in sent..<min(sent + window, lines.count) {
                    willSend(place)
                    try await requests.write(.body(.byteBuffer(ByteBuffer(bytes: lines[place] + Data("\n".utf8)))))
                    sent += 1
                }
                if sent == lines.count { try await requests.write(.end(nil)) }
            }
            switch try await answers.next(isolation: #isolation) {
            case nil: throw Broken()
            case .head(let head): status = Int(head.status.code)
            case .body(let bytes):
                rest.append(contentsOf: bytes.readableBytesView)
                guard status == 200 else { continue }
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    answered(Data(rest[..<end]))
                    rest = Data(rest[(end + 1)...])
                    taken += 1
                }
            case .end: return status == 200 && taken == lines.count ? nil : Answer(status: status, body: rest)
            }
        }
    }

    private func head(_ method: HTTPMethod, _ path: String, key: String? = nil, type: String? = nil) -> HTTPRequestHead {
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: path)
        head.headers.add(name: "Host", value: "\(target.host):\(target.port)")
        head.headers.add(name: "Authorization", value: "Bearer \(target.token)")
        if let key { head.headers.add(name: "Idempotency-Key", value: "\"\(key)\"") }
        if let type { head.headers.add(name: "Content-Type", value: type) }
        return head
    }

    private mutating func answer() async throws -> Answer {
        var answer = Answer(status: 0, body: Data())
        while let part = try await answers.next(isolation: #isolation) {
            switch part {
            case .head(let head): answer.status = Int(head.status.code)
            case .body(let bytes): answer.body.append(contentsOf: bytes.readableBytesView)
            case .end: return answer
            }
        }
        throw Broken()
    }
}

import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

/// A connection to the control API that sends what it is told, byte for byte. It never blocks a thread: the server runs on the same ones.
final class RawHTTP: Sendable {
    /// What came back.
    struct Answer: Equatable {
        var status: Int
        /// Lower case names.
        var headers: [String: String]
        var body: String

        var problem: [String: Any] { json }
        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:] }
        /// The word of the problem's type.
        var kind: String? { (json["type"] as? String)?.split(separator: ":").last.map(String.init) }
    }

    struct Failure: Error { var description: String }

    private struct State {
        var bytes: [UInt8] = []
        var isEnded = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex(State())

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            change { $0.bytes += bytes }
        }

        func channelInactive(context: ChannelHandlerContext) { change { $0.isEnded = true } }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed? = event as? ChannelEvent { change { $0.isEnded = true } }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func change(_ body: (inout State) -> Void) {
            let waiters = state.withLock { state in
                body(&state)
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }
    }

    private let channel: any Channel
    private let collector: Collector

    private init(_ channel: any Channel, _ collector: Collector) { (self.channel, self.collector) = (channel, collector) }

    deinit { channel.close(promise: nil) }

    private static func bootstrap(_ collector: Collector, _ tls: NIOSSLContext?) -> ClientBootstrap {
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil)) }
                    try channel.pipeline.syncOperations.addHandler(collector)
                }
            }
    }

    static func connect(to address: String, tls: NIOSSLContext? = nil, autoRead: Bool = true) async throws -> RawHTTP {
        let colon = try #require(address.lastIndex(of: ":"))
        let collector = Collector()
        let port = try #require(Int(address[address.index(after: colon)...]))
        let bootstrap = bootstrap(collector, tls).channelOption(.autoRead, value: autoRead)
        return RawHTTP(try await bootstrap.connect(host: String(address[..<colon]), port: port).get(), collector)
    }

    static func connect(toSocket path: String) async throws -> RawHTTP {
        let collector = Collector()
        return RawHTTP(try await bootstrap(collector, nil).connect(unixDomainSocketPath: path).get(), collector)
    }

    /// One request on a connection of its own.
    static func ask(_ address: String, _ request: String) async throws -> Answer {
        let http = try await connect(to: address)
        try await http.send(request)
        return try await http.answer()
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    /// What came, as soon as `isEnough` of it is there, or the connection's end.
    private func wait(_ isEnough: @escaping ([UInt8]) -> Bool) async {
        while true {
            let isDone = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                let done = collector.state.withLock { $0.isEnded || isEnough($0.bytes) }
                continuation.resume(returning: done)
            }
            if isDone { return }
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isDone = collector.state.withLock { state in
                    if state.isEnded || isEnough(state.bytes) { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        }
    }

    /// Everything until the server closes.
    func untilEnd() async -> String {
        await wait { _ in false }
        return String(decoding: collector.state.withLock { $0.bytes }, as: UTF8.self)
    }

    /// What came, as soon as a text is in it so many times; everything, if the server closes before.
    func until(_ text: String, count: Int = 1) async -> String {
        let wanted = Array(text.utf8)
        await wait { $0.ranges(of: wanted).count >= count }
        return String(decoding: collector.state.withLock { $0.bytes }, as: UTF8.self)
    }

    /// Takes of what comes until a text is in it, and hardly more; for a connection without `autoRead`.
    func take(until text: String) async {
        let wanted = Array(text.utf8)
        while collector.state.withLock({ !$0.isEnded && $0.bytes.firstRange(of: wanted) == nil }) {
            // One after the other: the loop would see to its tasks only, and never to the socket.
            try? await channel.eventLoop.submit { [channel] in channel.read() }.get()
        }
    }

    func close() async throws { try await channel.close() }

    /// The next answer with a length, taken out of what came.
    func answer() async throws -> Answer {
        await wait { Self.answer(in: $0) != nil }
        let bytes = collector.state.withLock { $0.bytes }
        guard let (answer, count) = Self.answer(in: bytes) else {
            throw Failure(description: "no answer, but: \(String(decoding: bytes, as: UTF8.self))")
        }
        collector.state.withLock { $0.bytes.removeFirst(count) }
        return answer
    }

    /// A body that comes in chunks, and how many bytes it took; nil: it isn't whole yet.
    private static func chunks(in bytes: ArraySlice<UInt8>) -> ([UInt8], Int)? {
        var (body, rest): ([UInt8], ArraySlice<UInt8>) = ([], bytes)
        while true {
            guard let end = rest.firstRange(of: Array("\r\n".utf8)),
                let count = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16),
                rest.count >= end.upperBound - rest.startIndex + count + 2
            else { return nil }
            body += rest[end.upperBound..<end.upperBound + count]
            rest = rest[(end.upperBound + count + 2)...]
            if count == 0 { return (body, rest.startIndex - bytes.startIndex) }
        }
    }

    private static func answer(in bytes: [UInt8]) -> (Answer, Int)? {
        let end = Array("\r\n\r\n".utf8)
        guard let range = bytes.firstRange(of: end) else { return nil }
        let lines = String(decoding: bytes[..<range.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count == 2 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        }
        if (100..<200).contains(status) { return (Answer(status: status, headers: headers, body: ""), range.upperBound) }
        if headers["transfer-encoding"] == "chunked" {
            guard let (body, count) = chunks(in: bytes[range.upperBound...]) else { return nil }
            return (Answer(status: status, headers: headers, body: String(decoding: body, as: UTF8.self)), range.upperBound + count)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count >= range.upperBound + length else { return nil }
        let body = String(decoding: bytes[range.upperBound..<range.upperBound + length], as: UTF8.self)
        return (Answer(status: status, headers: headers, body: body), range.upperBound + length)
    }
}

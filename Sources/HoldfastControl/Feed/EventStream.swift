internal import HoldfastCore
internal import HoldfastGateway
internal import HummingbirdCore
internal import NIOCore

/// The feed as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). What the client doesn't take holds back the next
/// page; a client that was cut off goes on behind the last `id` that it has.
struct EventStream: Sendable {
    let gateway: Gateway
    let source: String
    /// How often at least the client hears that the stream lives.
    let beat: Duration
    /// Refuses a caller who may not listen any more.
    let checkAgain: @Sendable () async throws(Problem) -> Void
    let clientEnd: ClientEnd

    /// Bytes that leave at once.
    private static let writeBytes = 16 << 10

    /// Runs until the client goes, loses its right, or the gateway drains.
    /// - Parameter first: the page behind the place.
    @concurrent func run(
        from place: FeedPlace, _ first: FeedPage, _ next: FeedReader, _ writer: inout any ResponseBodyWriter
    ) async throws {
        var (page, reader, told, nextBeat) = (first, next, place, ContinuousClock.now + beat)
        var buffer = ByteBuffer(string: "retry: 1000\n")
        Self.write(place: told, to: &buffer)
        try await writer.write(buffer)
        do {
            while true {
                try await write(page, &writer)
                told = page.events.last?.place ?? page.rewoundTo ?? page.missed?.through ?? told
                if page.isAtEnd { await reader.wait(atMost: nextBeat - .now, clientEnd) }
                guard gateway.isServing, !clientEnd.isOver else { break }
                if ContinuousClock.now >= nextBeat {
                    nextBeat = .now + beat
                    try await checkAgain()
                    buffer.clear()
                    buffer.writeString(":\n")
                    if reader.place != told { Self.write(place: reader.place, to: &buffer) }
                    told = reader.place
                    try await writer.write(buffer)
                }
                page = try await reader.next()
            }
        } catch is Problem {
            // There is no telling in the middle of a stream: the client comes again, and is told then.
        }
        try await writer.finish(nil)
    }

    @concurrent private func write(_ page: FeedPage, _ writer: inout any ResponseBodyWriter) async throws {
        var buffer = ByteBuffer()
        let notices = [page.rewoundTo.map { FeedNotice.rewound(to: $0) }, page.missed.map { .missed($0) }].compactMap(\.self)
        for notice in notices { Self.write(notice.place, notice.name, to: &buffer) { notice.write(to: &$0, source: source) } }
        for event in page.events {
            Self.write(event.place, event.type.name, to: &buffer) { event.write(to: &$0, source: source) }
            guard buffer.readableBytes >= Self.writeBytes else { continue }
            try await writer.write(buffer)
            buffer.clear()
        }
        if buffer.readableBytes > 0 { try await writer.write(buffer) }
    }

    /// An event. Its data has no line breaks: JSON writes those of texts as escapes.
    private static func write(_ place: FeedPlace, _ type: String, to buffer: inout ByteBuffer, _ data: (inout JSONWriter) -> Void) {
        buffer.writeString("id: \(place)\nevent: \(type)\ndata: ")
        buffer.writeBytes(JSONWriter.object(data))
        buffer.writeString("\n\n")
    }

    /// Without data it is no event: it only says where the client goes on if the stream breaks before there is one.
    private static func write(place: FeedPlace, to buffer: inout ByteBuffer) { buffer.writeString("id: \(place)\n\n") }
}

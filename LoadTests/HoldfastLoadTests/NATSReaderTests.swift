import Testing

@testable import holdfast_load

@Suite struct NATSReaderTests {
    /// What stands at the begin of a text, and its rest; ranges as texts.
    private static func read(_ text: String) throws -> (kind: String, rest: String)? {
        let bytes = Array(text.utf8)
        guard let (message, end) = try NATSReader.read(bytes.span, from: 0) else { return nil }
        func part(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        let kind =
            switch message {
            case .error(let range): "error\(part(range))"
            case .message(let subject, let subscription, let reply, let status, let payload):
                "\(part(subject)) \(subscription) \(reply.map(part) ?? "-") \(status.map(String.init) ?? "-") '\(part(payload))'"
            default: "\(message)"
            }
        return (kind, String(decoding: bytes[end...], as: UTF8.self))
    }

    private static let good = [
        ("INFO {\"server_id\":\"a b c d e f g h i\"}\r\n", "info"), ("PING\r\n", "ping"), ("PONG\r\n", "pong"), ("+OK\r\n", "ok"),
        ("-ERR 'Authorization Violation'\r\n", "error 'Authorization Violation'"),
        ("MSG user.a 12 5\r\nhello\r\n", "user.a 12 - - 'hello'"), ("MSG a 1  0\r\n\r\n", "a 1 - - ''"),
        ("MSG a\t1 reply.b 4\r\n\r\n\r\n\r\n", "a 1 reply.b - '\r\n\r\n'"),
        ("HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", "a 1 - - 'hi'"), ("HMSG a 1 r 16 16\r\nNATS/1.0 503\r\n\r\n\r\n", "a 1 r 503 ''"),
    ]

    @Test(arguments: good) func `a message is read wherever its bytes are cut`(_ text: String, _ kind: String) throws {
        for count in 0..<text.utf8.count {
            #expect(try Self.read(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == nil, "\(count)")
        }
        let found = try #require(try Self.read(text + "rest"))
        #expect(found.kind == kind && found.rest == "rest")
    }

    @Test func `what isn't a message is an error`() {
        let cases: [(String, NATSError)] = [
            ("HELLO\r\n", .unknownOperation), ("\r\n", .unknownOperation), ("PING\n", .malformed), ("PING\rx", .malformed),
            ("PING 1\r\n", .malformed), ("MSG a 1\r\n", .malformed), ("MSG a x 5\r\n", .malformed), ("MSG a 1 -5\r\n", .malformed),
            ("MSG a 1 b c 5\r\n", .malformed), ("MSG a 1 99999999999999999999\r\n", .malformed),
            ("MSG a 1 2000000\r\n", .tooLarge(2_000_000)),
            ("MSG a 1 2\r\nhixx", .malformed), ("HMSG a 1 5 4\r\nabcd\r\n", .malformed), ("HMSG a 1 4 4\r\nHTTP\r\n", .malformed),
            ("HMSG a 1 14 14\r\nNATS/1.0 5x\r\n\r\n\r\n", .malformed),
        ]
        for (text, error) in cases { #expect(throws: error, "\(text)") { try Self.read(text) } }
        #expect(throws: NATSError.lineTooLong) { try Self.read(String(repeating: "x", count: NATSReader.lineBytesMax + 1)) }
    }

    @Test func `no change of a byte makes it trap`() {
        for (text, _) in Self.good {
            for index in text.utf8.indices {
                for byte: UInt8 in [0, 10, 13, 32, 48, 57, 65, 255] {
                    var bytes = Array(text.utf8)
                    bytes[text.utf8.distance(from: text.startIndex, to: index)] = byte
                    _ = try? NATSReader.read(bytes.span, from: 0)
                }
            }
        }
    }
}
